"""Selectors that look where units lie in feature space: k-center, facility location and herding.

All three work group by group, and a group of more than `block` units in blocks of neighbours in time: memory is
bounded by a block, and time grows in proportion to the number of units instead of its square.
"""

import heapq
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float, Int

from slimaffect.select.selection import Selection, allocate, budgets, members

BLOCK = 1024  # units; their distances to each other take 4 MB

Greedy = Callable[[Float[np.ndarray, "n d"], int], Int[np.ndarray, " kept"]]


def k_center(
    features: Float[np.ndarray, "n d"], groups: Int[np.ndarray, " n"], *, keep: float, block: int = BLOCK
) -> Selection:
    """Keep units so that the farthest other unit is near: at most twice as far as the best choice leaves it.

    Farthest-first traversal (Gonzalez 1985, https://doi.org/10.1016/0304-3975(85)90224-5; as a core set Sener and
    Savarese 2018, arXiv 1708.00489). O(n x kept per block x d); a unit stands for those that lie nearest to it.
    """
    return _by_block(farthest_first, features, groups, keep, block, stand=_nearest)


def facility_location(
    features: Float[np.ndarray, "n d"], groups: Int[np.ndarray, " n"], *, keep: float, block: int = BLOCK
) -> Selection:
    """Keep units so that every unit has a similar one among them, on average; within 1 - 1/e of the best choice.

    Lazy greedy (Minoux 1978) on similarity = largest distance - distance (Mirzasoleiman et al. 2020, arXiv
    1906.01827). O(n x block x d); a unit stands for those that lie nearest to it.
    """
    return _by_block(most_similar, features, groups, keep, block, stand=_nearest)


def herding(
    features: Float[np.ndarray, "n d"], groups: Int[np.ndarray, " n"], *, keep: float, block: int = BLOCK
) -> Selection:
    """Keep units whose mean follows the mean of all, one after the other.

    Welling 2009 (https://doi.org/10.1145/1553374.1553517), without putting back. O(n x kept per block x d); units
    stand for their block in equal parts.
    """
    return _by_block(follow_mean, features, groups, keep, block, stand=_equally)


def _by_block(
    greedy: Greedy, features: np.ndarray, groups: np.ndarray, keep: float, block: int, *, stand: Callable
) -> Selection:
    found = []
    for mine, wanted in _blocks(groups, keep, block):
        here = np.asarray(features[mine], dtype=np.float32)
        here = here - here.mean(0)  # so that squares of float32 keep their digits
        chosen = np.sort(greedy(here, wanted))
        found.append((mine[chosen], stand(here, chosen)))
    kept, weights = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(kept)
    return Selection(kept[order], weights[order])


def _blocks(groups: Int[np.ndarray, " n"], keep: float, block: int) -> Iterator[tuple[Int[np.ndarray, " block"], int]]:
    """Cut groups into even blocks of neighbours, and a group's budget along with it."""
    codes, counts = budgets(groups, keep)
    for mine, count in zip(members(codes), counts, strict=True):
        parts = np.array_split(mine, min(-(-len(mine) // block), int(count)))
        sizes = np.array([len(part) for part in parts])
        wanted = np.maximum(1, allocate(int(count), sizes.astype(float), sizes))
        yield from zip(parts, wanted.tolist(), strict=True)


def squared(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "n m"]:
    """Squared distances of all pairs, by one matrix product."""
    apart = np.square(x).sum(1)[:, None] + np.square(y).sum(1)[None] - 2 * (x @ y.T)
    return np.maximum(apart, 0, out=apart)


def farthest_first(features: Float[np.ndarray, "n d"], wanted: int) -> Int[np.ndarray, " kept"]:
    """Begin with the unit nearest the mean, then take again and again the one farthest from all that are taken."""
    lengths = np.square(features).sum(1)
    taken = [int(np.argmin(np.square(features - features.mean(0)).sum(1)))]
    gap = np.full(len(features), np.inf, dtype=features.dtype)
    while True:
        last = taken[-1]
        np.minimum(gap, lengths + lengths[last] - 2 * (features @ features[last]), out=gap)
        gap[last] = -np.inf  # equal units are not the same unit
        if len(taken) == wanted:
            return np.array(taken)
        taken.append(int(np.argmax(gap)))


def most_similar(features: Float[np.ndarray, "n d"], wanted: int) -> Int[np.ndarray, " kept"]:
    """Take again and again the unit that adds most similarity; a gain can only fall, so old ones are upper bounds."""
    apart = np.sqrt(squared(features, features))
    similar = apart.max() - apart
    held = np.zeros(len(features), dtype=features.dtype)
    bounds = [(-gain, index) for index, gain in enumerate(similar.sum(1, dtype=np.float64).tolist())]
    heapq.heapify(bounds)
    taken: list[int] = []
    while len(taken) < wanted:
        index = heapq.heappop(bounds)[1]
        gain = float(np.maximum(similar[index] - held, 0).sum(dtype=np.float64))
        if not bounds or gain >= -bounds[0][0]:
            taken.append(index)
            np.maximum(held, similar[index], out=held)
        else:
            heapq.heappush(bounds, (-gain, index))
    return np.array(taken)


def follow_mean(features: Float[np.ndarray, "n d"], wanted: int) -> Int[np.ndarray, " kept"]:
    """Take again and again the unit that lies most where the taken ones still fall short of the mean."""
    mean = features.mean(0)
    short, free, taken = mean.copy(), np.zeros(len(features), dtype=features.dtype), []
    for _ in range(wanted):
        index = int(np.argmax(features @ short + free))
        taken.append(index)
        free[index] = -np.inf
        short += mean - features[index]
    return np.array(taken)


def _nearest(features: Float[np.ndarray, "n d"], chosen: Int[np.ndarray, " kept"]) -> Float[np.ndarray, " kept"]:
    nearest = np.argmin(squared(features, features[chosen]), axis=1)
    nearest[chosen] = np.arange(len(chosen))  # of two equal units each stands for itself
    return np.bincount(nearest, minlength=len(chosen)).astype(float)


def _equally(features: Float[np.ndarray, "n d"], chosen: Int[np.ndarray, " kept"]) -> Float[np.ndarray, " kept"]:
    return np.full(len(chosen), len(features) / len(chosen))
