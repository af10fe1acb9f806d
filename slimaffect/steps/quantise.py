"""Export in another number format: half the bytes, or a quarter of them and integer arithmetic."""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from slimaffect.steps.step import Step
from slimaffect.train.candidate import Candidate, Precision


class Quantise(Step):
    """Choose the number format of the exported file; int8 is calibrated on the candidate's own clips."""

    name: ClassVar[str] = "quantise"
    last: ClassVar[bool] = True

    to: Literal["fp32", "fp16", "int8"] = "int8"
    """Number format: fp32 changes nothing, fp16 halves the file for GPUs, int8 is for CPUs and GPUs."""
    calibration_clips: Annotated[int, Field(ge=1)] = 64
    """Training clips that set the int8 ranges, drawn over sites and subjects."""

    def apply(self, candidate: Candidate) -> Candidate:
        precision = Precision(to=self.to, calibration_clips=self.calibration_clips)
        return replace(candidate, precision=precision)
