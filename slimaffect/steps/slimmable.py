"""The step that trains the model at several widths at once, so that `slice` can cut any of them out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import Field, NonNegativeInt, field_validator

from slimaffect.model.prune.graph import groups
from slimaffect.model.prune.nested import in_order
from slimaffect.steps.step import Step
from slimaffect.train.along import Sandwich, with_narrower
from slimaffect.train.candidate import Candidate
from slimaffect.train.judge import unit_scores
from slimaffect.train.loop import train
from slimaffect.train.settings import TrainSettings

Width = Annotated[float, Field(gt=0, lt=1)]


class Slimmable(TrainSettings, Step):
    """Train the model so that its first channels and units are narrower models of their own."""

    name: ClassVar[str] = "slimmable"

    widths: Annotated[tuple[Width, ...], Field(min_length=1)] = (0.25, 0.5, 0.75)
    """Shares of every layer's units that are to be models; the whole is always one."""
    between: NonNegativeInt = 1
    """How many of the widths between narrowest and whole learn at each step; those two always do."""
    wide_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of a narrower model's loss that imitates the whole one's affect; the labels have the rest."""

    @field_validator("widths")
    @classmethod
    def _rising(cls, widths: tuple[float, ...]) -> tuple[float, ...]:
        if list(widths) != sorted(set(widths)):
            raise ValueError(f"`widths` is {list(widths)}; write each width once, the narrowest first")
        return widths

    def amiss(self, before: Sequence[Step]) -> str | None:
        if any(getattr(step, "by", None) == "infobatch" for step in before):
            return "`slimmable` stands after `subset: {by: infobatch}`: its widths would be judged on different frames"
        return None

    def apply(self, candidate: Candidate) -> Candidate:
        return slimmable(candidate, self.widths, self, between=self.between, wide_weight=self.wide_weight)


def slimmable(
    candidate: Candidate, widths: tuple[float, ...], settings: TrainSettings, *, between: int, wide_weight: float
) -> Candidate:
    """Answer a candidate whose model holds narrower ones: an ordinary model, trained by the ordinary loop.

    Its units are first put in order of importance, which changes no answer, so that a narrower model begins with the
    units that matter (Cai et al. 2020, arXiv 1908.09791). Then, at each step, the whole learns from the labels, and
    narrower ones with its weights from labels and its answers (Yu et al. 2019, arXiv 1812.08928; Yu and Huang 2019,
    arXiv 1903.05134).
    """
    found = groups(candidate.model)
    ordered = in_order(candidate.model, found, unit_scores(candidate, found, "taylor"))
    stages = with_narrower(Sandwich(widths, between, wide_weight))
    return replace(
        candidate, model=train(ordered, candidate.clips, candidate.loss, settings, candidate.seed, stages=stages)
    )
