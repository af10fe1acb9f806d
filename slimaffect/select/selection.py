"""What a selector answers, and how many units it may keep of whom."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Selection(NamedTuple):
    """The units that are kept, and for how many units each of them stands.

    Attributes:
        kept: their indices, ascending.
        weights: units of the whole that each stands for, itself included; they add up to all units.
    """

    kept: Int[np.ndarray, " kept"]
    weights: Float[np.ndarray, " kept"]


def allocate(total: int, wish: Float[np.ndarray, " n"], room: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Share out `total` in proportion to the wishes, none above its room; remainders go to the largest.

    What goes beyond the room of all that is wished fills the rest in proportion to its room.

    >>> allocate(6, np.array([1.0, 1.0, 4.0]), np.array([5, 5, 2])).tolist()
    [2, 2, 2]
    """
    total, wished = min(total, int(room.sum())), np.where(wish > 0, room, 0)
    if total > wished.sum():
        rest = room - wished
        return wished + allocate(total - int(wished.sum()), rest.astype(float), rest)
    given, full = np.zeros(len(room)), wished == 0
    while not full.all():
        given[~full] = wish[~full] * (total - given[full].sum()) / wish[~full].sum()
        over = ~full & (given >= room)
        if not over.any():
            break
        given[over], full = room[over], full | over
    parts = np.floor(given + 1e-9).astype(np.int64)
    parts[np.argsort(parts - given, kind="stable")[: total - parts.sum()]] += 1
    return parts


def budgets(groups: Int[np.ndarray, " n"], keep: float) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " groups"]]:
    """Number the groups from 0, and say how many units of each are kept: its share, and at least one.

    Nobody is dropped: whole subjects left out cost more accuracy than any other way to save.
    """
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    wanted = allocate(round(keep * len(groups)), sizes.astype(float), sizes)
    return codes, np.maximum(1, wanted)


def members(codes: Int[np.ndarray, " n"]) -> list[Int[np.ndarray, " members"]]:
    """List the units of each code, in their order."""
    return np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])


def best(codes: Int[np.ndarray, " n"], score: Float[np.ndarray, " n"], counts: Int[np.ndarray, " codes"]) -> Selection:
    """Keep the `counts` units of each code that score highest; they stand for their code in equal parts.

    O(n log n).
    """
    order = np.lexsort((-score, codes))
    sizes = np.bincount(codes, minlength=len(counts))
    rank = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = np.sort(order[rank < counts[codes[order]]])
    return Selection(kept, (sizes / np.maximum(counts, 1))[codes[kept]])
