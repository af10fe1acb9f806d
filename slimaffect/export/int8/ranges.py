"""Where to end a range of 256 levels: every value that was seen, or fewer of them and finer steps.

Each choice reads a histogram of even bins from the smallest value seen to the largest, both widened to hold zero, and
answers the range. Zero is always in it: a ReLU's zeros and the padding must stay what they are.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from slimaffect.train.candidate import Ranges

Range = tuple[float, float]
Counts = Int[np.ndarray, " bins"]

BINS = 2048
LEVELS = 256
SHARES = np.linspace(1.0, 0.3, 71)  # of the range seen; below 0.3 the bins are hardly finer than the levels


def minmax_range(counts: Counts, low: float, high: float) -> Range:  # noqa: ARG001 (one signature for all choices)
    """Keep every value that was seen: nothing is clipped (Jacob et al. 2018, https://arxiv.org/abs/1712.05877)."""
    return low, high


def percentile_range(counts: Counts, low: float, high: float, kept: float = 0.9999) -> Range:
    """Keep the central share of the values (Wu et al. 2020, https://arxiv.org/abs/2004.09602).

    >>> percentile_range(np.array([50, 49, 0, 1]), 0.0, 4.0, kept=0.98)
    (0.0, 2.0)
    """
    edges = np.linspace(low, high, len(counts) + 1)
    below = np.cumsum(counts) / counts.sum()
    first = int(np.searchsorted(below, (1 - kept) / 2, side="right"))
    last = int(np.searchsorted(below, 1 - (1 - kept) / 2))
    return min(float(edges[first]), 0.0), max(float(edges[min(last, len(counts) - 1) + 1]), 0.0)


def mse_range(counts: Counts, low: float, high: float) -> Range:
    """Make the mean squared error of rounding and clipping least (Choukroun et al. 2019, arXiv 1902.06822)."""
    centres = np.linspace(low, high, 2 * len(counts) + 1)[1::2]

    def error(share: float) -> float:
        return float(counts @ (centres - rounded(centres, share * low, share * high)) ** 2)

    share = min(SHARES, key=error)
    return share * low, share * high


def entropy_range(counts: Counts, low: float, high: float) -> Range:
    """Make the Kullback-Leibler divergence of the rounded histogram least (Migacz 2017, 8-bit inference with TensorRT).

    The bin that holds zero counts as its neighbours do: half of what a ReLU answers is zero, and zero is exact.
    """
    counts = _without_zeros(counts.astype(float), low, high)
    share = min(SHARES, key=lambda share: _divergence(counts, low, high, share))
    return share * low, share * high


CHOICES: dict[Ranges, Callable[[Counts, float, float], Range]] = {
    "minmax": minmax_range,
    "percentile": percentile_range,
    "entropy": entropy_range,
    "mse": mse_range,
}
"""The choices by the word that a recipe uses."""


def rounded(values: Float[np.ndarray, " n"], low: float, high: float) -> Float[np.ndarray, " n"]:
    """Round values to 256 even levels of a range that holds zero; zero is one of them.

    >>> rounded(np.array([-1.0, 0.4, 300.0]), 0.0, 255.0).tolist()
    [0.0, 0.0, 255.0]
    """
    step = (high - low) / (LEVELS - 1) or 1.0
    zero = np.round(-low / step)
    return (np.clip(np.round(values / step) + zero, 0, LEVELS - 1) - zero) * step


def _without_zeros(counts: np.ndarray, low: float, high: float) -> np.ndarray:
    at = min(int(-low / (high - low) * len(counts)), len(counts) - 1)
    neighbours = counts[[i for i in (at - 1, at + 1) if 0 <= i < len(counts)]]
    return np.concatenate([counts[:at], [neighbours.mean()], counts[at + 1 :]])


def _divergence(counts: np.ndarray, low: float, high: float, share: float) -> float:
    """Compare the clipped histogram with itself after its bins were merged to 256 levels and spread out again."""
    edges = np.linspace(low, high, len(counts) + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    inside = (centres >= share * low) & (centres <= share * high)
    first, last = np.flatnonzero(inside)[[0, -1]]
    clipped = counts[first : last + 1].copy()
    merged = _merged(clipped)
    clipped[0] += counts[:first].sum()
    clipped[-1] += counts[last + 1 :].sum()
    p, q = clipped / clipped.sum(), merged / max(merged.sum(), 1e-12)
    some = p > 0
    return float(np.sum(p[some] * np.log(p[some] / np.maximum(q[some], 1e-9))))


def _merged(counts: np.ndarray) -> np.ndarray:
    """Give every filled bin of a level the level's mean."""
    level = np.arange(len(counts)) * LEVELS // len(counts)
    filled = counts > 0
    sums = np.bincount(level, counts, LEVELS)
    many = np.bincount(level, filled, LEVELS)
    return np.where(filled, (sums / np.maximum(many, 1))[level], 0.0)
