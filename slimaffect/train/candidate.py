"""The candidate: a model and all that may be used to train it."""

from dataclasses import dataclass
from typing import Literal

from slimaffect.data.clips import Clips
from slimaffect.model.losses import Loss
from slimaffect.model.net import AffectNet
from slimaffect.settings import Settings


class Precision(Settings):
    """The number format of the exported file."""

    to: Literal["fp32", "fp16", "int8"] = "fp32"
    """Number format of weights and activations."""
    calibration_clips: int = 64
    """Training clips that set the int8 ranges; the held-out site is never among them."""


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
