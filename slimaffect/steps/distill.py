"""The step that trains a smaller student on the labels and on what the model says."""

from copy import deepcopy
from dataclasses import replace
from typing import Annotated, ClassVar

import torch
from pydantic import AfterValidator, Field

from slimaffect.errors import ModelError
from slimaffect.model.losses import DistillLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.shapes import shape
from slimaffect.model.spec import ModelSpec
from slimaffect.steps.step import Step
from slimaffect.train.candidate import Candidate
from slimaffect.train.loop import train
from slimaffect.train.randomness import torch_seed
from slimaffect.train.settings import EndToEndStage, TrainSettings


def known(student: str | ModelSpec) -> str | ModelSpec:
    """Refuse the name of no shape, while the recipe is read."""
    try:
        return shape(student) and student if isinstance(student, str) else student
    except ModelError as error:
        raise ValueError(str(error)) from error


class Distill(TrainSettings, Step):
    """Train a smaller student on the labels and on the trained model's answers to the same pixels."""

    name: ClassVar[str] = "distill"

    student: Annotated[str | ModelSpec, AfterValidator(known)]
    """The student's shape: a name (`small`, `tiny`, `micro`, ...) or a spec written out."""
    teacher_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the loss that imitates the teacher's affect; the labels have the rest."""
    end_to_end: EndToEndStage = EndToEndStage(share=0.0)
    """Third stage: both together; off, because the time did more for small students on single frames."""
    feature_weight: Annotated[float, Field(ge=0)] = 4.0
    """Weight of imitating the teacher's features, added to the loss: it is what helps on single frames."""

    def apply(self, candidate: Candidate) -> Candidate:
        return distil(
            candidate, self.student, self, teacher_weight=self.teacher_weight, feature_weight=self.feature_weight
        )


def distil(
    candidate: Candidate,
    student: str | ModelSpec,
    settings: TrainSettings,
    *,
    teacher_weight: float,
    feature_weight: float,
) -> Candidate:
    """Answer a candidate whose model is a student of the given one's; clips, loss and seed stay.

    The teacher is the candidate's own model, so it has seen the same training sites and no other, and it sees the
    student's pixels, augmentation included (Beyer et al. 2022, https://arxiv.org/abs/2106.05237).

    Raises:
        ModelError: the student reads pictures of another size than its teacher.
    """
    pupil = fresh_student(student, candidate.model.spec, candidate.seed)
    loss = taught_loss(candidate, pupil, teacher_weight, feature_weight)
    return replace(candidate, model=train(pupil, candidate.clips, loss, settings, candidate.seed))


def fresh_student(student: str | ModelSpec, teacher: ModelSpec, seed: int) -> AffectNet:
    """Build the student with fresh weights; a shape by name takes its teacher's picture size."""
    if isinstance(student, str):
        student = shape(student).model_copy(update={"pixels": teacher.pixels})
    if student.pixels != teacher.pixels:
        raise ModelError(
            f"distill: the student reads pictures of {student.pixels} pixels, its teacher of {teacher.pixels}; "
            "both must see the same. Set student.pixels to the teacher's."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "student"))
        return AffectNet(student)


def taught_loss(candidate: Candidate, student: AffectNet, weight: float, feature_weight: float) -> DistillLoss:
    """Join the candidate's loss with imitation of its model, copied so that freezing it changes nothing given."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(candidate.seed, "projection"))
        teacher, label = deepcopy(candidate.model), deepcopy(candidate.loss)
        width = student.spec.features
        return DistillLoss(label, teacher, width, weight=weight, feature_weight=feature_weight)
