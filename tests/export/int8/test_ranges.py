"""Each choice of range does what its source says, on histograms whose answer is known."""

import numpy as np
import pytest

from slimaffect.export.int8.ranges import BINS, CHOICES, SHARES, entropy_range, mse_range, percentile_range, rounded


def histogram(values):
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    return np.histogram(values, BINS, (low, high))[0], low, high


@pytest.fixture(scope="module")
def outlier():
    """Half zeros and half exponential as after a ReLU, and one value ten times as large as all others."""
    drawn = np.random.default_rng(0).exponential(1, 100_000)
    return np.concatenate([np.zeros(100_000), drawn, [10 * drawn.max()]])


@pytest.mark.parametrize("choice", CHOICES)
def test_zero_is_in_every_range(choice):
    """Also where all values are positive, or all negative: padding and a ReLU's zeros must stay zero."""
    random = np.random.default_rng(1)
    for values in (random.uniform(2, 3, 5000), random.uniform(-3, -2, 5000), random.normal(0, 1, 5000)):
        low, high = CHOICES[choice](*histogram(values))
        assert low <= 0 <= high
        assert low < high


def test_minmax_clips_nothing(outlier):
    """The range ends where the values do."""
    assert CHOICES["minmax"](*histogram(outlier)) == (0.0, outlier.max())


def test_percentile_drops_the_share_that_it_says():
    """A thousandth of evenly spread values lies outside the range that keeps 99.9 %, on both sides alike."""
    values = np.random.default_rng(2).uniform(-1, 1, 1_000_000)
    low, high = percentile_range(*histogram(values), kept=0.99)
    assert np.mean((values < low) | (values > high)) == pytest.approx(0.01, abs=2e-3)
    assert low == pytest.approx(-high, abs=2e-3)


def test_mse_is_least_of_all_shares(outlier):
    """No other share of the full range rounds these very values with a smaller squared error, but for the bins' width."""
    low, high = mse_range(*histogram(outlier))

    def error(share):
        return np.mean((outlier - rounded(outlier, 0.0, share * outlier.max())) ** 2)

    assert error(high / outlier.max()) <= 1.02 * min(error(share) for share in SHARES)
    assert low == 0.0


def test_entropy_clips_what_is_alone(outlier):
    """One far value is given up for finer steps; values that fill their range evenly are all kept."""
    assert entropy_range(*histogram(outlier))[1] < 0.5 * outlier.max()
    flat = np.random.default_rng(3).uniform(0, 1, 200_000)
    assert entropy_range(*histogram(flat))[1] > 0.95


def test_rounding_has_256_levels():
    """Among them the ends of the range and zero."""
    levels = np.unique(rounded(np.linspace(-1, 3, 10_000), -1.0, 3.0))
    assert len(levels) == 256
    assert 0.0 in levels
    np.testing.assert_allclose(levels[[0, -1]], [-1, 3], atol=4 / 255)
