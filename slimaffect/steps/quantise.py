"""Export in another number format: half the bytes, or a quarter of them and integer arithmetic."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor

from slimaffect.export.graph import graph
from slimaffect.export.int8 import Calibrated, calibrated
from slimaffect.export.int8.sensitivity import Judge, keep_worst
from slimaffect.export.int8.trainable import settled, trainable
from slimaffect.model.imitation import gap
from slimaffect.model.losses import Batch, Loss
from slimaffect.model.net import AffectNet, Answer, State
from slimaffect.steps.step import Step
from slimaffect.train.candidate import Candidate, Precision, Ranges
from slimaffect.train.journal import journal
from slimaffect.train.loop import train
from slimaffect.train.settings import EndToEndStage, FramesStage, SequencesStage, TrainSettings


class TrainRounded(TrainSettings):
    """How the CNN learns to answer in int8 as it does in float32; LSTM and head are not rounded and stay."""

    epochs: PositiveInt = 6
    """Length of training with rounded weights and activations."""
    frames: FramesStage = FramesStage(share=1)
    sequences: SequencesStage = SequencesStage(share=0)
    end_to_end: EndToEndStage = EndToEndStage(share=0)
    amp: Literal["off"] = "off"  # pyright: ignore[reportIncompatibleVariableOverride]
    """Always off: bfloat16 has fewer digits than the levels that are trained."""

    @model_validator(mode="after")
    def _something_rounded_learns(self) -> "TrainRounded":
        if self.sequences.share:
            raise ValueError("sequences trains the LSTM alone, which int8 does not round. Leave its share at 0.")
        return self


class SameFeatures(Loss):
    """Answer the features that the float32 model does: LSTM and head read them and are not rounded.

    What rounding loses is to be regained, not more learned of the labels, so the model is its own teacher (after
    Mishra and Marr 2018, https://arxiv.org/abs/1711.05852).
    """

    def __init__(self, teacher: AffectNet) -> None:
        """Keep the teacher frozen."""
        super().__init__()
        self.teacher = teacher.eval().requires_grad_(False)

    @property
    def teaches_frames(self) -> bool:
        """Features are of single frames."""
        return True

    def train(self, mode: bool = True) -> "SameFeatures":
        """Switch mode, but leave the teacher answering as it is deployed."""
        super().train(mode)
        self.teacher.eval()
        return self

    @torch.no_grad()
    def teach(
        self,
        frames: Float[Tensor, "batch time 3 height width"],
        state: State | None = None,
        whose: Sequence[str] = (),  # noqa: ARG002 (one teacher for all)
    ) -> Answer | None:
        """Answer in float32."""
        return self.teacher(frames, state)

    def forward(self, answer: Answer, batch: Batch) -> Float[Tensor, ""]:
        """Compare the features of the frames that are scored."""
        assert batch.teacher is not None
        scored = batch.valid if batch.seen is None else batch.seen
        return gap(answer.features[scored], batch.teacher.features[scored])


class Quantise(Step):
    """Choose the number format of the exported file; int8 is calibrated on the candidate's own clips."""

    name: ClassVar[str] = "quantise"
    last: ClassVar[bool] = True

    to: Literal["fp32", "fp16", "bf16", "int8"] = "int8"
    """Number format: fp32 changes nothing, fp16 halves the file for GPUs, bf16 halves it for any runtime and
    computes in float32, int8 is for CPUs and GPUs."""
    calibration_clips: Annotated[int, Field(ge=1)] = 64
    """Training clips that set the int8 ranges, drawn over sites and subjects."""
    ranges: Ranges = "minmax"
    """Where an int8 range ends: at the extremes, at a percentile, or where entropy or squared error is least."""
    equalise: bool = False
    """Share out between neighbouring layers what one makes large and the next reads small."""
    correct_bias: bool = False
    """Take off each bias what rounding the weights adds on average."""
    train: TrainRounded | None = None
    """Training with everything rounded as in the int8 file; with `keep_within` only if int8 loses more than that."""
    keep_within: Annotated[float, Field(gt=0, lt=1)] | None = None
    """CCC that int8 may lose on subjects of the training sites; the worst layers stay in float32 until it holds."""

    @property
    def exports(self) -> bool:
        return self.to == "int8" and (self.train is not None or self.keep_within is not None)

    def apply(self, candidate: Candidate) -> Candidate:
        chosen = {name: getattr(self, name) for name in ("to", "calibration_clips", "ranges", "equalise")}
        candidate = replace(candidate, precision=Precision(**chosen, correct_bias=self.correct_bias))
        if self.to != "int8":
            return candidate
        if self.keep_within is not None:
            return within(candidate, self.keep_within, self.train)
        return candidate if self.train is None else train_rounded(candidate, self.train)


def within(candidate: Candidate, margin: float, settings: TrainRounded | None) -> Candidate:
    """Answer a candidate whose int8 file loses no more CCC than `margin`, by training first and then by float32 layers.

    The loss is told against the float32 file of the given candidate, on subjects of its own clips whom the calibration
    does not see. Its training has seen them, so their CCC says what rounding costs and not how good the model is.

    Raises:
        DataError: no site can spare a subject.
    """
    judge = Judge(candidate)
    rounded = judge.ccc(judge.calibrated(candidate)) if settings is not None else None
    trained = rounded is not None and judge.as_float - rounded > margin
    if settings is not None and trained:
        candidate = train_rounded(candidate, settings)
    kept, reached = keep_worst(judge, candidate, margin)
    told = {"kept": kept, "ccc": {"fp32": judge.as_float, "int8": reached}}
    note({"trained": trained, "ccc_before_training": rounded, **told})
    return replace(candidate, precision=candidate.precision.model_copy(update=told))


def train_rounded(candidate: Candidate, settings: TrainRounded) -> Candidate:
    """Train what the int8 file for CPUs computes, its ranges included, to answer as in float32."""
    given = deepcopy(candidate.model).eval()
    found = calibrated(graph(given), candidate.clips, candidate.precision, candidate.seed)
    net = trainable(given, found.model, found.as_trained())
    net, learned = settled(given, train(net, candidate.clips, SameFeatures(given), settings, candidate.seed))
    # The trained weights are equalised and corrected already; again would be something else than what was trained.
    told = {"equalise": False, "correct_bias": False, "learned": learned}
    note({"trained": True, "ranges": moved(found, learned)})
    return replace(candidate, model=net, precision=candidate.precision.model_copy(update=told))


def moved(found: Calibrated, learned: Mapping[str, tuple[float, float]]) -> dict[str, dict[str, float]]:
    """Say for each activation where its range ended after calibration, where training put it, and their ratio."""
    calibrated_ = {
        name: max(float(np.abs(end).max()) for end in found.ranges.data[name].range_value) for name in learned
    }
    ends = {name: max(map(abs, learned[name])) for name in learned}
    return {
        name: {"calibrated": start, "learned": ends[name], "ratio": ends[name] / max(start, 1e-12)}
        for name, start in calibrated_.items()
    }


def note(told: dict[str, Any]) -> None:
    """Put what was found beside what was noted before, into the record of the task."""
    figures = journal().figures
    figures["quantise"] = figures.get("quantise", {}) | told
