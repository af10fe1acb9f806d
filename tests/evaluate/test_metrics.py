"""The metrics, against the bugs that public code has had (docs/methods: the protocol)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from slimaffect.evaluate.metrics import ccc, is_constant, pcc, rmse, sagr

SERIES = arrays.arrays(np.float64, 12, elements=st.floats(-1, 1, width=32))


@pytest.fixture
def pair():
    """One noisy prediction of a slow label."""
    random = np.random.default_rng(0)
    affect = np.cumsum(random.normal(0, 0.05, 200))
    return 0.7 * affect + random.normal(0, 0.1, 200) + 0.1, affect


@pytest.mark.parametrize("frames", [2, 8, 16, 64, 1000])
def test_a_perfect_prediction_scores_exactly_one(frames):
    """All three moments are divided by n: a hybrid of n and n - 1 would give (n - 1) / n."""
    series = np.random.default_rng(frames).normal(size=frames)
    assert ccc(series, series) == 1.0


def test_ccc_is_the_formula_of_lin_1989(pair):
    """CCC is 2 cov / (var + var + squared gap of the means), worked out here with numpy's own moments."""
    x, y = pair
    expected = 2 * np.cov(x, y, bias=True)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    assert ccc(x, y) == pytest.approx(expected, abs=1e-14)


@given(SERIES, SERIES)
def test_ccc_is_bounded_by_pcc(x, y):
    """An offset or another scale can only cost: |CCC| <= |PCC| <= 1, wherever both exist."""
    one, other = ccc(x, y), pcc(x, y)
    if not np.isnan([one, other]).any():
        assert abs(one) <= abs(other) + 1e-9
        assert abs(other) <= 1 + 1e-9


def test_a_constant_label_has_no_score_even_when_predicted_perfectly():
    """0/0 is NaN, and so is a small error beside it: never a silent 0."""
    still = np.full(50, 0.1)  # 0.1 is no binary fraction: its mean is off by a rounding
    assert np.isnan(ccc(still, still))
    assert np.isnan(ccc(still + np.linspace(-1e-3, 1e-3, 50), still))
    assert np.isnan(pcc(still, still))


def test_a_constant_prediction_of_a_moving_label_is_worth_nothing():
    """A model that always answers the same is scored 0 by CCC; its correlation does not exist."""
    label = np.linspace(-1, 1, 9)
    assert ccc(np.zeros(9), label) == 0.0
    assert np.isnan(pcc(np.zeros(9), label))


def test_a_small_spread_around_a_large_mean_is_not_lost():
    """Two passes in float64: float32 in one pass is wrong by far more than a rounding."""
    random = np.random.default_rng(1)
    y = random.normal(0, 1e-3, 20_000)
    x = 0.6 * y + random.normal(0, 5e-4, 20_000)
    far = ccc((x + 100).astype(np.float64), y + 100)
    assert far == pytest.approx(ccc(x, y), abs=1e-9)
    a, b = (x + 100).astype(np.float32), (y + 100).astype(np.float32)
    single = (
        2 * ((a * b).mean() - a.mean() * b.mean()) / ((a * a).mean() - a.mean() ** 2 + (b * b).mean() - b.mean() ** 2)
    )
    assert not abs(float(single) - ccc(x, y)) < 0.01


@pytest.mark.parametrize("metric", [ccc, pcc, rmse, sagr])
def test_a_missing_value_on_either_side_drops_the_frame_on_both(metric, pair):
    """The same result as dropping the rows; the missing ones are in no n."""
    x, y = (series.copy() for series in pair)
    x[3], y[7], y[11] = np.nan, np.nan, np.nan
    kept = np.delete(np.arange(len(x)), [3, 7, 11])
    assert metric(x, y) == metric(x[kept], y[kept])


@pytest.mark.parametrize("metric", [ccc, pcc, rmse, sagr])
def test_the_order_of_frames_does_not_matter(metric, pair):
    """Shuffled rows give the same score."""
    x, y = pair
    order = np.random.default_rng(2).permutation(len(x))
    assert metric(x[order], y[order]) == pytest.approx(metric(x, y), abs=1e-12)


def test_ccc_does_not_decompose_into_batches():
    """The mean of the CCC of two batches is another number than the CCC of both."""
    x, y = np.array([0.0, 0.1, 0.8, 0.9]), np.array([0.0, 0.2, 0.7, 0.9])
    assert ccc(x, y) - (ccc(x[:2], y[:2]) + ccc(x[2:], y[2:])) / 2 > 0.1


def test_zeros_in_the_sign_agreement_follow_the_written_rule():
    """A label of exactly 0 is left out; a prediction of exactly 0 is wrong for a label with a sign."""
    assert sagr(np.array([0.2, -0.2, 0.0]), np.array([0.0, -0.4, 0.3])) == 0.5
    assert np.isnan(sagr(np.array([0.2, -0.2]), np.zeros(2)))


def test_nothing_to_score_is_nan_for_every_metric():
    """No frames, or none in common, give NaN and no warning."""
    empty, alone = np.empty(0), np.array([0.3])
    assert all(np.isnan(metric(empty, empty)) for metric in (ccc, pcc, rmse, sagr))
    assert np.isnan(ccc(alone, alone))
    assert is_constant(empty)


@pytest.mark.usefixtures("unchecked")
def test_series_of_different_length_are_refused():
    """Both lengths stand in the message."""
    with pytest.raises(ValueError, match=r"\(3,\) predictions for \(4,\) labels"):
        ccc(np.zeros(3), np.zeros(4))
