"""Selectors that share each group's units out over cells, and draw by chance inside a cell."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from slimaffect.select.selection import Selection, allocate, best, budgets

BINS = 5  # of valence, and of arousal
STRATA = 10  # of difficulty

Wish = Callable[[Int[np.ndarray, " cells"]], Float[np.ndarray, " cells"]]
"""From the units that a group has in each cell to what it wishes to keep of each, up to a factor."""


def label_bins(labels: Float[np.ndarray, "n 2"], bins: int = BINS) -> Int[np.ndarray, " n"]:
    """Number the square of affect's plane that a label lies in; squares are equally wide, arousal runs fastest.

    >>> label_bins(np.array([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]])).tolist()
    [0, 12, 24]
    """
    at = np.clip(((labels + 1) / 2 * bins).astype(np.int64), 0, bins - 1)
    return at[:, 0] * bins + at[:, 1]


def rarity(cells: Int[np.ndarray, " n"], bins: int = BINS) -> Float[np.ndarray, " cells"]:
    """One over the root of the smoothed density of each label bin.

    Label distribution smoothing (Yang et al. 2021, arXiv 2102.09554) with a Gaussian of one bin: neighbouring
    labels are alike, so a bin is rare only where its neighbours are rare too.
    """
    place = np.stack(np.divmod(np.arange(bins**2), bins), axis=1)
    kernel = np.exp(-0.5 * np.square(place[:, None] - place[None]).sum(-1))
    density = kernel @ np.bincount(cells, minlength=bins**2) / kernel.sum(1)
    return 1 / np.sqrt(np.maximum(density, 1e-12))


def quota(groups: Int[np.ndarray, " n"], labels: Float[np.ndarray, "n 2"], *, keep: float, seed: int) -> Selection:
    """Give rare label bins of each group more than their share, common ones less, and draw by chance inside a bin.

    Random within group with quotas (Vysogorets et al. 2024, arXiv 2404.05579); weights by label density as in
    `rarity`. A group is a subject, and a subject belongs to one site, so subject x site x bin are the cells.
    O(n log n + groups x bins).
    """
    cells = label_bins(labels)
    worth = rarity(cells)
    return in_cells(groups, cells, BINS**2, lambda sizes: sizes * worth, keep=keep, seed=seed)


def coverage(
    groups: Int[np.ndarray, " n"], difficulty: Float[np.ndarray, " n"], *, keep: float, seed: int, cut: float = 0.1
) -> Selection:
    """Leave out the hardest share `cut`, then keep equally many of every stratum of difficulty.

    Coverage-centric selection (Zheng et al. 2023, arXiv 2210.15809), here group by group: strata are equally wide in
    difficulty; one with too few units is kept whole and the others get what it leaves. O(n log n).
    """
    highest = np.quantile(difficulty, 1 - cut)
    low, wide = difficulty.min(), max(highest - difficulty.min(), 1e-12)
    strata = np.minimum((difficulty - low) / wide * STRATA, STRATA - 1).astype(np.int64)
    strata[difficulty > highest] = STRATA
    equally = np.append(np.ones(STRATA), 0.0)  # the cell of the hardest is wished by nobody
    return in_cells(groups, strata, STRATA + 1, lambda _: equally, keep=keep, seed=seed)


def in_cells(
    groups: Int[np.ndarray, " n"], cells: Int[np.ndarray, " n"], number: int, wish: Wish, *, keep: float, seed: int
) -> Selection:
    """Share each group's units out over cells as it wishes; a unit stands for its share of its cell."""
    codes, counts = budgets(groups, keep)
    joint = codes * number + cells
    sizes = np.bincount(joint, minlength=len(counts) * number).reshape(-1, number)
    parts = np.stack([allocate(count, wish(mine), mine) for count, mine in zip(counts.tolist(), sizes, strict=True)])
    chosen = best(joint, np.random.default_rng(seed).random(len(joint)), parts.ravel())
    return Selection(chosen.kept, _scaled(chosen, codes))


def _scaled(chosen: Selection, codes: Int[np.ndarray, " n"]) -> Float[np.ndarray, " kept"]:
    """Let what is kept of a group stand for its empty cells too."""
    mine = codes[chosen.kept]
    stood_for = np.bincount(mine, weights=chosen.weights, minlength=codes.max() + 1)
    return chosen.weights * (np.bincount(codes) / stood_for)[mine]
