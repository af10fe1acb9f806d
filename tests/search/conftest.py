"""A synthetic objective whose truth is known, and a space for it."""

import numpy as np
import pytest

from slimaffect.search.space import Space, Span
from slimaffect.settings import Settings

# Shares of the variance over the whole space, as in a small study of real trainings: one setting rules.
TRUTH = {"rate": 0.92, "optimiser": 0.06, "hidden": 0.02, "decay": 0.002, "dropout": 0.0}
IMPORTANT = {"rate", "optimiser", "hidden"}


class Five(Settings):
    """Five settings."""

    rate: float = 0.5
    optimiser: float = 0.5
    hidden: float = 0.5
    decay: float = 0.5
    dropout: float = 0.5


class Known:
    """A score of 0.6 at a drawn optimum that falls quadratically; the same seed, the same noise."""

    def __init__(self, study: int, noise: float = 0.005) -> None:
        self.optimum = np.random.default_rng([study, 1]).uniform(0.25, 0.75, len(TRUTH))
        self.noise, self.study, self.calls = noise, study, []
        shares = np.array(list(TRUTH.values()))
        self.slope = np.sqrt(shares / shares.sum()) * 0.10 / 0.0745  # 0.10 is the spread of CCC over the space

    def true(self, point: np.ndarray) -> float:
        return 0.6 - float((self.slope * np.square(point - self.optimum)).sum())

    def __call__(self, values: dict, seed: int, report=lambda *_: None) -> float:
        point = np.array([values[name] for name in TRUTH])
        self.calls.append(dict(values))
        drawn = np.random.default_rng([seed, *(int(1e6 * x) for x in point)])
        score = self.true(point) + float(drawn.normal(0, self.noise))
        for percent in (25, 50, 75, 100):
            report(percent, score * percent / 100)
        return score


@pytest.fixture
def base() -> Five:
    """Where every search starts."""
    return Five()


@pytest.fixture
def space() -> Space:
    """All five from 0 to 1."""
    return {name: Span(low=0, high=1) for name in TRUTH}
