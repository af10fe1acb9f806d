"""What a step is: a function from a candidate to a candidate."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from slimaffect.model.spec import ModelSpec
from slimaffect.settings import Settings
from slimaffect.train.candidate import Candidate


class Step(Settings, ABC):
    """One line of a recipe: a function from a candidate to a candidate.

    The class docstring's first line is what `slim steps` prints; the field docstrings explain the settings.
    """

    name: ClassVar[str]
    """The word in the recipe, e.g. `distill`."""
    needs_training: ClassVar[bool] = True
    """True when a `train` step must stand somewhere before this one."""
    trains: ClassVar[bool] = False
    """True when it trains the model it is given by itself: it may stand for a `train`."""
    last: ClassVar[bool] = False
    """True when only further `last` steps may follow (quantise: a quantised model is not trained again)."""

    def __str__(self) -> str:
        """Say the step as a line of the recipe does: its name, and the words that were chosen."""
        defaults = {name: field.default for name, field in type(self).model_fields.items()}
        words = [value for name, value in self if isinstance(value, str) and value != defaults[name]]
        return " ".join([self.name, *words])

    @property
    def exports(self) -> bool:
        """Whether it runs exported files as it goes: what it answers then depends on that code too."""
        return False

    @property
    def plain_training(self) -> dict[str, Any]:
        """Settings of the `train` that the baseline does in its place, if it `trains`."""
        return {}

    def amiss(self, before: "Sequence[Step]") -> str | None:  # noqa: ARG002 (most steps do not mind)
        """Say what is wrong with standing after these steps; None if nothing is. It is told while a recipe is read."""
        return None

    def unfit(self, spec: ModelSpec) -> str | None:  # noqa: ARG002 (most steps take any model)
        """Say why a model of this shape cannot be given to the step, as far as the shape tells; told as `amiss` is."""
        return None

    def becomes(self, spec: ModelSpec) -> ModelSpec | None:
        """Say what shape a model of this shape leaves with; None where only the step itself can tell."""
        return spec

    @abstractmethod
    def apply(self, candidate: Candidate) -> Candidate:
        """Return the changed candidate; the given one stays as it was."""
