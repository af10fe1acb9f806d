"""What a model is to come down to, and how much of it a model has: counted from its spec, or measured on its file."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch
from pydantic import PositiveFloat, model_validator

from slimaffect.measure.clip_ms import clip_ms
from slimaffect.model.count import macs_per_frame, parameters
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import ModelSpec
from slimaffect.settings import Settings
from slimaffect.train.candidate import Candidate
from slimaffect.train.randomness import torch_seed

CLIP_FRAMES = 16

What = Literal["macs", "parameters", "clip_ms", "cpu_s"]
Figure = Callable[[ModelSpec], float]


class Until(Settings):
    """What the model must come down to; one of the four."""

    macs: PositiveFloat | None = None
    """Multiply-accumulates of a frame; up to 1 a share of what the model has, above it their number."""
    parameters: PositiveFloat | None = None
    """Trained numbers; up to 1 a share of what the model has, above it their number."""
    clip_ms: PositiveFloat | None = None
    """CPU milliseconds of a 16-frame clip on one thread, measured on the exported file."""
    cpu_s: PositiveFloat | None = None
    """CPU seconds of an hour of faces at the data's rate, in clips of 16 frames, measured on the exported file."""

    @model_validator(mode="after")
    def _one(self) -> "Until":
        given = [name for name, value in self if value is not None]
        if len(given) != 1:
            names = "macs, parameters, clip_ms and cpu_s"
            raise ValueError(f"give one of {names}, not {' and '.join(given) or 'none'}")
        return self

    @property
    def what(self) -> What:
        """The figure that is asked for."""
        return next(name for name in ("macs", "parameters", "clip_ms", "cpu_s") if getattr(self, name) is not None)

    @property
    def counted(self) -> bool:
        """Tell whether the figure follows from the spec alone; a time does not."""
        return self.what in {"macs", "parameters"}

    def asked(self, start: float) -> float:
        """Say how small the figure must become, where a share is of `start`.

        >>> Until(macs=0.25).asked(4e6), Until(parameters=5e4).asked(1e5), Until(clip_ms=0.5).asked(2.0)
        (1000000.0, 50000.0, 0.5)
        """
        value: float = getattr(self, self.what)
        return value * start if value <= 1 and self.counted else value


COUNTED: dict[What, Figure] = {"macs": macs_per_frame, "parameters": parameters}
"""What a shape alone tells."""


def figure_of(candidate: Candidate, what: What) -> Figure:
    """Choose the function from a spec to its figure; a time is measured at each call."""
    return COUNTED.get(what) or (lambda spec: measured(candidate, spec, what))


def measured(candidate: Candidate, spec: ModelSpec, what: What) -> float:
    """Export a model of this shape and time it; how long it takes does not depend on its weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(candidate.seed, "measured"))
        taken = clip_ms(replace(candidate, model=AffectNet(spec)), frames=CLIP_FRAMES)
    return taken if what == "clip_ms" else cpu_s_per_hour(taken, candidate.clips.rate)


def cpu_s_per_hour(ms_per_clip: float, rate_hz: float) -> float:
    """CPU seconds of an hour of faces, from the milliseconds of a clip.

    >>> cpu_s_per_hour(2.0, 25)
    11.25
    """
    return ms_per_clip / 1e3 * 3600 * rate_hz / CLIP_FRAMES


def remembered(figure: Figure) -> Figure:
    """Ask for each spec only once: a bisection comes back to the same shapes, and a time takes a second."""
    known: dict[str, float] = {}

    def figured(spec: ModelSpec) -> float:
        key = spec.model_dump_json()
        known[key] = known[key] if key in known else figure(spec)
        return known[key]

    return figured
