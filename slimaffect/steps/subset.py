"""The step that keeps a part of the clips, so that every training after it costs as much less."""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from slimaffect.data.clips import Clips
from slimaffect.select.choose import Selector
from slimaffect.select.features import model_features, pixel_features
from slimaffect.select.tally import tally
from slimaffect.select.thin import thin
from slimaffect.steps.step import Step
from slimaffect.train.candidate import Candidate
from slimaffect.train.journal import journal
from slimaffect.train.randomness import torch_seed


class Subset(Step):
    """Keep a share of each subject's clips; an epoch on them has as many fewer steps."""

    name: ClassVar[str] = "subset"
    needs_training: ClassVar[bool] = False

    keep: Annotated[float, Field(gt=0, lt=1)]
    """Share of the labelled frames to keep, by `infobatch` of the easy ones; a clip of every subject stays at least."""
    by: Selector | Literal["rs2", "infobatch"] = "stride"
    """How to choose; `rs2` and `infobatch` keep all clips and choose anew in every epoch, by chance or by loss."""
    features: Literal["pixels", "model"] = "pixels"
    """What selectors that look at pictures know: thumbnails, or features of the candidate's own model as it is here."""

    def __str__(self) -> str:
        return f"subset {self.by} {self.keep:g}"

    def apply(self, candidate: Candidate) -> Candidate:
        if self.by == "rs2":
            return replace(candidate, clips=redrawn(candidate.clips, self.keep))
        if self.by == "infobatch":
            return replace(candidate, clips=replace(candidate.clips, spared=1 - self.keep))
        return replace(candidate, clips=thinned(candidate, self.by, self))


def redrawn(clips: Clips, keep: float) -> Clips:
    """Leave all clips in and shorten the epoch: training draws anew at every step, so each epoch sees other frames.

    Okanovic et al. 2024, RS2 (https://arxiv.org/abs/2305.18424).
    """
    return replace(clips, share=clips.share * keep)


def thinned(candidate: Candidate, by: Selector, settings: Subset) -> Clips:
    """Choose clips, and write down which were kept.

    Raises:
        RunError: the features are no numbers.
    """

    def look(units: Clips) -> Float[np.ndarray, "units values"]:
        return pixel_features(units) if settings.features == "pixels" else model_features(units, candidate.model)

    found = thin(candidate.clips, by, look, keep=settings.keep, seed=torch_seed(candidate.seed, "subset"))
    journal().figures["subset"] = tally(found.offered, found.clips, found.weights)
    return found.clips
