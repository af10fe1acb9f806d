"""The step that cuts whole blocks and units out of the model until it is as small or as fast as asked."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, NonNegativeInt, PositiveInt

from slimaffect.errors import ModelError
from slimaffect.measure.until import COUNTED, Figure, Until, figure_of, measured, remembered
from slimaffect.model.count import macs_per_frame
from slimaffect.model.net import AffectNet
from slimaffect.model.prune import importance as judge
from slimaffect.model.prune import plan
from slimaffect.model.prune.graph import Group, groups
from slimaffect.model.prune.surgery import cut, respec, widths
from slimaffect.model.spec import ModelSpec
from slimaffect.steps.step import Step
from slimaffect.train.candidate import Candidate
from slimaffect.train.journal import journal
from slimaffect.train.judge import unit_scores, without_least_block
from slimaffect.train.loop import train
from slimaffect.train.randomness import torch_seed
from slimaffect.train.recalibrate import recalibrate
from slimaffect.train.settings import EndToEndStage, FramesStage, SequencesStage, TrainSettings

TOLERANCE = 1.03  # a time measured again may be so much above what was asked
ATTEMPTS = 4


class Retrain(TrainSettings):
    """How the model recovers after each cut: like any training, but of everything together from the start.

    An eighth of the work needs all twelve epochs at the full rate (docs/methods/prune.md).
    """

    epochs: Annotated[int, Field(ge=0)] = 12
    """Length of training after each cut; 0 trains nothing."""
    frames: FramesStage = FramesStage(share=0)
    sequences: SequencesStage = SequencesStage(share=0)
    end_to_end: EndToEndStage = EndToEndStage(share=1)


class Prune(Step):
    """Cut the least important channels and LSTM units until the model is as small as asked, and retrain it."""

    name: ClassVar[str] = "prune"

    until: Until
    """What the model must come down to: `{macs: 0.5}`, `{parameters: 50000}`, `{clip_ms: 0.5}` or `{cpu_s: 20}`."""
    within: Annotated[float, Field(gt=0, le=1)] = 0.03
    """How far below the ask macs and parameters may end, as a share of it; if no widths come as near, it is refused."""
    importance: judge.Importance = "taylor"
    """What decides which units go: `magnitude` of weights, `bn` scale, `taylor` and `fisher` (loss and answers to
    first and second order), `affect` (measured with each unit silent), or `random` as a control."""
    scope: plan.Scope = "global"
    """Compare units across all layers, or take about the same share from every layer."""
    round_to: Literal[1, 4, 8, 16, 32] = 16
    """Widths become multiples of this, and none falls below it; 16 is fastest on CPUs, 8 suffices for GPUs."""
    blocks: NonNegativeInt = 0
    """Whole residual blocks to take out first, those without which affect moves least."""
    rounds: PositiveInt = 1
    """Cut in so many even steps, with a retraining after each."""
    retrain: Retrain = Retrain()
    """Training after each cut."""

    def __str__(self) -> str:
        return f"prune {self.until.what} {getattr(self.until, self.until.what):g}"

    @property
    def exports(self) -> bool:
        return not self.until.counted

    def unfit(self, spec: ModelSpec) -> str | None:
        if self.blocks or not self.until.counted:  # known only when blocks are gone, or times are measured
            return None
        return _unreachable(spec.model_dump_json(), self.model_dump_json())

    def becomes(self, spec: ModelSpec) -> ModelSpec | None:  # noqa: ARG002 (which units go is found out on the clips)
        return None

    def apply(self, candidate: Candidate) -> Candidate:
        return prune(candidate, self)


def prune(candidate: Candidate, settings: Prune) -> Candidate:
    """Answer a candidate with a smaller model; clips, loss, precision and seed stay.

    In rounds it comes down by equal factors, and judges the units anew each time (Molchanov et al. 2017,
    arXiv 1611.06440). A model that is small enough already is left as it is.

    Raises:
        ModelError: the model cannot become so small, or not so nearly, with widths of `round_to`; or it has not so
            many blocks to spare. All figures are told.
    """
    figure = figure_of(candidate, settings.until.what)
    figure = figure if settings.until.counted else remembered(figure)
    start = figure(candidate.model.spec)
    asked = settings.until.asked(start)
    if start <= asked:
        return candidate
    candidate = shallower(candidate, settings.blocks)
    refuse_unreachable(candidate.model, settings, figure, asked)
    for number in range(1, settings.rounds + 1):
        # The last is the ask itself: a root and its power need not meet it to the last digit.
        target = asked if number == settings.rounds else start * (asked / start) ** (number / settings.rounds)
        net, reached = smaller(candidate, settings, figure, target, number)
        candidate = replace(candidate, model=recovered(net, candidate, settings.retrain, number))
        told = {"asked": asked / start, "reached": reached / start}  # shares
        journal().epoch(stage_name(net, settings), number, settings.rounds, **told)
    return candidate


def shallower(candidate: Candidate, blocks: int) -> Candidate:
    """Take whole residual blocks out, one after the other, and tell how far affect moved without each.

    Raises:
        ModelError: there are fewer blocks to spare; their number is told.
    """
    for number in range(1, blocks + 1):
        found = without_least_block(candidate)
        if found is None:
            raise ModelError(
                f"prune: blocks asks for {blocks}, but only {number - 1} residual blocks have a shortcut that "
                f"carries on without them. Ask for {number - 1} or fewer."
            )
        candidate = replace(candidate, model=found[0])
        journal().epoch("prune blocks", number, blocks, affect_moved=found[1] ** 0.5)
    return candidate


def stage_name(net: AffectNet, settings: Prune) -> str:
    """Say what is pruned, and which layers cannot be: they are narrower than `round_to`."""
    whole = narrow(groups(net), settings.round_to)
    rest = f" ({', '.join(whole)} stay whole, narrower than {settings.round_to})" if whole else ""
    return f"prune {settings.until.what}{rest}"


def narrow(found: Sequence[Group], round_to: int) -> list[str]:
    """Name the groups that have fewer units than a multiple."""
    return list(dict.fromkeys(group.tie for group in found if group.units < round_to))


def refuse_unreachable(net: AffectNet, settings: Prune, figure: Figure, asked: float) -> None:
    """Refuse, before anything is trained, what cannot be reached.

    Raises:
        ModelError: with what is asked for and the least there is, or the nearest below.
    """
    found, what, start = groups(net), settings.until.what, figure(net.spec)
    least = figure(respec(net.spec, widths(found, plan.smallest(found, settings.round_to))))
    if least > asked:
        whole = narrow(found, settings.round_to)
        raise ModelError(
            f"prune: until.{what} asks for {said(asked)} of {said(start)}, but with widths in multiples of "
            f"{settings.round_to} the least is {said(least)}. Ask for that or more, or lower round_to"
            + (f" ({', '.join(whole)} are narrower than it and stay whole)." if whole else ".")
        )
    if settings.until.counted:
        unjudged = {group.name: torch.zeros(group.units) for group in found}
        order = plan.blocks(found, unjudged, {}, round_to=settings.round_to, scope="per_group")
        left = nearest(net.spec, found, order, settings, figure, asked)
        refuse_far(figure(respec(net.spec, widths(found, left))), asked, settings)


@lru_cache
def _unreachable(spec: str, asks: str) -> str | None:
    """Say why a shape cannot be cut as asked, both as JSON; a recipe is read several times."""
    net, settings = AffectNet(ModelSpec.model_validate_json(spec)), Prune.model_validate_json(asks)
    figure = COUNTED[settings.until.what]
    start = figure(net.spec)
    asked = settings.until.asked(start)
    if start <= asked:
        return None
    try:
        refuse_unreachable(net, settings, figure, asked)
    except ModelError as error:
        return str(error).removeprefix("prune: ")
    return None


def refuse_far(reached: float, asked: float, settings: Prune) -> None:
    """Refuse a figure that is above the ask, or further below it than allowed.

    Raises:
        ModelError: with both figures.
    """
    if not (1 - settings.within) * asked <= reached <= asked:
        raise ModelError(
            f"prune: until.{settings.until.what} asks for {said(asked)}, but with widths in multiples of "
            f"{settings.round_to} the nearest below is {said(reached)}, {1 - reached / asked:.1%} off. Ask for that, "
            f"lower round_to, or allow it: within (now {settings.within:g})."
        )


def said(figure: float) -> str:
    """Write a count with all its digits, and a time with three.

    >>> said(583186.4), said(0.12345)
    ('583,186', '0.123')
    """
    return f"{figure:,.0f}" if figure >= 1000 else f"{figure:.3g}"


def nearest(
    spec: ModelSpec, found: Sequence[Group], order: Sequence[plan.Block], settings: Prune, figure: Figure, asked: float
) -> plan.Kept:
    """Keep as many units as the ask allows, taking blocks in their order."""

    def reached(left: plan.Kept) -> float:
        return figure(respec(spec, widths(found, left)))

    near = max(plan.NEAR, 1 - settings.within)
    return plan.closest(order, plan.fewest(found, order, reached, asked), reached, asked, near)


def smaller(
    candidate: Candidate, settings: Prune, figure: Figure, target: float, number: int
) -> tuple[AffectNet, float]:
    """Cut the units that matter least, and say what was reached.

    Only the last round goes below its target, the others stop above it.
    """
    net, found = candidate.model, groups(candidate.model)
    scores = unit_scores(candidate, found, settings.importance, number)

    def reached(left: plan.Kept) -> float:
        return figure(respec(net.spec, widths(found, left)))

    def counted(left: plan.Kept) -> float:
        return COUNTED.get(settings.until.what, macs_per_frame)(respec(net.spec, widths(found, left)))

    costs = plan.unit_costs(found, counted)
    order = plan.blocks(found, scores, costs, round_to=settings.round_to, scope=settings.scope)
    if number < settings.rounds:
        left = plan.most_above(found, order, reached, target)
    elif settings.until.counted:
        left = nearest(net.spec, found, order, settings, figure, target)
        refuse_far(reached(left), target, settings)
    else:
        left, again = _fast_enough(candidate, found, order, reached, settings.until)
        return cut(net, found, plan.least(found, scores, left)), again
    return cut(net, found, plan.least(found, scores, left)), reached(left)


def _fast_enough(
    candidate: Candidate, found: Sequence[Group], order: Sequence[plan.Block], reached: plan.Figure, until: Until
) -> tuple[plan.Kept, float]:
    """Bisect for a time, and measure the answer again: a time varies, a bisection is fooled by one lucky reading.

    Raises:
        ModelError: a second measurement stays above the ask.
    """
    again, asked = 0.0, until.asked(0)
    for attempt in range(ATTEMPTS):
        left = plan.fewest(found, order, reached, asked * (1 - 0.05 * attempt))
        again = measured(candidate, respec(candidate.model.spec, widths(found, left)), until.what)
        if again <= TOLERANCE * asked:
            return left, again
    raise ModelError(
        f"prune: until.{until.what} asks for {asked:.3g}, and a second measurement took {again:.3g}, {ATTEMPTS} times "
        "over. Leave the machine alone while it measures, or ask for more."
    )


def recovered(net: AffectNet, candidate: Candidate, retrain: Retrain, number: int) -> AffectNet:
    """Measure batch norm's statistics again, then train."""
    net = recalibrate(net, candidate.clips, candidate.seed)
    if not retrain.epochs:
        return net
    return train(net, candidate.clips, candidate.loss, retrain, torch_seed(candidate.seed, "prune", number))
