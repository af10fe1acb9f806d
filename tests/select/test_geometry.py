"""k-center, facility location and herding against brute force."""

from itertools import combinations

import numpy as np
import pytest

from slimaffect.select.geometry import facility_location, farthest_first, herding, k_center, most_similar, squared


@pytest.fixture(params=range(6))
def small(request) -> np.ndarray:
    """Eleven units on a plane."""
    return np.random.default_rng(request.param).normal(0, 1, (11, 2)).astype(np.float32)


def distances(features: np.ndarray) -> np.ndarray:
    return np.linalg.norm(features[:, None].astype(float) - features[None], axis=-1)


def test_distances_are_those_of_the_definition(small) -> None:
    """The matrix product answers as the loop does."""
    np.testing.assert_allclose(squared(small, small[:4]), distances(small)[:, :4] ** 2, atol=1e-5)


@pytest.mark.parametrize("wanted", [1, 2, 3, 4])
def test_k_center_leaves_nobody_twice_as_far_as_the_best_choice(small, wanted) -> None:
    """Gonzalez's bound, against all choices."""
    apart = distances(small)
    radius = apart[:, farthest_first(small, wanted)].min(1).max()
    least = min(apart[:, choice].min(1).max() for choice in combinations(range(11), wanted))
    assert least <= radius <= 2 * least + 1e-6


def test_k_center_is_farthest_first(small) -> None:
    """Step by step what the definition says, in double precision."""
    apart = distances(small)
    taken = [int(np.argmin(np.linalg.norm(small - small.mean(0), axis=1)))]
    while len(taken) < 6:
        taken.append(int(np.argmax(apart[:, taken].min(1))))
    assert farthest_first(small, 6).tolist() == taken


def similarity(features: np.ndarray) -> np.ndarray:
    apart = distances(features)
    return apart.max() - apart


@pytest.mark.parametrize("wanted", [1, 2, 3, 4])
def test_facility_location_comes_as_near_to_the_best_as_it_must(small, wanted) -> None:
    """1 - 1/e of the best of all choices, and the best itself for one unit."""
    similar = similarity(small)
    reached = similar[:, most_similar(small, wanted)].max(1).sum()
    most = max(similar[:, choice].max(1).sum() for choice in combinations(range(11), wanted))
    assert reached >= (1 if wanted == 1 else 1 - 1 / np.e) * most - 1e-4


def test_lazy_greedy_is_greedy() -> None:
    """Upper bounds spare evaluations and change no choice."""
    features = np.random.default_rng(3).normal(0, 1, (120, 5)).astype(np.float32)
    similar = similarity(features)
    taken: list[int] = []
    for _ in range(30):
        held = similar[:, taken].max(1) if taken else np.zeros(120)
        taken.append(int(np.argmax(np.maximum(similar, held[:, None]).sum(0))))
    assert most_similar(features, 30).tolist() == taken


def test_herding_follows_the_mean() -> None:
    """The mean of what is kept lies nearer the mean of all than chance brings it."""
    random = np.random.default_rng(0)
    features, groups = random.normal(0, 1, (300, 8)).astype(np.float32), np.zeros(300, int)
    kept = herding(features, groups, keep=0.1).kept
    by_chance = [np.linalg.norm(features[random.choice(300, 30)].mean(0) - features.mean(0)) for _ in range(50)]
    assert np.linalg.norm(features[kept].mean(0) - features.mean(0)) < 0.2 * np.mean(by_chance)


def test_far_units_stand_for_few() -> None:
    """A unit stands for those that lie nearest to it: a lone one for itself."""
    features = np.r_[np.zeros((9, 2)), [[50.0, 50.0]]].astype(np.float32)
    features[:9] += np.random.default_rng(0).normal(0, 0.1, (9, 2))
    for choose in (k_center, facility_location):
        kept, weights = choose(features, np.zeros(10, int), keep=0.2)
        assert dict(zip(kept.tolist(), weights.tolist(), strict=True))[9] == 1.0
        assert sorted(weights) == [1.0, 9.0]


@pytest.mark.parametrize("choose", [k_center, facility_location, herding])
def test_blocks_bound_memory_and_keep_the_budget(choose) -> None:
    """A group of several blocks keeps its share, spread over them; one block or none in small groups."""
    features = np.random.default_rng(0).normal(0, 1, (1000, 3)).astype(np.float32)
    groups = np.repeat([0, 1], [930, 70])
    kept, weights = choose(features, groups, keep=0.1, block=100)
    assert (groups[kept] == 0).sum() == 93
    assert np.histogram(kept[kept < 930], bins=10, range=(0, 930))[0].tolist() == pytest.approx([9.3] * 10, abs=0.8)
    assert weights.sum() == pytest.approx(1000)
    assert len(choose(features, groups, keep=0.002, block=100).kept) == 3  # 2 and at least 1
    assert choose(features, groups, keep=1.0, block=99).kept.tolist() == list(range(1000))
