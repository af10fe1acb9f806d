"""Units whose features hold clusters, and clips of four people."""

from typing import NamedTuple

import numpy as np
import pytest

from slimaffect.data.clips import Clips, Recording, cut


class Made(NamedTuple):
    features: np.ndarray
    labels: np.ndarray
    groups: np.ndarray


@pytest.fixture(scope="session")
def made() -> Made:
    """Three subjects of 60, 100 and 7 units; labels follow the features, as faces follow affect."""
    random = np.random.default_rng(1)
    groups = np.repeat([5, 9, 2], [60, 100, 7])
    features = random.normal(0, 1, (167, 6)).astype(np.float32) + groups[:, None] / 10
    labels = np.tanh(features[:, :2] - features[:, :2].mean(0) + random.normal(0, 0.2, (167, 2)))
    return Made(features, labels, groups)


@pytest.fixture(scope="session")
def clips() -> Clips:
    """Two sites of two people, 12 s each, cut into overlapping clips; some frames have no label."""
    random, recordings = np.random.default_rng(0), []
    for site, subject in [("S1", "a"), ("S1", "b"), ("S2", "c"), ("S2", "d")]:
        affect = np.tanh(np.cumsum(random.normal(0, 0.2, (120, 2)), 0)).astype(np.float32)
        valid = random.random(120) > 0.1
        affect[~valid] = np.nan
        frames = random.integers(0, 256, (120, 3, 18, 18), dtype=np.uint8)
        recordings.append(Recording(site, subject, "r", frames, affect, valid, np.arange(120) / 10, subject))
    return cut(recordings, length=10, stride=3, rate=10)
