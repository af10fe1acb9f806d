"""Selectors that look at no picture: evenly in time, or by chance."""

import numpy as np
from jaxtyping import Int

from slimaffect.select.selection import Selection, best, budgets, members


def stride(groups: Int[np.ndarray, " n"], *, keep: float, seed: int) -> Selection:
    """Keep units at even distances in each group's order, from a start that is drawn for each group.

    Temporal thinning: neighbours in time show the same face. O(n log n).

    >>> stride(np.zeros(8, int), keep=0.25, seed=0).kept.tolist()
    [2, 6]
    """
    codes, counts = budgets(groups, keep)
    starts = np.random.default_rng(seed).random(len(counts))
    places = [
        mine[((np.arange(count) + start) * (len(mine) / count)).astype(np.int64)]
        for mine, count, start in zip(members(codes), counts, starts, strict=True)
    ]
    kept = np.sort(np.concatenate(places))
    return Selection(kept, (np.bincount(codes) / counts)[codes[kept]])


def random(groups: Int[np.ndarray, " n"], *, keep: float, seed: int) -> Selection:
    """Draw units of each group by chance: the baseline that selectors rarely beat (Guo et al. 2022, arXiv 2204.08499).

    O(n log n).
    """
    codes, counts = budgets(groups, keep)
    return best(codes, np.random.default_rng(seed).random(len(codes)), counts)
