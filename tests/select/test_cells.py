"""Quotas of label bins, and strata of difficulty."""

import numpy as np

from slimaffect.select.cells import BINS, coverage, label_bins, quota, rarity


def test_label_bins_cover_the_square() -> None:
    """The borders belong to the outermost bins."""
    corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1], [0.19, -0.19]], dtype=float)
    assert label_bins(corners).tolist() == [0, 4, 20, 24, 12]


def test_a_bin_is_rare_only_where_its_neighbours_are() -> None:
    """An empty bin amid full ones is not as rare as one far from all."""
    cells = np.repeat([6, 8, 12, 7, 11], 100)
    worth = rarity(cells)
    assert worth[24] > worth[13] > worth[7]
    assert np.isfinite(worth).all()


def test_quota_levels_the_labels() -> None:
    """Rare labels get more than their share, common ones less, and a rare clip stands for fewer."""
    random = np.random.default_rng(0)
    labels = np.clip(random.normal(0, 0.3, (4000, 2)), -1, 1)
    groups = np.repeat(np.arange(4), 1000)
    chosen = quota(groups, labels, keep=0.1, seed=0)
    far = np.abs(labels).max(1) > 0.6
    assert far[chosen.kept].mean() > 1.3 * far.mean()
    assert chosen.weights[far[chosen.kept]].mean() < chosen.weights[~far[chosen.kept]].mean()
    assert np.average(far[chosen.kept], weights=chosen.weights) < 1.1 * far.mean()


def test_coverage_leaves_out_the_hardest_and_takes_all_strata_alike() -> None:
    """Evenly over difficulty, where chance would follow its density."""
    random = np.random.default_rng(0)
    difficulty = random.exponential(1, 5000)
    kept = coverage(np.zeros(5000, int), difficulty, keep=0.1, seed=0).kept
    highest = np.quantile(difficulty, 0.9)
    assert difficulty[kept].max() <= highest
    counts = np.histogram(difficulty[kept], bins=10, range=(difficulty.min(), highest))[0]
    assert counts.tolist() == [50] * 10


def test_small_strata_are_kept_whole_and_the_rest_fills_up() -> None:
    """More than nine tenths asked for: some of the hardest must be taken."""
    difficulty = np.r_[np.zeros(80), np.linspace(0.5, 1, 10), np.full(10, 5.0)]
    kept = coverage(np.zeros(100, int), difficulty, keep=0.3, seed=0).kept
    assert np.isin(np.arange(80, 90), kept).all()
    assert len(coverage(np.zeros(100, int), difficulty, keep=0.97, seed=0).kept) == 97


def test_bins_are_those_of_the_tally() -> None:
    """Five by five."""
    assert len(rarity(np.zeros(3, int))) == BINS**2
