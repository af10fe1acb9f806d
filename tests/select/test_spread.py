"""Stride and chance."""

import numpy as np

from slimaffect.select.spread import random, stride


def test_stride_keeps_even_distances() -> None:
    """A quarter: every fourth, from a drawn start, and groups do not start alike."""
    groups = np.repeat(np.arange(40), 20)
    kept = stride(groups, keep=0.25, seed=0).kept.reshape(40, 5)
    assert (np.diff(kept, axis=1) == 4).all()
    assert set(kept[:, 0] % 20) == {0, 1, 2, 3}


def test_chance_is_even() -> None:
    """Over many seeds every unit is kept equally often."""
    groups = np.repeat([0, 1], [30, 10])
    often = np.zeros(40)
    for seed in range(600):
        often[random(groups, keep=0.5, seed=seed).kept] += 1
    assert abs(often - 300).max() < 75  # six standard deviations of a coin thrown 600 times
