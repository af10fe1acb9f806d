"""The training loop. There is one."""

import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import nn

from slimaffect.data.clips import Clips
from slimaffect.errors import NoNumberError
from slimaffect.model.losses import Loss
from slimaffect.model.net import AffectNet
from slimaffect.train.backward import backward
from slimaffect.train.checkpoint import Checkpoint, Progress, training_key
from slimaffect.train.device import random_devices
from slimaffect.train.journal import Leaving, journal
from slimaffect.train.learner import Learner
from slimaffect.train.pool import Extra, Pool
from slimaffect.train.ranks import even_out, ranks, same_start
from slimaffect.train.settings import TrainSettings
from slimaffect.train.stages import STAGES, Course, Length, Stage, epochs_done, lengths
from slimaffect.train.validate import mean_ccc, split

SLOWER = 0.3  # of the learning rate, after a loss was no number: a third has mended what diverged at the peak


def train(
    net: AffectNet,
    clips: Clips,
    loss: Loss,
    settings: TrainSettings,
    seed: int,
    *,
    stages: Mapping[str, Stage] = STAGES,
    extra: Extra | None = None,
    judges: Clips | None = None,
) -> AffectNet:
    """Train a copy of the model; the given one stays as it was. `extra` videos have no labels, only a teacher.

    `judges` are recordings of others whose CCC is reported after every epoch; they move no weight, unless `keep: best`
    chooses by them.

    Everything random follows from the seed, so equal arguments give equal weights, at one thread and on one kind of
    processor. Under a journal with a checkpoint folder an interrupted training goes on to the same weights.

    Raises:
        RunError: the clips hold no labelled frame, or the loss is no longer a number.
    """
    journal().trainings += 1
    settings = settings.for_ranks(ranks().count)
    checkpoint = Checkpoint(journal().checkpoint, training_key(net, clips, loss, settings, seed, extra))
    learner, progress = Learner(net, loss, settings, seed), checkpoint.read()
    asked = judges is not None
    if settings.keep == "best" and not asked:
        clips, judges = split(clips, settings.validation, seed)
    pool, plan = Pool(clips, extra), lengths(settings, clips.share)
    with torch.random.fork_rng(devices=random_devices()):
        progress.restore(learner.net, learner.loss)
        same_start(learner.net, learner.loss)
        for number, length in enumerate(plan):
            if progress.is_past(number, length.steps):
                continue
            course = stages[length.name](learner, pool)
            for figures in _epochs(course, number, length, learner, progress, checkpoint):
                if judges is not None and (asked or course.head is None):
                    figures["ccc"] = mean_ccc(learner.net, judges, course.head)
                if "ccc" in figures and settings.keep == "best" and course.head is None:
                    progress.judge(figures["ccc"], learner.net)
                checkpoint.write(progress)
                journal().epoch(length.name, *epochs_done(plan, number, progress.step), **figures)
    learner.net.load_state_dict(progress.best or progress.weights)
    return learner.finished()


def _epochs(
    course: Course, number: int, length: Length, learner: Learner, progress: Progress, checkpoint: Checkpoint
) -> Iterator[dict[str, float]]:
    """Run one stage from where it was interrupted; after each epoch keep it, and answer the epoch's figures.

    A loss that is no number any more takes the stage back to its last epoch, once, to go on at a lower rate.
    """
    optimiser = _optimiser(course.learns, learner.settings.weight_decay)
    passing = course.passing
    progress.enter(number, optimiser, passing)
    if not progress.step:
        progress.keep(0, learner.net, learner.loss, optimiser, passing)
    while progress.step < length.steps:
        last = min((progress.step // length.epoch + 1) * length.epoch, length.steps)
        taken = [step for step in range(progress.step, last) if not (course.thrift and course.thrift.skips(step))]
        try:
            losses = [*_steps(taken, course, length, learner, optimiser, progress, checkpoint)]
        except NoNumberError as error:
            if progress.slower < 1:
                raise
            _go_back(progress, error, course, length, learner, optimiser)
            continue
        even_out(learner.net, learner.loss)
        progress.keep(last, learner.net, learner.loss, optimiser, passing)
        # What is left of an interrupted epoch may be steps that thrift skips.
        yield {"loss": math.fsum(losses) / len(losses)} if losses else {}


def _steps(
    numbers: Sequence[int],
    course: Course,
    length: Length,
    learner: Learner,
    optimiser: torch.optim.Optimizer,
    progress: Progress,
    checkpoint: Checkpoint,
) -> Iterator[float]:
    """Take the steps of an epoch; where the training is asked to leave, keep the last one and stop."""
    for step in numbers:
        yield _step(step, course, length, learner, optimiser, progress.slower)
        if ranks().any(journal().leaving(), learner.device):
            even_out(learner.net, learner.loss)
            progress.keep(step + 1, learner.net, learner.loss, optimiser, course.passing)
            checkpoint.write(progress)
            raise Leaving(f"stage {length.name}, step {step + 1} of {length.steps}")


def _go_back(
    progress: Progress,
    error: NoNumberError,
    course: Course,
    length: Length,
    learner: Learner,
    optimiser: torch.optim.Optimizer,
) -> None:
    """Take model, loss and optimiser back to the last epoch, and go on slower for the rest of the training."""
    progress.slower = SLOWER
    progress.restore(learner.net, learner.loss)
    optimiser.load_state_dict(progress.optimiser)
    if course.passing is not None:
        course.passing.load_state_dict(progress.head)
    told = f"went back to step {progress.step} of stage {length.name} and on at {SLOWER:g} of the learning rate"
    journal().figures.setdefault("went_back", []).append(told)
    journal().report(f"{error} The training {told}.")


def _step(
    step: int, course: Course, length: Length, learner: Learner, optimiser: torch.optim.Optimizer, slower: float = 1.0
) -> float:
    """Take one step and answer its loss."""
    rate = slower * learning_rate(step, length.steps, length.rate, learner.settings.warm_up)
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    answer, loss = backward(course, step, learner, f"dropout {length.name}")
    if course.along is not None:
        course.along.learn(step, answer)
    if course.thrift is not None:
        course.thrift.learn(answer)
    norm = nn.utils.clip_grad_norm_(course.learns, learner.settings.clip_norm)
    if not math.isfinite(loss.item() + norm.item()):
        raise NoNumberError(
            f"Training, stage {length.name}, step {step + 1} of {length.steps}: loss {loss.item():.3g}, gradient norm "
            f"{norm.item():.3g}, learning rate {rate:.2g}. Lower {length.name}.rate (now {length.rate:g}), or look "
            "for labels outside [-1, 1] with `slim data check`."
        )
    optimiser.step()
    return loss.item()


def learning_rate(step: int, total: int, highest: float, warm_up: float) -> float:
    """Rise along a cosine for the warm-up, then fall to zero (one cycle, Smith 2018, arXiv 1708.07120).

    >>> [round(learning_rate(step, 100, 1.0, 0.2), 2) for step in (0, 10, 20, 60, 99)]
    [0.04, 0.52, 1.0, 0.5, 0.0]
    """
    rising = warm_up * total
    if step < rising:
        return highest * (0.04 + 0.96 * (1 - math.cos(math.pi * step / rising)) / 2)
    return highest * (1 + math.cos(math.pi * (step - rising) / (total - rising))) / 2


def _optimiser(learns: list[nn.Parameter], decay: float) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) that decays matrices and kernels only."""
    groups = [
        {"params": [p for p in learns if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in learns if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], fused=True)
