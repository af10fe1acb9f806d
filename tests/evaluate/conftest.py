"""Answers of a model that knows something, on people who differ."""

import numpy as np
import pytest

from slimaffect.evaluate.answers import Answers, SubjectAnswers

SITES = ("athens", "bonn", "cadiz", "delft")


def _fold(site: str, random: np.random.Generator, *, subjects: int = 6, frames: int = 80, gain: float = 0.7):
    """People differ in their mean affect and in how well they are read; frames of one person hang together."""
    people = []
    for index in range(subjects):
        affect = random.normal(0, 0.25, 2) + np.cumsum(random.normal(0, 0.06, (frames, 2)), axis=0)
        affect = np.clip(affect, -1, 1)
        predicted = random.normal(gain, 0.25) * affect + random.normal(0, 0.15, 2) + random.normal(0, 0.1, (frames, 2))
        people.append(SubjectAnswers(f"{site}-{index:02d}", predicted, affect, np.ones(frames, dtype=bool)))
    return Answers(site, 0, tuple(people))


def _simulate(seed: int, **how) -> list[Answers]:
    """Simulate all folds of one seed."""
    random = np.random.default_rng(seed)
    return [_fold(site, random, **how) for site in SITES]


@pytest.fixture
def answers() -> list[Answers]:
    """Four folds of six subjects."""
    return _simulate(3)


@pytest.fixture
def simulate():
    """Simulate the folds of one study: `simulate(seed, subjects=..., frames=..., gain=...)`."""
    return _simulate
