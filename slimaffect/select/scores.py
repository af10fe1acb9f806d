"""Selectors that give every unit a score and keep the highest of each group, and the scores."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from slimaffect.select.cells import label_bins
from slimaffect.select.geometry import squared
from slimaffect.select.selection import Selection, best, budgets

ROWS = 65_536  # units that are looked at together
FOLDS = 5  # of groups, in the cross-fit
PROTOTYPES, SAMPLE, ROUNDS = 16, 20_000, 10  # of k-means


def prototype(
    features: Float[np.ndarray, "n d"], groups: Int[np.ndarray, " n"], *, keep: float, seed: int
) -> Selection:
    """Keep the units of each group that lie farthest from their nearest prototype, the centre of a cluster.

    Sorscher et al. 2022 (arXiv 2206.14486), which looks at no label. Clusters by k-means on a sample of units.
    O(n x prototypes x d).
    """
    centres = k_means(features, seed)
    away = _by_rows(features, lambda rows, _: squared(rows, centres).min(1))
    codes, counts = budgets(groups, keep)
    return best(codes, away, counts)


def k_means(features: Float[np.ndarray, "n d"], seed: int) -> Float[np.ndarray, "prototypes d"]:
    """Centres of clusters by Lloyd's rounds on a sample; an empty cluster keeps its centre."""
    drawn = np.random.default_rng(seed).permutation(len(features))[:SAMPLE]
    sample = np.asarray(features[np.sort(drawn)], dtype=np.float32)
    centres = np.array(features[drawn[:PROTOTYPES]], dtype=np.float32)
    for _ in range(ROUNDS):
        nearest = squared(sample, centres).argmin(1)
        for index in np.unique(nearest):
            centres[index] = sample[nearest == index].mean(0)
    return centres


def moderate(
    features: Float[np.ndarray, "n d"],
    labels: Float[np.ndarray, "n 2"],
    groups: Int[np.ndarray, " n"],
    *,
    keep: float,
) -> Selection:
    """Keep the units of each group whose distance to the centre of their label bin is nearest the median of it.

    Xia et al. 2023, Moderate coreset (https://github.com/tmllab/Moderate-DS), with label bins for classes.
    O(n x d + n log n).
    """
    _, bins = np.unique(label_bins(labels), return_inverse=True)
    centres = _means(features, bins)
    away = _by_rows(features, lambda rows, at: np.sqrt(np.square(rows - centres[bins[at]]).sum(1)))
    medians = np.array([np.median(away[bins == index]) for index in range(len(centres))])
    codes, counts = budgets(groups, keep)
    return best(codes, -np.abs(away - medians[bins]), counts)


def difficult(
    groups: Int[np.ndarray, " n"], difficulty: Float[np.ndarray, " n"], *, keep: float, cut: float
) -> Selection:
    """Keep the hardest units of each group, but none of its hardest share `cut` while others are left.

    Hardest first follows Paul et al. 2021 (arXiv 2107.07075), the cut Zheng et al. 2023 (arXiv 2210.15809): the
    hardest are mislabelled. O(n log n).
    """
    codes, counts = budgets(groups, keep)
    sizes = np.bincount(codes)
    too_hard = best(codes, difficulty, np.floor(cut * sizes).astype(np.int64)).kept
    score = difficulty.astype(float)
    score[too_hard] = -1 - score[too_hard]  # below all others, the hardest last
    return best(codes, score, counts)


def residuals(
    features: Float[np.ndarray, "n d"], labels: Float[np.ndarray, "n 2"], groups: Int[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Difficulty: how far labels lie from what a ridge regression on the other groups' features says.

    Cross-fitted over folds of groups, so no unit is judged by a fit on its own subject. It stands in for the error of
    a trained network (EL2N, Paul et al. 2021), which would cost a training. O(n x d^2), in blocks of rows.
    """
    _, codes = np.unique(groups, return_inverse=True)
    folds = codes % FOLDS
    sums = [_normal(features, labels, np.flatnonzero(folds == fold)) for fold in range(FOLDS)]
    fits = [_ridge([one for other, one in enumerate(sums) if other != fold]) for fold in range(FOLDS)]
    weights = np.stack(fits)

    def off(rows: np.ndarray, at: slice) -> np.ndarray:
        said = np.einsum("nd,fdk->fnk", _with_one(rows), weights)[folds[at], np.arange(len(rows))]
        return np.abs(said - labels[at]).mean(1)

    return _by_rows(features, off)


def _normal(features: np.ndarray, labels: np.ndarray, mine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add up both sides of the normal equations over some units."""
    width = features.shape[1] + 1
    left, right = np.zeros((width, width)), np.zeros((width, 2))
    for first in range(0, len(mine), ROWS):
        at = mine[first : first + ROWS]
        rows = _with_one(np.asarray(features[at]))
        left += rows.T @ rows
        right += rows.T @ labels[at]
    return left, right


def _ridge(sums: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Solve them with a penalty of a hundredth of the features' mean square, which keeps few units from ruling."""
    left, right = (np.sum(side, axis=0) for side in zip(*sums, strict=True))
    penalty = np.full(len(left), 0.01 * np.trace(left) / len(left) + 1e-9)
    return np.linalg.solve(left + np.diag(penalty), right)


def _with_one(rows: np.ndarray) -> np.ndarray:
    return np.concatenate([rows, np.ones((len(rows), 1), rows.dtype)], axis=1).astype(np.float64)


def _means(features: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Mean features of each code, in blocks of rows."""
    sums = np.zeros((codes.max() + 1, features.shape[1]))
    for first in range(0, len(features), ROWS):
        at = slice(first, first + ROWS)
        np.add.at(sums, codes[at], features[at])
    return sums / np.bincount(codes)[:, None]


def _by_rows(features: np.ndarray, score: Callable[[np.ndarray, slice], np.ndarray]) -> Float[np.ndarray, " n"]:
    """Score all units, a block of rows at a time."""
    places = [slice(first, first + ROWS) for first in range(0, len(features), ROWS)]
    return np.concatenate([score(np.asarray(features[at]), at) for at in places])
