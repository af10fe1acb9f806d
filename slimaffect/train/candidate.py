"""The candidate: a model and all that may be used to train it."""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from slimaffect.data.clips import Clips
from slimaffect.model.losses import Loss
from slimaffect.model.net import AffectNet
from slimaffect.settings import Settings

Ranges = Literal["minmax", "percentile", "entropy", "mse"]


class Precision(Settings):
    """The number format of the exported file; what is said of ranges and layers is about int8."""

    to: Literal["fp32", "fp16", "bf16", "int8"] = "fp32"
    """Number format of weights and activations."""
    calibration_clips: int = 64
    """Training clips that set the int8 ranges; the held-out site is never among them."""
    ranges: Ranges = "minmax"
    """Where the range of an activation ends."""
    equalise: bool = False
    """Share out what one layer makes large and the next reads small."""
    correct_bias: bool = False
    """Take off each bias what rounding the weights adds on average."""
    kept: tuple[str, ...] = ()
    """Layers that stay in float32."""
    learned: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """Ranges that training has learned, by the activation's name in the exported graph."""
    ccc: dict[str, float] = Field(default_factory=dict)
    """CCC on validation subjects of the training sites, as a float32 file and as the int8 file; empty: not measured."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A model and all that may be used to train it. The held-out site is never in here.

    A step may not change the candidate it is given, nor its model's weights: it returns a new one.
    """

    model: AffectNet
    clips: Clips
    loss: Loss
    precision: Precision
    seed: int
