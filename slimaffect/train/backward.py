"""From a step's answer to its gradient: over all ranks, and in as many parts as memory asks for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from slimaffect.errors import RunError
from slimaffect.model.losses import Batch
from slimaffect.model.net import Answer, joined
from slimaffect.train.learner import Learner
from slimaffect.train.randomness import torch_seed
from slimaffect.train.ranks import Part, add_up, ranks, whole
from slimaffect.train.stages import Course

Answered = tuple[Answer, Tensor]
"""What was answered, and the loss of the whole batch."""


def backward(course: Course, step: int, learner: Learner, chance: str) -> Answered:
    """Answer a step's batch and leave the gradient of the whole batch's loss, of all ranks, in what learns.

    `chance` names the step's draws of dropout; every rank and every part draws its own.
    """
    parts = learner.settings.ranks.accumulate
    if (course.along or course.thrift) is not None and (ranks().count > 1 or parts > 1):
        raise RunError(
            "Models of several widths, and thrift, learn in one process and in whole batches only. Set "
            "execution.ranks=1 and ranks.accumulate=1."
        )
    found = _in_parts(course, step, learner, chance, parts) if parts > 1 else _at_once(course, step, learner, chance)
    add_up(course.learns, list(learner.loss_learns()))
    return found


def _at_once(course: Course, step: int, learner: Learner, chance: str) -> Answered:
    _seed(learner, chance, step)
    answer, batch = course.attempt(step)
    loss = learner.loss(*whole(answer, batch))
    loss.backward()
    return answer, loss


def _in_parts(course: Course, step: int, learner: Learner, chance: str, parts: int) -> Answered:
    """Answer part by part without keeping maps, find the whole loss's gradient by the answers, and answer again.

    A CCC of parts is not the CCC of the batch, so gradients of parts may not just be added up. Doing it in two passes
    (Gao et al. 2021, arXiv 2101.06983) costs one more forward and is exact, but for batch norms that learn: they see
    parts.
    """

    def attempt(number: int) -> tuple[Answer, Batch]:
        with _taking(learner, ranks().part.within(number, parts)):
            _seed(learner, chance, step, number)
            return course.attempt(step)

    with torch.no_grad(), _norms_as_they_are(learner):
        first = [attempt(number) for number in range(parts)]
    told, batch = _joined(first)
    leaves = [part.requires_grad_() for part in (told.affect, told.features, told.hidden) if part is not None]
    loss = learner.loss(*whole(told, batch))
    loss.backward()
    slopes = [None if leaf.grad is None else leaf.grad.chunk(parts) for leaf in leaves]
    for number in range(parts):
        _again(attempt, number, slopes)
    return told, loss


def _again(
    attempt: Callable[[int], tuple[Answer, Batch]], number: int, slopes: list[tuple[Tensor, ...] | None]
) -> None:
    """Answer a part again, now with its maps, and hand it its share of the gradient."""
    answer, _ = attempt(number)
    given = [part for part in (answer.affect, answer.features, answer.hidden) if part is not None]
    pairs = [(p, s[number]) for p, s in zip(given, slopes, strict=True) if s is not None and p.requires_grad]
    torch.autograd.backward([part for part, _ in pairs], [slope for _, slope in pairs])


def _joined(parts: list[tuple[Answer, Batch]]) -> tuple[Answer, Batch]:
    answers, batches = [answer for answer, _ in parts], [batch for _, batch in parts]
    teachers = [batch.teacher for batch in batches if batch.teacher is not None]
    seen = [batch.seen for batch in batches if batch.seen is not None]
    return joined(answers), Batch(
        torch.cat([batch.affect for batch in batches]),
        torch.cat([batch.valid for batch in batches]),
        joined(teachers) if teachers else None,
        torch.cat(seen) if seen else None,
        tuple(name for batch in batches for name in batch.whose),
    )


@contextmanager
def _taking(learner: Learner, part: Part) -> Iterator[None]:
    before, learner.part = learner.part, part
    try:
        yield
    finally:
        learner.part = before


@contextmanager
def _norms_as_they_are(learner: Learner) -> Iterator[None]:
    """Put back what batch norms measured in the first pass: the second measures it again."""
    before = {name: buffer.clone() for name, buffer in learner.net.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in learner.net.named_buffers():
            buffer.copy_(before[name])


def _seed(learner: Learner, chance: str, step: int, number: int = 0) -> None:
    part = ranks().part.within(number, learner.settings.ranks.accumulate)
    torch.manual_seed((torch_seed(learner.seed, chance, step) + part.number) % 2**63)
