"""The four metrics of the field, in float64, one dimension of affect at a time.

A frame whose label or prediction is NaN is left out of both series. A series that leaves a metric
without meaning (fewer than two frames, a constant label) gives NaN, never a silent 0.
"""

import numpy as np
from jaxtyping import Float

SMALLEST_SPREAD = 1e-12  # relative; a label that moves less than this is constant, and the rest is rounding


def ccc(predicted: Float[np.ndarray, " time"], affect: Float[np.ndarray, " time"]) -> float:
    """Lin's concordance correlation (Lin 1989, https://doi.org/10.2307/2532051), in [-1, 1].

    All three moments are divided by n. A constant label gives NaN; a constant prediction of a label
    that moves gives 0, which is what it is worth.

    >>> ccc(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    1.0
    >>> ccc(np.array([0.0, 0.5, 1.0]), np.array([0.5, 1.0, 1.5]))  # right but for an offset
    0.5714285714285715
    >>> ccc(np.array([0.1, 0.2]), np.array([0.3, 0.3]))
    nan
    """
    x, y = _both(predicted, affect)
    if len(x) < 2 or is_constant(y):
        return float("nan")
    gap = x.mean() - y.mean()
    return float(2 * _covariance(x, y) / (_covariance(x, x) + _covariance(y, y) + gap**2))


def pcc(predicted: Float[np.ndarray, " time"], affect: Float[np.ndarray, " time"]) -> float:
    """Pearson's correlation, in [-1, 1]: blind to offset and scale, so read it beside the CCC.

    >>> round(pcc(np.array([0.0, 0.5, 1.0]), np.array([0.5, 1.0, 1.5])), 12)
    1.0
    """
    x, y = _both(predicted, affect)
    if len(x) < 2 or is_constant(x) or is_constant(y):
        return float("nan")
    return float(_covariance(x, y) / np.sqrt(_covariance(x, x) * _covariance(y, y)))


def rmse(predicted: Float[np.ndarray, " time"], affect: Float[np.ndarray, " time"]) -> float:
    """Root mean square error, in the units of affect.

    >>> rmse(np.array([0.0, 0.5, 1.0]), np.array([0.5, 1.0, 1.5]))
    0.5
    """
    x, y = _both(predicted, affect)
    return float(np.sqrt(np.mean((x - y) ** 2))) if len(x) else float("nan")


def sagr(predicted: Float[np.ndarray, " time"], affect: Float[np.ndarray, " time"]) -> float:
    """Share of frames whose sign is right (Nicolaou et al. 2011, https://doi.org/10.1109/T-AFFC.2011.9).

    The rule for exact zeros: a label of 0 has no sign, so its frame is left out; a prediction of 0
    for a label that has a sign is wrong.

    >>> sagr(np.array([0.1, -0.2, 0.0, 0.3]), np.array([0.5, 0.5, -0.5, 0.0]))
    0.3333333333333333
    """
    x, y = _both(predicted, affect)
    signed = y != 0
    return float(np.mean(np.sign(x[signed]) == np.sign(y[signed]))) if signed.any() else float("nan")


def is_constant(series: Float[np.ndarray, " time"]) -> bool:
    """Tell whether a series stands still, up to rounding; an empty one does.

    >>> is_constant(np.full(7, 0.1)), is_constant(np.array([0.1, 0.2]))
    (True, False)
    """
    return len(series) == 0 or bool(np.ptp(series) <= SMALLEST_SPREAD * np.abs(series).max())


def _both(
    predicted: Float[np.ndarray, " time"], affect: Float[np.ndarray, " time"]
) -> tuple[Float[np.ndarray, " kept"], Float[np.ndarray, " kept"]]:
    """Keep, as float64, the frames that have both a prediction and a label."""
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(affect, dtype=np.float64)
    if x.shape != y.shape:
        raise ValueError(f"{x.shape} predictions for {y.shape} labels: give one of each per frame.")
    kept = ~(np.isnan(x) | np.isnan(y))
    return x[kept], y[kept]


def _covariance(x: Float[np.ndarray, " time"], y: Float[np.ndarray, " time"]) -> np.floating:
    """Two passes, so that a small spread around a large mean is not lost; divided by n."""
    return np.mean((x - x.mean()) * (y - y.mean()))
