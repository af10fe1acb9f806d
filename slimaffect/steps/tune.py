"""The step that searches the settings of a training and trains with those it found."""

from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import Field, PositiveFloat, create_model, field_validator, model_validator

from slimaffect.meter import meter_of
from slimaffect.model.spec import ModelSpec
from slimaffect.search.budget import Budget
from slimaffect.search.knobs import Knobs
from slimaffect.search.space import Space, Span, faults
from slimaffect.search.transfer import Earlier, earlier_findings
from slimaffect.search.trials import Proxy, Trials
from slimaffect.settings import NamedFile, Settings
from slimaffect.steps.step import Step
from slimaffect.train.candidate import Candidate
from slimaffect.train.device import device
from slimaffect.train.journal import journal
from slimaffect.train.loop import train

# `from` is a word of Python's own, so the class cannot be written out.
_EARLIER: Any = {
    "from": (
        NamedFile | None,
        Field(None, description="The result.json of an earlier recipe with a `tune`: begin with what it found."),
    )
}
_From: Any = create_model("_From", __base__=Settings, **_EARLIER)

SPACE: Space = {
    "rates": Span(low=0.25, high=4.0, log=True),
    "weight_decay": Span(low=0.002, high=0.2, log=True),
    "augmentation": Span(low=0.25, high=2.0),
    "mse_weight": Span(low=0.03, high=3.0, log=True),
    "clip_norm": Span(low=0.3, high=3.0, log=True),
}


class Tune(_From, Step):
    """Search the settings of a training on validation subjects of the training sites, and train with the best."""

    name: ClassVar[str] = "tune"
    needs_training: ClassVar[bool] = False
    trains: ClassVar[bool] = True

    train: Knobs = Knobs()
    """The training as it would be without a search; the first trial. It is what the baseline does."""
    space: Annotated[Space, Field(min_length=1)] = SPACE
    """What may be chosen, by path: `{rates: {low: 0.3, high: 3, log: true}, frames.batch: {of: [128, 256]}}`."""
    proxy: Proxy = Proxy()
    """How trials are made cheaper than the training they stand for."""
    budget: Budget = Budget()
    """What the search may cost; the first limit that is reached ends it."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.25
    """Share of each training site's subjects that judge the trials."""
    tolerance: PositiveFloat = 0.01
    """Change of CCC below which a setting counts as unimportant in the paired check."""
    recheck: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (1.0, 0.5, 2.0)
    """Factors on the learning rates found, tried at full size at the end beside `train` as it is; the best trains."""

    @field_validator("space")
    @classmethod
    def _in_one_order(cls, space: Space) -> Space:
        """Sort the paths: what is drawn must not depend on the order in which they were written."""
        return dict(sorted(space.items()))

    @model_validator(mode="after")
    def _settings_exist(self) -> "Tune":
        if found := faults(self.space, self.train):
            raise ValueError("; ".join(found))
        if self.train.width != 1:
            raise ValueError(f"train.width is {self.train.width:g}; give the recipe's `model` that width instead")
        return self

    @property
    def plain_training(self) -> dict[str, Any]:
        return self.train.plain().model_dump()

    def becomes(self, spec: ModelSpec) -> ModelSpec | None:
        return None if "width" in self.space else spec

    def apply(self, candidate: Candidate) -> Candidate:
        return tuned(candidate, self, earlier_findings(getattr(self, "from"), candidate.clips))


def tuned(candidate: Candidate, settings: Tune, earlier: Earlier | None) -> Candidate:
    """Answer a candidate trained with the best settings that were found; clips, loss and precision stay.

    Trials train on some of the subjects and are judged by the others, all of training sites. The last training
    is on everyone.

    Raises:
        RunError: optuna is not installed, or no training at full size came to its end.
    """
    with meter_of(str(device())) as meter:
        trials = Trials(
            candidate=candidate,
            knobs=settings.train,
            space=settings.space,
            proxy=settings.proxy,
            budget=settings.budget,
            validation=settings.validation,
            meter=meter,
        )
        found = trials.search(earlier, tolerance=settings.tolerance)
        knobs, told = trials.recheck(found, settings.recheck)
    journal().figures["tune"] = told
    model = train(trials.started(knobs), candidate.clips, trials.loss(knobs), knobs.plain(), candidate.seed)
    return replace(candidate, model=model)
