"""The step that cuts whole units out of the model until it is as small or as fast as asked."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, PositiveFloat, PositiveInt, model_validator
from torch import Tensor

from slimaffect.errors import ModelError
from slimaffect.measure.clip_ms import clip_ms
from slimaffect.model.count import macs_per_frame, parameters
from slimaffect.model.net import AffectNet
from slimaffect.model.prune import importance as judge
from slimaffect.model.prune import plan
from slimaffect.model.prune.graph import Group, groups
from slimaffect.model.prune.surgery import cut, respec, widths
from slimaffect.model.spec import ModelSpec
from slimaffect.settings import Settings
from slimaffect.steps.step import Step
from slimaffect.train.candidate import Candidate
from slimaffect.train.gradients import gradients
from slimaffect.train.journal import journal
from slimaffect.train.loop import train
from slimaffect.train.randomness import torch_generator, torch_seed
from slimaffect.train.recalibrate import recalibrate
from slimaffect.train.settings import EndToEndStage, FramesStage, SequencesStage, TrainSettings

TOLERANCE = 1.03  # a time measured again may be so much above what was asked
ATTEMPTS = 4

What = Literal["macs", "parameters", "clip_ms"]


class Until(Settings):
    """What the pruned model must come down to; one of the three."""

    macs: PositiveFloat | None = None
    """Multiply-accumulates of a frame; up to 1 a share of what the model has, above it their number."""
    parameters: PositiveFloat | None = None
    """Trained numbers; up to 1 a share of what the model has, above it their number."""
    clip_ms: PositiveFloat | None = None
    """CPU milliseconds of a 16-frame clip on one thread, measured on the exported file."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name, value in self if value is not None]
        if len(given) != 1:
            raise ValueError(f"give one of macs, parameters and clip_ms, not {' and '.join(given) or 'none'}")
        return self

    @property
    def what(self) -> What:
        """The figure that is asked for."""
        return "macs" if self.macs else "parameters" if self.parameters else "clip_ms"

    def asked(self, start: float) -> float:
        """Say how small the figure must become, where a share is of `start`.

        >>> Until(macs=0.25).asked(4e6), Until(parameters=5e4).asked(1e5)
        (1000000.0, 50000.0)
        """
        value: float = getattr(self, self.what)
        return value * start if value <= 1 and self.what != "clip_ms" else value


class Retrain(TrainSettings):
    """How the model recovers after each cut: like any training, but short, and of everything together."""

    epochs: Annotated[int, Field(ge=0)] = 4
    """Length of training after each cut; 0 trains nothing."""
    frames: FramesStage = FramesStage(share=0)
    sequences: SequencesStage = SequencesStage(share=0)
    end_to_end: EndToEndStage = EndToEndStage(share=1, rate=2e-4)  # slow: the weights are good already


class Prune(Step):
    """Cut the least important channels and LSTM units until the model is as small as asked, and retrain it."""

    name: ClassVar[str] = "prune"

    until: Until
    """What the model must come down to: `{macs: 0.5}`, `{parameters: 50000}` or `{clip_ms: 0.5}`."""
    importance: judge.Importance = "taylor"
    """What decides which units go: size of weights, batch norm's scale, change of loss, or chance as a control."""
    scope: plan.Scope = "global"
    """Compare units across all layers, or take about the same share from every layer."""
    round_to: Literal[1, 4, 8, 16, 32] = 16
    """Widths become multiples of this, and none falls below it; 16 is fastest on CPUs, 8 suffices for GPUs."""
    rounds: PositiveInt = 1
    """Cut in so many even steps, with a retraining after each."""
    retrain: Retrain = Retrain()
    """Training after each cut."""

    def __str__(self) -> str:
        return f"prune {self.until.what} {getattr(self.until, self.until.what):g}"

    def apply(self, candidate: Candidate) -> Candidate:
        return prune(candidate, self)


def prune(candidate: Candidate, settings: Prune) -> Candidate:
    """Answer a candidate with a smaller model; clips, loss, precision and seed stay.

    In rounds it comes down by equal factors, and judges the units anew each time (Molchanov et al. 2017,
    arXiv 1611.06440). A model that is small enough already is left as it is.

    Raises:
        ModelError: the model cannot become so small with widths of `round_to`; both figures are told.
    """
    figure = figure_of(candidate, settings.until.what)
    start = figure(candidate.model.spec)
    asked = settings.until.asked(start)
    if start <= asked:
        return candidate
    refuse_unreachable(candidate.model, settings, figure, asked)
    for number in range(1, settings.rounds + 1):
        # The last is the ask itself: a root and its power need not meet it to the last digit.
        target = asked if number == settings.rounds else start * (asked / start) ** (number / settings.rounds)
        net = smaller(candidate, settings, figure, target, number)
        candidate = replace(candidate, model=recovered(net, candidate, settings.retrain, number))
        told = {"asked": asked / start, "reached": figure(net.spec) / start}  # shares
        journal().epoch(f"prune {settings.until.what}", number, settings.rounds, **told)
    return candidate


def figure_of(candidate: Candidate, what: What) -> Callable[[ModelSpec], float]:
    """Choose the function from a spec to its figure; a time is measured once for each spec."""
    known: dict[str, float] = {}

    def measured(spec: ModelSpec) -> float:
        key = spec.model_dump_json()
        known[key] = known[key] if key in known else clip_ms(fresh(candidate, spec))
        return known[key]

    return {"macs": macs_per_frame, "parameters": parameters, "clip_ms": measured}[what]


def fresh(candidate: Candidate, spec: ModelSpec) -> Candidate:
    """Make a candidate of another shape: how long it takes does not depend on its weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(candidate.seed, "prune"))
        return replace(candidate, model=AffectNet(spec))


def refuse_unreachable(net: AffectNet, settings: Prune, figure: Callable[[ModelSpec], float], asked: float) -> None:
    """Refuse, before anything is trained, what cannot be reached.

    Raises:
        ModelError: with what is asked for and the least there is.
    """
    found = groups(net)
    least = figure(respec(net.spec, widths(found, plan.smallest(found, settings.round_to))))
    if least > asked:
        what, start = settings.until.what, figure(net.spec)
        raise ModelError(
            f"prune: until.{what} asks for {asked:,.5g} of {start:,.5g}, but with widths in multiples of "
            f"{settings.round_to} the least is {least:,.5g}. Ask for that or more, or lower round_to."
        )


def smaller(
    candidate: Candidate, settings: Prune, figure: Callable[[ModelSpec], float], target: float, number: int
) -> AffectNet:
    """Cut the units that matter least; only the last round goes below its target, the others stop above it."""
    net, found = candidate.model, groups(candidate.model)
    scores = unit_scores(candidate, found, settings.importance, number)

    def reached(left: plan.Kept) -> float:
        return figure(respec(net.spec, widths(found, left)))

    def counted(left: plan.Kept) -> float:
        spec = respec(net.spec, widths(found, left))
        return parameters(spec) if settings.until.what == "parameters" else macs_per_frame(spec)

    costs = plan.unit_costs(found, counted)
    order = plan.blocks(found, scores, costs, round_to=settings.round_to, scope=settings.scope)
    if number < settings.rounds:
        left = plan.most_above(found, order, reached, target)
    elif settings.until.what == "clip_ms":
        left = _fast_enough(candidate, found, order, reached, target)
    else:
        left = plan.closest(order, plan.fewest(found, order, reached, target), reached, target)
    return cut(net, found, plan.least(found, scores, left))


def _fast_enough(
    candidate: Candidate, found: Sequence[Group], order: Sequence[plan.Block], reached: plan.Figure, asked: float
) -> plan.Kept:
    """Bisect for a time, and measure the answer again: a time varies, a bisection is fooled by one lucky reading.

    Raises:
        ModelError: a second measurement stays above the ask.
    """
    again = 0.0
    for attempt in range(ATTEMPTS):
        left = plan.fewest(found, order, reached, asked * (1 - 0.05 * attempt))
        again = clip_ms(fresh(candidate, respec(candidate.model.spec, widths(found, left))))
        if again <= TOLERANCE * asked:
            return left
    raise ModelError(
        f"prune: until.clip_ms asks for {asked:.3g} ms, and a second measurement took {again:.3g} ms, {ATTEMPTS} times "
        "over. Leave the machine alone while it measures, or ask for more."
    )


def unit_scores(
    candidate: Candidate, found: Sequence[Group], importance: judge.Importance, number: int
) -> dict[str, Tensor]:
    """Judge every unit of every group, on the candidate's own loss and clips where gradients are needed."""
    net = candidate.model
    weights = dict(net.named_parameters())
    if importance == "taylor":
        return judge.taylor(weights, gradients(net, candidate.clips, candidate.loss, candidate.seed), found)
    if importance == "random":
        drawn = torch_generator(candidate.seed, "prune at random", number)
        return {group.name: judge.at_random(group, drawn) for group in found}
    judged = judge.bn_scale if importance == "bn" else judge.magnitude
    return {group.name: judged(weights, group) for group in found}


def recovered(net: AffectNet, candidate: Candidate, retrain: Retrain, number: int) -> AffectNet:
    """Measure batch norm's statistics again, then train."""
    net = recalibrate(net, candidate.clips, candidate.seed)
    if not retrain.epochs:
        return net
    return train(net, candidate.clips, candidate.loss, retrain, torch_seed(candidate.seed, "prune", number))
