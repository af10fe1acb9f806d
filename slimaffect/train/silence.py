"""How far affect moves when a unit falls silent, or a block is gone: measured on real clips, one after the other."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from slimaffect.data.clips import Clips
from slimaffect.model.net import AffectNet, Answer
from slimaffect.model.prune.graph import Group, Place
from slimaffect.train.augment import alter, plain_view
from slimaffect.train.device import CPU
from slimaffect.train.gradients import UNSCORED, WINDOW
from slimaffect.train.journal import journal
from slimaffect.train.pool import Pool
from slimaffect.train.randomness import numpy_generator

AFTER_CNN = ("lstm.", "head.")


class Scene(NamedTuple):
    """Clips spread over all subjects, and what the whole model answers to them."""

    frames: Float[Tensor, "batch time 3 height width"]
    scored: Tensor
    truth: Answer


@torch.no_grad()
def scene(net: AffectNet, clips: Clips, seed: int, *, batch: int = 8) -> Scene:
    """Draw clips, and let the model answer as it is deployed.

    Raises:
        RunError: the clips hold no labelled frame.
    """
    pool = Pool(clips, on=CPU)  # one pass for each unit, of a few small clips: a GPU would mostly wait
    drawn = pool.draw(pool.starts(WINDOW, UNSCORED), batch, numpy_generator(seed, "silence"))
    windows = pool.cut(drawn, WINDOW, UNSCORED)
    frames = alter(windows.frames, plain_view(batch), moved=False)
    return Scene(frames, windows.valid, _answer(copy.deepcopy(net).eval(), frames))


@torch.no_grad()
def moved_by(net: AffectNet, seen: Scene) -> float:
    """Mean squared distance of another model's affect from what the whole one answers."""
    return _distance(_answer(net, seen.frames), seen)


@torch.no_grad()
def moved_by_units(net: AffectNet, clips: Clips, found: Sequence[Group], seed: int) -> dict[str, Float[Tensor, "_"]]:
    """Mean squared distance by which affect moves when each unit alone answers 0, by group.

    No estimate: one pass for each unit, so it is for small models. What reads the CNN's features only is spared the
    CNN.
    """
    net, seen = copy.deepcopy(net).eval(), scene(net, clips, seed)
    weights = dict(net.named_parameters())
    moved = {}
    for group in found:
        reads = [place for place in group.places if place.reads]
        late = all(place.tensor.startswith(AFTER_CNN) for place in reads)
        answer = _reader(net, seen) if late else _whole(net, seen)
        moved[group.name] = torch.tensor([_moved(answer, weights, reads, n, seen) for n in range(group.units)]).double()
    return moved


def _reader(net: AffectNet, seen: Scene) -> Callable[[], Answer]:
    return lambda: net.read(seen.truth.features)


def _whole(net: AffectNet, seen: Scene) -> Callable[[], Answer]:
    return lambda: _answer(net, seen.frames)


def _moved(
    answer: Callable[[], Answer], weights: dict[str, nn.Parameter], reads: Sequence[Place], unit: int, seen: Scene
) -> float:
    with silent(weights, reads, unit):
        return _distance(answer(), seen)


@contextmanager
def silent(weights: dict[str, nn.Parameter], reads: Sequence[Place], unit: int) -> Iterator[None]:
    """Let nobody read a unit inside the block: it might as well answer 0."""
    kept = []
    for place in reads:
        along = weights[place.tensor].data.movedim(place.axis, 0)
        kept.append((along, place.at[unit], along[place.at[unit]].clone()))
        along[place.at[unit]] = 0
    try:
        yield
    finally:
        for along, at, before in kept:
            along[at] = before


def _answer(net: AffectNet, frames: Float[Tensor, "batch time 3 height width"]) -> Answer:
    journal().examples += frames.shape[0] * frames.shape[1]
    return net(frames)


def _distance(answer: Answer, seen: Scene) -> float:
    return float((answer.affect - seen.truth.affect)[seen.scored].square().mean())
