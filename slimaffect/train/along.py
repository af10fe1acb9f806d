"""Narrower models that learn along with a wide one whose first units they share.

The hook into the one loop is small: a stage is a function from learner and pool to a course, `train` takes its stages
as an argument, and a course may bring others that learn along. Each narrower model goes through the ordinary stage as
an ordinary model. Before it answers, its weights are copied out of the wide one's; its gradients are then handed back.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from slimaffect.model.losses import Batch, disagreement
from slimaffect.model.net import AffectNet, Answer
from slimaffect.model.prune.graph import Group, groups
from slimaffect.model.prune.nested import behind
from slimaffect.model.prune.surgery import At, cut, picked, stays
from slimaffect.train.learner import Learner
from slimaffect.train.pool import Pool
from slimaffect.train.randomness import numpy_generator, torch_seed
from slimaffect.train.recalibrate import measure_norms
from slimaffect.train.stages import STAGES, Companions, Course, Stage

HEAD = "stage's head"  # the head of a stage, beside the tensors of the state dict
Removed = dict[str, Int[Tensor, "_"]]
"""Units that a narrower model leaves out, by the name of their group."""


class Sandwich(NamedTuple):
    """Who learns along, and what from.

    Attributes:
        shares: of the units, rising; the wide model is not among them.
        between: how many shares between the narrowest and the whole are drawn at each step; the narrowest always
            learns (the sandwich rule: Yu and Huang 2019, arXiv 1903.05134).
        wide_weight: share of a narrower model's loss that imitates the wide one's affect; the labels have the rest.
    """

    shares: tuple[float, ...]
    between: int
    wide_weight: float

    def drawn(self, seed: int, step: int) -> list[int]:
        """Choose who learns at a step, by number."""
        random = numpy_generator(seed, "widths", step)
        rest = random.choice(range(1, len(self.shares)), min(self.between, len(self.shares) - 1), replace=False)
        return [0, *sorted(int(number) for number in rest)]


class Narrower(nn.Module):
    """One narrower model in one stage of training."""

    def __init__(
        self, removed: Removed, found: Sequence[Group], wide: Learner, pool: Pool, stage: Stage, course: Course
    ) -> None:
        """Measure its batch norms' statistics, for it has its own, and let it enter the stage."""
        super().__init__()
        self.at: At = stays(wide.net, found, removed)
        self.whole: dict[str, Tensor] = _named(wide.net, course.head)
        features = wide.net.spec.features - len(removed.get("bottleneck", ()))
        self.at[f"{HEAD}.weight", 1] = torch.arange(features)
        net = measure_norms(cut(wide.net, found, removed), pool, wide.seed)
        self.learner = Learner(net.requires_grad_(True), wide.loss, wide.settings, wide.seed)
        self.course = stage(self.learner, pool)
        self.net, self.head = self.learner.net, self.course.head

    def attempt(self, step: int, weigh: Callable[[Answer, Batch], Tensor]) -> None:
        """Answer the step's batch, and add the gradient of what `weigh` says to the wide model's."""
        shared = picked(self.whole, self.at)
        mine = _named(self.net, self.head)
        with torch.no_grad():
            for name, weight in mine.items():
                weight.copy_(shared[name])
                weight.grad = None
        weigh(*self.course.attempt(step)).backward()
        learned = [name for name, weight in mine.items() if weight.grad is not None]
        torch.autograd.backward([shared[name] for name in learned], [mine[name].grad for name in learned])


def _named(net: AffectNet, head: nn.Module | None) -> dict[str, Tensor]:
    """Name a model's parameters, and those of a stage's own head."""
    named: dict[str, Tensor] = dict(net.named_parameters())
    for name, weight in head.named_parameters() if head is not None else ():
        named[f"{HEAD}.{name}"] = weight
    return named


class Along(Companions):
    """All narrower models in one stage; a checkpoint keeps them, because their statistics are their own."""

    def __init__(self, narrower: Sequence[Narrower], wide: Learner, sandwich: Sandwich, stage: str) -> None:
        super().__init__()
        self.narrower, self.kept = tuple(narrower), nn.ModuleList(narrower)
        self.wide, self.sandwich, self.stage = wide, sandwich, stage

    def learn(self, step: int, answer: Answer) -> None:
        """Let the narrowest and some others learn from the wide one's answer (in-place distillation, ibid.)."""
        taught = answer.affect.detach()
        for number in self.sandwich.drawn(self.wide.seed, step):
            # Every width hides its own features; the wide one's hiding is not moved by how many learn along.
            torch.manual_seed(torch_seed(self.wide.seed, f"dropout {self.stage} {number}", step))
            self.narrower[number].attempt(step, lambda said, batch: self.weigh(said, batch, taught))

    def weigh(self, said: Answer, batch: Batch, taught: Float[Tensor, "batch time 2"]) -> Float[Tensor, ""]:
        """Weigh the labels and the wide model's affect on the same pixels."""
        weight = self.sandwich.wide_weight
        imitated = disagreement(said.affect, taught, batch.valid, mse_weight=1.0)
        return (1 - weight) * self.wide.loss(said, batch) + weight * imitated


def with_narrower(sandwich: Sandwich) -> dict[str, Stage]:
    """Make the stages of a training in which narrower models learn along."""
    return {name: _with_narrower(name, stage, sandwich) for name, stage in STAGES.items()}


def _with_narrower(name: str, stage: Stage, sandwich: Sandwich) -> Stage:
    def entered(learner: Learner, pool: Pool) -> Course:
        course = stage(learner, pool)
        found = groups(learner.net)
        left_out = [behind(found, share) for share in sandwich.shares]
        narrower = [Narrower(removed, found, learner, pool, stage, course) for removed in left_out]
        return course._replace(along=Along(narrower, learner, sandwich, name))

    return entered
