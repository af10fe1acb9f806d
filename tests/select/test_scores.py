"""Scores: how hard, how central."""

import numpy as np
import pytest

from slimaffect.select import scores
from slimaffect.select.scores import difficult, k_means, moderate, prototype, residuals


@pytest.fixture
def mislabelled() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels follow the features linearly, but for one in twenty."""
    random = np.random.default_rng(0)
    features = random.normal(0, 1, (1000, 5)).astype(np.float32)
    labels = np.clip(features[:, :2] / 4 + random.normal(0, 0.02, (1000, 2)), -1, 1)
    wrong = random.random(1000) < 0.05
    labels[wrong] = -np.sign(labels[wrong])
    return features, labels, np.repeat(np.arange(10), 100), wrong


def test_mislabelled_units_are_the_hardest(mislabelled) -> None:
    """The residual finds them."""
    features, labels, groups, wrong = mislabelled
    hard = residuals(features, labels, groups)
    assert np.quantile(hard[wrong], 0.05) > np.quantile(hard[~wrong], 0.95)


def test_nobody_is_judged_by_a_fit_on_their_own_data(mislabelled) -> None:
    """Other labels of a subject change the residuals of others, and of their own only as much as labels differ."""
    features, labels, groups, _ = mislabelled
    other = labels.copy()
    other[groups == 3] *= -1
    said = residuals(features, np.zeros_like(labels), groups)
    assert np.allclose(said, 0)
    before, after = residuals(features, labels, groups), residuals(features, other, groups)
    mine = groups == 3
    guess = np.abs(other[mine] - labels[mine]).mean(1)
    assert (np.abs(after - before)[mine] <= guess + 1e-9).all()
    assert not np.allclose(before[groups == 4], after[groups == 4])


def test_residuals_do_not_depend_on_the_blocks(mislabelled, monkeypatch) -> None:
    """Rows are looked at a few at a time; the sums are the same."""
    features, labels, groups, _ = mislabelled
    whole = residuals(features, labels, groups)
    monkeypatch.setattr(scores, "ROWS", 77)
    np.testing.assert_allclose(residuals(features, labels, groups), whole, rtol=1e-9)


def test_the_cut_takes_the_mislabelled_out(mislabelled) -> None:
    """Hardest first collects label noise; without the hardest tenth there is next to none."""
    features, labels, groups, wrong = mislabelled
    hard = residuals(features, labels, groups)
    assert wrong[difficult(groups, hard, keep=0.1, cut=0).kept].mean() > 0.4
    assert wrong[difficult(groups, hard, keep=0.1, cut=0.1).kept].mean() < 0.02


def test_the_cut_gives_way_where_everything_is_asked_for() -> None:
    """Of the hardest the least hard come back first."""
    hard = np.arange(10.0)
    assert difficult(np.zeros(10, int), hard, keep=0.9, cut=0.2).kept.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert difficult(np.zeros(10, int), hard, keep=0.3, cut=0.2).kept.tolist() == [5, 6, 7]


def test_clusters_are_found_and_the_farthest_kept() -> None:
    """Prototypes settle in the clusters; what lies between them is kept."""
    random = np.random.default_rng(0)
    places = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0]])
    features = (places[random.integers(0, 3, 600)] + random.normal(0, 0.5, (600, 2))).astype(np.float32)
    features[:6] = 8.0 + random.normal(0, 0.1, (6, 2))
    centres = k_means(features, seed=0)
    assert all(np.linalg.norm(centres - place, axis=1).min() < 1 for place in places)
    odd = prototype(features, np.zeros(600, int), keep=0.05, seed=1).kept
    assert len(set(range(6)) & set(odd.tolist())) in (0, 6)  # all, or a prototype of their own


def test_moderate_keeps_the_median_distance() -> None:
    """Neither the typical nor the odd ones of a label bin."""
    random = np.random.default_rng(0)
    radius = random.uniform(0, 10, 500)
    angle = random.uniform(0, 2 * np.pi, 500)
    features = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).astype(np.float32)
    kept = moderate(features, np.zeros((500, 2)), np.zeros(500, int), keep=0.2).kept
    middle = np.median(radius)
    assert np.abs(radius[kept] - middle).max() < 2
    assert np.delete(np.abs(radius - middle), kept).min() > 0.3
