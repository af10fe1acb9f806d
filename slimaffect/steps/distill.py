"""The step that trains a smaller student on the labels and on what a teacher says."""

from copy import deepcopy
from dataclasses import replace
from typing import Annotated, ClassVar

import torch
from pydantic import AfterValidator, Field, model_validator

from slimaffect.errors import ModelError
from slimaffect.measure.until import Until, figure_of, remembered
from slimaffect.model.distillation import DistillLoss
from slimaffect.model.imitation import Imitation
from slimaffect.model.net import AffectNet
from slimaffect.model.onnx_teacher import OnnxFile, open_teacher
from slimaffect.model.scale import within
from slimaffect.model.shapes import shape
from slimaffect.model.spec import ModelSpec
from slimaffect.model.teachers import Nets, Teacher
from slimaffect.settings import Settings
from slimaffect.steps.step import Step
from slimaffect.train.candidate import Candidate
from slimaffect.train.loop import train
from slimaffect.train.pool import Extra
from slimaffect.train.randomness import torch_seed
from slimaffect.train.settings import EndToEndStage, TrainSettings
from slimaffect.train.teachers import Schooling, ensemble, out_of_fold


def known(name: str) -> str:
    """Refuse the name of no shape, while the recipe is read."""
    try:
        shape(name)
    except ModelError as error:
        raise ValueError(str(error)) from error
    return name


class Derived(Settings):
    """A student in the teacher's own shape, with narrower layers."""

    auto: Until
    """What it may have at most: `{macs: 0.1}`, `{parameters: 20000}`, `{clip_ms: 0.2}` or `{cpu_s: 5}`."""


class Teachers(Settings):
    """Who teaches; without any of these words the candidate's own model does."""

    out_of_fold: Annotated[int, Field(ge=2, le=100)] | None = None
    """Train so many teachers, each without its part of the subjects, and ask each about those subjects only."""
    ensemble: Annotated[int, Field(ge=2, le=100)] | None = None
    """Ask so many models of different seeds for their mean: the candidate's own, and others trained for it."""
    onnx: OnnxFile | None = None
    """Ask an ONNX file; nobody checks whether it has seen the held-out site."""
    train: TrainSettings = TrainSettings()
    """How teachers are trained; their shape is the candidate's. Write here what the recipe's `train` says."""

    @model_validator(mode="after")
    def _one(self) -> "Teachers":
        given = [word for word in ("out_of_fold", "ensemble", "onnx") if getattr(self, word) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of out_of_fold, ensemble and onnx, not {' and '.join(given)}")
        return self


class Distill(TrainSettings, Imitation, Step):
    """Train a smaller student on the labels and on a teacher's answers to the same pixels."""

    name: ClassVar[str] = "distill"

    student: Annotated[str, AfterValidator(known)] | ModelSpec | Derived
    """The student's shape: a name (`small`, `tiny`, `micro`, ...), a spec, or `{auto: {macs: 0.1}}`."""
    teachers: Teachers = Teachers()
    """Who teaches, if not the candidate's own model."""
    unlabelled: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    """Share of every batch from the videos of `data.unlabelled`, for which only the teacher speaks."""
    end_to_end: EndToEndStage = EndToEndStage(share=0.0)
    """Third stage: both together; off, because the time did more for small students on single frames."""

    @model_validator(mode="after")
    def _the_file_tells_features(self) -> "Distill":
        file = self.teachers.onnx
        if file and not file.outputs.features and (self.feature_weight or self.relates):
            raise ValueError(
                "the ONNX teacher names no features to imitate: name them in teachers.onnx.outputs.features, or set "
                "feature_weight: 0 and leave the relations out"
            )
        if file and self.state_weight:
            raise ValueError("an ONNX teacher tells no hidden states: leave state_weight out")
        return self

    @property
    def relates(self) -> bool:
        """Whether distances between features are imitated."""
        return bool(self.clip_relation_weight or self.frame_relation_weight)

    @property
    def exports(self) -> bool:
        timed = isinstance(self.student, Derived) and not self.student.auto.counted
        return timed or self.teachers.onnx is not None

    def becomes(self, spec: ModelSpec) -> ModelSpec | None:
        return None if isinstance(self.student, Derived) else written(self.student, spec.pixels)

    def apply(self, candidate: Candidate) -> Candidate:
        return distil(candidate, self)


def distil(candidate: Candidate, settings: Distill) -> Candidate:
    """Answer a candidate whose model is a student; clips, loss and seed stay.

    Every teacher that is trained here has seen training sites only, and all see the student's pixels, augmentation
    included (Beyer et al. 2022, https://arxiv.org/abs/2106.05237).

    Raises:
        ModelError: the student reads pictures of another size than its teacher, or there is no such student or teacher.
    """
    extra = strangers(candidate, settings)
    student = fresh_student(candidate, settings.student)
    loss = taught_loss(candidate, student.spec, settings)
    model = train(student, candidate.clips, loss, settings, candidate.seed, extra=extra)
    return replace(candidate, model=model)


def strangers(candidate: Candidate, settings: Distill) -> Extra | None:
    """Take the videos without labels, if some of them are wanted.

    Raises:
        ModelError: there are none.
    """
    if not settings.unlabelled:
        return None
    clips = candidate.clips.unlabelled
    if clips is None or not len(clips):
        raise ModelError(
            f"distill: unlabelled is {settings.unlabelled:g}, but this fold has no videos without labels. Name their "
            "folder in data.unlabelled; recordings of the held-out site and of its subjects are not used."
        )
    return Extra(clips, settings.unlabelled)


def fresh_student(candidate: Candidate, student: str | ModelSpec | Derived) -> AffectNet:
    """Build the student with fresh weights.

    Raises:
        ModelError: it reads pictures of another size than its teacher, or no width meets the budget.
    """
    spec, pixels = student_spec(candidate, student), candidate.model.spec.pixels
    if spec.pixels != pixels:
        raise ModelError(
            f"distill: the student reads pictures of {spec.pixels} pixels, its teacher of {pixels}; "
            "both must see the same. Set student.pixels to the teacher's."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(candidate.seed, "student"))
        return AffectNet(spec)


def student_spec(candidate: Candidate, student: str | ModelSpec | Derived) -> ModelSpec:
    """Say the student's shape; one by name takes its teacher's picture size, a derived one all but its widths."""
    teacher = candidate.model.spec
    if isinstance(student, Derived):
        figure = remembered(figure_of(candidate, student.auto.what))
        asked = student.auto.asked(figure(teacher) if student.auto.counted else 0.0)
        return within(teacher, figure, asked)
    return written(student, teacher.pixels)


def written(student: str | ModelSpec, pixels: int) -> ModelSpec:
    """Write out a student that is named."""
    return shape(student).model_copy(update={"pixels": pixels}) if isinstance(student, str) else student


def taught_loss(candidate: Candidate, student: ModelSpec, settings: Distill) -> DistillLoss:
    """Join the candidate's loss, copied, with the imitation of its teachers."""
    teachers, taught_by = ask(candidate, settings)
    weights = Imitation(**{name: getattr(settings, name) for name in Imitation.model_fields})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(candidate.seed, "projection"))
        return DistillLoss(deepcopy(candidate.loss), teachers, student, weights, taught_by)


def ask(candidate: Candidate, settings: Distill) -> tuple[list[Teacher], dict[str, int]]:
    """Answer the teachers, and who of several teaches whom; the candidate's own model stays as it is."""
    chosen, own = settings.teachers, candidate.model
    schooling = Schooling(own.spec, candidate.clips, deepcopy(candidate.loss), chosen.train, candidate.seed)
    if chosen.onnx:
        return [open_teacher(chosen.onnx)], {}
    if chosen.ensemble:
        return [Nets([own, *ensemble(schooling, chosen.ensemble - 1)])], {}
    if chosen.out_of_fold:
        nets, taught_by = out_of_fold(schooling, chosen.out_of_fold, candidate.clips.unlabelled)
        return [Nets([net]) for net in nets], taught_by
    return [Nets([own])], {}
