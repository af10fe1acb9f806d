"""How many units each group keeps: blocks of units go in an order, until a figure is reached."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from slimaffect.model.prune.graph import Group

Scope = Literal["global", "per_group"]
Scores = Mapping[str, Float[Tensor, "_"]]
"""Importance of each unit, by the name of its group."""
Kept = Mapping[str, int]
"""Units that remain, by tie."""
Figure = Callable[[Kept], float]
"""What is to become small: multiply-accumulates, parameters, milliseconds."""

NEAR = 0.97  # a figure this close to what was asked is near enough
MOST_TRIALS = 10_000  # combinations; a second


@dataclass(frozen=True)
class Block:
    """Units that go together: `tie` keeps `before` units until it goes, and `after` then, a multiple."""

    tie: str
    before: int
    after: int
    lost: float  # what goes with it: importance, or evenness among the groups
    key: float  # blocks go in rising order


def counts(units: int, round_to: int) -> tuple[int, ...]:
    """List how many units a group may keep: all, and the multiples of `round_to` below, of which one remains.

    >>> counts(40, 16), counts(16, 16), counts(6, 16)
    ((40, 32, 16), (16,), (6,))
    """
    return units, *range((units - 1) // round_to * round_to, 0, -round_to)


def unit_costs(found: Sequence[Group], figure: Figure) -> dict[str, float]:
    """Say by how much one unit less in each tie lowers the figure."""
    full = kept(found, ())
    return {tie: figure(full) - figure({**full, tie: units - 1}) for tie, units in full.items() if units > 1}


def blocks(
    found: Sequence[Group], scores: Scores, costs: Mapping[str, float], *, round_to: int, scope: Scope
) -> tuple[Block, ...]:
    """List all blocks in the order in which they go.

    Global: first the block that loses least importance for what it saves, wherever it is. Per group: every group has
    lost about the same share at any point, and importance decides only which of its units go.
    """
    ties = dict.fromkeys(group.tie for group in found)
    listed = [block for tie in ties for block in _of_tie(tie, found, scores, costs, round_to, scope)]
    return tuple(sorted(listed, key=lambda block: block.key))


def _of_tie(
    tie: str, found: Sequence[Group], scores: Scores, costs: Mapping[str, float], round_to: int, scope: Scope
) -> Iterator[Block]:
    rising = torch.stack([scores[group.name].sort().values for group in found if group.tie == tie]).sum(0)
    units, key = len(rising), float("-inf")
    for before, after in pairwise(counts(units, round_to)):
        share, count = 1 - after / units, before - after
        importance = float(rising[units - before : units - after].sum())
        # A rounding error may not change the order within a tie.
        key = max(key, importance / (costs[tie] * count) if scope == "global" else share)
        yield Block(tie, before, after, importance if scope == "global" else share * count / units, key)


def kept(found: Sequence[Group], gone: Sequence[Block]) -> dict[str, int]:
    """Say how many units remain in each tie when these blocks, in their order, are gone."""
    return _after({group.tie: group.units for group in found}, gone)


def least(found: Sequence[Group], scores: Scores, left: Kept) -> dict[str, Int[Tensor, "_"]]:
    """Choose in every group the units that matter least, so that so many are left."""
    goes = {group.name: group.units - left[group.tie] for group in found}
    return {name: scores[name].argsort(stable=True)[:count] for name, count in goes.items() if count}


def smallest(found: Sequence[Group], round_to: int) -> dict[str, int]:
    """Say how many units each tie keeps at least."""
    return {group.tie: counts(group.units, round_to)[-1] for group in found}


def fewest(found: Sequence[Group], order: Sequence[Block], figure: Figure, most: float) -> dict[str, int]:
    """Take blocks in their order until the figure is no more than `most`, as few as possible; all if it never is."""
    return _fewest(kept(found, ()), order, figure, most)


def _fewest(full: Kept, order: Sequence[Block], figure: Figure, most: float) -> dict[str, int]:
    low, high = 0, len(order)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if figure(_after(full, order[:middle])) <= most else (middle + 1, high)
    return _after(full, order[:low])


def _after(full: Kept, gone: Sequence[Block]) -> dict[str, int]:
    return {**full, **{block.tie: block.after for block in gone}}


def most_above(found: Sequence[Group], order: Sequence[Block], figure: Figure, floor: float) -> dict[str, int]:
    """Take blocks in their order as long as the figure is no less than `floor`: a stop on the way further down."""
    low, high = 0, len(order)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if figure(kept(found, order[:middle])) >= floor else (low, middle - 1)
    return kept(found, order[:low])


def closest(order: Sequence[Block], left: Kept, figure: Figure, most: float, near: float = NEAR) -> Kept:
    """Come nearer to `most` from below, until it is at least the share `near` of it or nothing helps.

    First blocks are given back: the last one taken may have been large, and left room for smaller ones. If that is
    not enough, one large block stays in turn, so that many small ones go instead; then other numbers are tried. Of
    those that are near, the one that loses least is taken.
    """
    left = _give_back(order, left, figure, most)
    if figure(left) < near * most:
        left = _best([left, *_one_stays(order, left, figure, most)], order, figure, near * most)
    while (reached := figure(left)) < near * most:
        tried = [(figure(trial), trial) for trial in _others(order, left)]
        fitting = [(found, trial) for found, trial in tried if reached < found <= most]
        if not fitting:
            break
        left = _best([trial for _, trial in fitting], order, figure, near * most)
    return left


def _best(trials: Sequence[Kept], order: Sequence[Block], figure: Figure, enough: float) -> Kept:
    """Choose what loses least among those that are near enough; where none is, the nearest."""
    found = [(figure(trial), trial) for trial in trials]
    close = [trial for reached, trial in found if reached >= enough]
    return min(close, key=lambda trial: _lost(order, trial)) if close else max(found, key=lambda pair: pair[0])[1]


def _one_stays(order: Sequence[Block], left: Kept, figure: Figure, most: float) -> Iterator[Kept]:
    """Keep in turn the last block that went from each tie, and take others in its place, in their order."""
    full = {**left, **{block.tie: block.before for block in reversed(order)}}
    for last in [block for block in order if block.after == left[block.tie]]:
        others = [block for block in order if block.tie != last.tie or block.after > last.after]
        trial = _fewest(full, others, figure, most)
        if figure(trial) <= most:
            yield _give_back(others, trial, figure, most)


def _give_back(order: Sequence[Block], left: Kept, figure: Figure, most: float) -> Kept:
    """Give blocks back, the most important first, wherever the figure stays at no more than `most`."""
    for block in reversed(order):
        trial = {**left, block.tie: block.before}
        if left[block.tie] == block.after and figure(trial) <= most:
            left = trial
    return left


def _others(order: Sequence[Block], left: Kept) -> Iterator[Kept]:
    """Try every combination where they are few; else let two ties keep other numbers, whichever they may keep."""
    ties = dict.fromkeys(block.tie for block in order)
    allowed = {tie: sorted({n for b in order if b.tie == tie for n in (b.before, b.after)}) for tie in ties}
    at_once = len(ties) if math.prod(map(len, allowed.values())) <= MOST_TRIALS else 2
    for chosen in combinations(ties, at_once):
        for numbers in product(*(allowed[tie] for tie in chosen)):
            yield {**left, **dict(zip(chosen, numbers, strict=True))}


def _lost(order: Sequence[Block], left: Kept) -> float:
    """Sum what goes with all blocks that are gone."""
    return sum(block.lost for block in order if block.after >= left[block.tie])
