"""The three stages: single frames, then the LSTM on kept features, then both together.

A CNN-LSTM that learns end to end from the start sees some ten faces in a batch, and learns nothing: the CNN first
needs batches of unrelated frames.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import nn

from slimaffect.model.frozen import Folded
from slimaffect.model.losses import Batch
from slimaffect.model.net import Answer
from slimaffect.train.augment import View, draw_view
from slimaffect.train.features import cut_features, keep_features
from slimaffect.train.learner import Learner
from slimaffect.train.pool import Pool
from slimaffect.train.randomness import numpy_generator, torch_generator, torch_seed
from slimaffect.train.settings import TrainSettings
from slimaffect.train.thrift import Thrift


class Companions(nn.Module, ABC):
    """Others that learn at every step of a stage; a checkpoint keeps their state until the stage is over."""

    @abstractmethod
    def learn(self, step: int, answer: Answer) -> None:
        """Add their gradients to what learns, given what was answered at this step."""


class Course(NamedTuple):
    """A stage made ready: what learns, and how step number n answers its batch."""

    learns: list[nn.Parameter]
    attempt: Callable[[int], tuple[Answer, Batch]]
    head: nn.Module | None = None  # a head that is thrown away after the stage
    along: Companions | None = None  # who learns along
    thrift: Thrift | None = None  # what leaves easy frames out

    @property
    def passing(self) -> nn.Module | None:
        """What is thrown away after the stage: its state must be kept while the stage lasts."""
        parts = [part for part in (self.head, self.along, self.thrift) if part is not None]
        return nn.ModuleList(parts) if parts else None


Stage = Callable[[Learner, Pool], Course]


class Length(NamedTuple):
    """How long a stage is, and how fast it may learn."""

    name: str
    steps: int
    epoch: int  # steps after which it is kept and reported
    rate: float

    @property
    def epochs(self) -> int:
        """Epochs of the stage; a started one counts."""
        return math.ceil(self.steps / self.epoch)


def lengths(settings: TrainSettings, share: float = 1.0) -> tuple[Length, ...]:
    """Share the epochs out among the stages, in their order; a stage without a share is left out.

    On a subset an epoch has as many fewer steps: `share` is that of the clips.
    """
    plans = {name: getattr(settings, name) for name in STAGES}
    return tuple(
        Length(
            name,
            max(1, round(settings.epochs * plan.share * plan.steps * share)),
            max(1, round(plan.steps * share)),
            plan.rate,
        )
        for name, plan in plans.items()
        if plan.share > 0
    )


def epochs_done(plan: tuple[Length, ...], stage: int, step: int) -> tuple[int, int]:
    """Count the epochs that are over after a stage's step, and the epochs of all stages."""
    before = sum(length.epochs for length in plan[:stage])
    return before + math.ceil(step / plan[stage].epoch), sum(length.epochs for length in plan)


def frames(learner: Learner, pool: Pool) -> Course:
    """Train the CNN on unrelated frames of all subjects, under a linear head."""
    net, batch = learner.net.train(), learner.settings.frames.batch
    head = net.head if net.lstm is None else _temporary_head(net.spec.features, learner.seed).to(learner.device)

    places = pool.single_places
    thrift = _thrift(learner, pool, places, "frames")

    def attempt(step: int) -> tuple[Answer, Batch]:
        drawn = pool.draw(thrift.at(step) if thrift else places, batch, numpy_generator(learner.seed, "frames", step))
        windows = pool.read(learner.part.of(drawn))
        faces = learner.alter(windows.frames, _view(learner, "frames", step, batch))
        features = learner.encode(faces)
        answer = Answer(torch.tanh(head(net.feature_dropout(features))), features, None)
        taught = learner.taught(faces, windows.whose) if learner.loss.teaches_frames else None
        made = Batch(windows.affect, windows.valid, taught, windows.seen, windows.whose)
        return answer, thrift.weigh(drawn, made) if thrift else made

    learns = [*net.cnn.parameters(), *net.bottleneck.parameters(), *head.parameters(), *learner.loss_learns()]
    return Course(learns, attempt, None if net.lstm is None else head, thrift=thrift)


def sequences(learner: Learner, pool: Pool) -> Course:
    """Train what reads the features, and leave the CNN as it is."""
    net, plan = learner.net, learner.settings.sequences
    kept = keep_features(learner, pool, plan.views)
    starts = pool.starts(plan.frames, plan.unscored)
    net.feature_dropout.train()
    if net.lstm is not None:
        net.lstm.train()  # cuDNN has no gradient of an LSTM in eval mode; without dropout inside they are the same

    def attempt(step: int) -> tuple[Answer, Batch]:
        random = numpy_generator(learner.seed, "sequences", step)
        places = pool.draw(starts, plan.batch, random)
        drawn = learner.part.of([(int(random.integers(plan.views)), int(index), int(first)) for index, first in places])
        features, batch = cut_features(kept, pool, drawn, plan.frames, plan.unscored)
        return net.read(features), batch

    reader = [] if net.lstm is None else [*net.lstm.parameters()]
    return Course([*reader, *net.head.parameters(), *learner.loss_learns()], attempt)


def end_to_end(learner: Learner, pool: Pool) -> Course:
    """Train everything on short windows; batch norm is frozen, for a batch holds but few faces."""
    net, plan = learner.net.train(), learner.settings.end_to_end
    net.cnn.eval()
    folded = Folded(net)
    starts = pool.starts(plan.frames, plan.unscored)
    thrift = _thrift(learner, pool, starts, "end_to_end")

    def attempt(step: int) -> tuple[Answer, Batch]:
        random = numpy_generator(learner.seed, "end_to_end", step)
        drawn = pool.draw(thrift.at(step) if thrift else starts, plan.batch, random)
        windows = pool.cut(learner.part.of(drawn), plan.frames, plan.unscored)
        faces = learner.alter(windows.frames, _view(learner, "end_to_end", step, plan.batch))
        answer = net.read(learner.encode(faces, folded))
        taught = learner.taught(faces, windows.whose)
        made = Batch(windows.affect, windows.valid, taught, windows.seen, windows.whose)
        return answer, thrift.weigh(drawn, made) if thrift else made

    return Course([*net.parameters(), *learner.loss_learns()], attempt, thrift=thrift)


def _thrift(learner: Learner, pool: Pool, places: Int[np.ndarray, "places 2"], stage: str) -> Thrift | None:
    """Make what leaves easy frames out, where the clips ask for it."""
    if not pool.spared:
        return None
    length = next(one for one in lengths(learner.settings, pool.share) if one.name == stage)
    return Thrift(places, spared=pool.spared, steps=length.steps, epoch=length.epoch, seed=learner.seed, stage=stage)


def _temporary_head(features: int, seed: int) -> nn.Linear:
    torch.manual_seed(torch_seed(seed, "temporary head"))
    return nn.Linear(features, 2)


def _view(learner: Learner, stage: str, step: int, batch: int) -> View:
    drawn = draw_view(batch, learner.settings.augment, torch_generator(learner.seed, f"{stage} view", step))
    return View(*(learner.part.of(told) for told in drawn))


STAGES: dict[str, Stage] = {
    "frames": frames,
    "sequences": sequences,
    "end_to_end": end_to_end,
}
"""The stages in their order, by the word that a recipe uses for their settings."""
