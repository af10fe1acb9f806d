"""The step that cuts one width out of a slimmable model: a plain model, ready to deploy."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import Field

from slimaffect.errors import ModelError
from slimaffect.model.prune.nested import MULTIPLE, narrower
from slimaffect.model.spec import ModelSpec
from slimaffect.steps.step import Step
from slimaffect.train.candidate import Candidate
from slimaffect.train.recalibrate import recalibrate

TRAINED_BY = "slimmable"


class Slice(Step):
    """Cut one width out of a slimmable model, and measure its batch norms' statistics."""

    name: ClassVar[str] = "slice"

    width: Annotated[float, Field(gt=0, le=1)]
    """Share of every layer's units, the first ones: 1, or one of the widths that `slimmable` trained."""

    def amiss(self, before: Sequence[Step]) -> str | None:
        trained = [step for step in before if step.name == TRAINED_BY]
        if not trained:
            return f"`slice` needs a `{TRAINED_BY}` before it: other models have no narrower ones inside"
        widths = (*getattr(trained[-1], "widths", ()), 1.0)
        if self.width in widths:
            return None
        return f"`slice.width` is {self.width:g}, and `{TRAINED_BY}` trains {', '.join(f'{w:g}' for w in widths)}"

    def becomes(self, spec: ModelSpec) -> ModelSpec | None:  # noqa: ARG002 (which units a width holds is traced)
        return None

    def apply(self, candidate: Candidate) -> Candidate:
        return sliced(candidate, self.width)


def sliced(candidate: Candidate, width: float) -> Candidate:
    """Answer a candidate with the model that has this share of every layer's units; all else stays.

    Each width has statistics of its own: those of the whole are of sums over other channels (Yu and Huang 2019,
    arXiv 1903.05134).

    Raises:
        ModelError: no layer is wide enough to become narrower.
    """
    net = narrower(candidate.model, width)
    if width < 1 and net.spec == candidate.model.spec:
        raise ModelError(
            f"slice: width {width:g} leaves every layer as it is, because widths are multiples of {MULTIPLE}. "
            "Take a wider model, or leave `slice` out."
        )
    return replace(candidate, model=recalibrate(net, candidate.clips, candidate.seed))
