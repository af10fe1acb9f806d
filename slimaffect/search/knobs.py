"""What can be searched: every setting of training, and a few that turn many of them at once."""

from typing import Annotated, Any

from pydantic import Field, PositiveFloat

from slimaffect.model.scale import scaled
from slimaffect.model.spec import ModelSpec
from slimaffect.train.settings import AugmentSettings, TrainSettings

STAGES = ("frames", "sequences", "end_to_end")


class Knobs(TrainSettings):
    """Settings of a training, and factors on many of them together."""

    rates: PositiveFloat = 1.0
    """Factor on the highest learning rate of every stage."""
    augmentation: Annotated[float, Field(ge=0)] = 1.0
    """Factor on the strength of every alteration of the clips; the share of mirrored clips stays."""
    mse_weight: Annotated[float, Field(ge=0)] = 0.3
    """Weight of the mean squared error beside 1 - CCC in the loss."""
    width: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Factor on every width of the model."""

    def plain(self) -> TrainSettings:
        """Answer the settings of the training itself, with the factors in them.

        >>> Knobs(rates=2.0, augmentation=0.0).plain().frames.rate, Knobs(augmentation=0.0).plain().augment.rotation
        (0.006, 0.0)
        """
        plain: dict[str, Any] = {name: getattr(self, name) for name in TrainSettings.model_fields}
        for stage in STAGES:
            was = plain[stage]
            plain[stage] = was.model_copy(update={"rate": was.rate * self.rates})
        plain["augment"] = _stronger(self.augment, self.augmentation)
        return TrainSettings(**plain)

    def spec(self, given: ModelSpec) -> ModelSpec:
        """Answer the model's shape at the width asked for."""
        return given if self.width == 1 else scaled(given, self.width)


def _stronger(augment: AugmentSettings, factor: float) -> AugmentSettings:
    """Multiply every strength, below 1 as each must be."""
    stronger = {name: min(0.99, value * factor) for name, value in augment if name != "flip"}
    return augment.model_copy(update=stronger)
