"""How much each setting matters, by two evaluators that have nothing in common.

One evaluator is not enough: with 40 trials the usual ones misrank, and after a sampler that learns they measure where
it looked. So these two read spread trials only, and only what both call unimportant is doubted further.
"""

import numpy as np
from jaxtyping import Bool, Float

CLIPPED = 0.4  # the worst share of trials counts as equally bad: how bad a failure is says nothing about good settings


def additive(
    points: Float[np.ndarray, "trials settings"], scores: Float[np.ndarray, " trials"]
) -> Float[np.ndarray, " settings"]:
    """Share of explained variance by setting, of a ridge regression on each setting and its square.

    >>> points = np.random.default_rng(0).random((40, 2))
    >>> bool(additive(points, -np.square(points[:, 0] - 0.4)).argmax() == 0)
    True
    """
    centred = points - 0.5
    columns = np.concatenate([centred, np.square(centred) - np.square(centred).mean(0)], axis=1)
    columns = (columns - columns.mean(0)) / np.maximum(columns.std(0), 1e-12)
    good = without_worst(scores)
    penalty = 0.05 * len(scores) * np.eye(columns.shape[1])
    weights = np.linalg.solve(columns.T @ columns + penalty, columns.T @ (good - good.mean()))
    parts = columns * weights
    of_setting = parts[:, : points.shape[1]] + parts[:, points.shape[1] :]
    return _shares(of_setting.var(0))


def dependence(
    points: Float[np.ndarray, "trials settings"], scores: Float[np.ndarray, " trials"]
) -> Float[np.ndarray, " settings"]:
    """Share of distance correlation by setting, which sees dependence of any form (Székely et al. 2007).

    https://doi.org/10.1214/009053607000000505, the squared statistic with bias taken off (Székely and Rizzo 2014).
    """
    of_score = _centred(without_worst(scores))
    found = [max(_together(_centred(column), of_score), 0.0) for column in points.T]
    return _shares(np.array(found))


def without_worst(scores: Float[np.ndarray, " trials"]) -> Float[np.ndarray, " trials"]:
    """Let the worst trials count as equally bad."""
    return np.maximum(scores, np.quantile(scores, CLIPPED))


def _centred(values: Float[np.ndarray, " trials"]) -> Float[np.ndarray, "trials trials"]:
    """U-centred distances of all pairs."""
    apart, n = np.abs(values[:, None] - values[None]), len(values)
    rows = apart.sum(1)
    centred = apart - (rows[:, None] + rows[None]) / (n - 2) + rows.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(centred, 0)
    return centred


def _together(one: np.ndarray, other: np.ndarray) -> float:
    scale = np.sqrt(np.square(one).sum() * np.square(other).sum())
    return float((one * other).sum() / scale) if scale else 0.0


def _shares(values: Float[np.ndarray, " settings"]) -> Float[np.ndarray, " settings"]:
    total = values.sum()
    return values / total if total else np.full(len(values), 1 / len(values))


def bottom_group(shares: Float[np.ndarray, " settings"]) -> Bool[np.ndarray, " settings"]:
    """Tell which settings stand in the lower half and have less than half of an equal share.

    >>> bottom_group(np.array([0.9, 0.06, 0.02, 0.02])).tolist()
    [False, False, True, True]
    """
    rank = np.argsort(np.argsort(-shares, kind="stable"), kind="stable")
    return (rank >= len(shares) / 2) & (shares < 0.5 / len(shares))
