"""`distill`: a smaller model learns from the labels and from its teachers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from slimaffect.errors import ModelError
from slimaffect.export import export
from slimaffect.model.count import macs_per_frame
from slimaffect.model.frozen import frozen
from slimaffect.model.losses import Batch
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn
from slimaffect.steps.distill import Distill, Teachers, ask, fresh_student, taught_loss
from slimaffect.train.candidate import Candidate
from slimaffect.train.journal import Journal, keeping

STUDENT = ModelSpec(pixels=16, cnn=PlainCnn(widths=(4, 6)), features=4, lstm=Lstm(hidden=4))


def test_the_student_replaces_the_model_and_nothing_else(candidate: Candidate, quick: dict) -> None:
    """A smaller model in eval mode; clips, loss, precision and seed stay; the teacher keeps weights and mode."""
    before = {name: tensor.clone() for name, tensor in candidate.model.state_dict().items()}
    slim = Distill(student=STUDENT, **quick).apply(candidate)
    assert slim.model.spec == STUDENT
    assert macs_per_frame(slim.model.spec) < macs_per_frame(candidate.model.spec)
    assert not slim.model.training
    kept = ("clips", "loss", "precision", "seed")
    assert [getattr(slim, name) for name in kept] == [getattr(candidate, name) for name in kept]
    assert all(torch.equal(tensor, before[name]) for name, tensor in candidate.model.state_dict().items())
    assert candidate.model.training
    assert all(parameter.requires_grad for parameter in candidate.model.parameters())


def test_the_teacher_is_heard(candidate: Candidate, quick: dict) -> None:
    """Another weight, another student: also for its features alone."""
    settings = [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)]
    students = [
        Distill(student=STUDENT, teacher_weight=w, feature_weight=f, **quick).apply(candidate).model
        for w, f in settings
    ]
    heads = [student.head.weight for student in students]
    assert not torch.equal(heads[0], heads[1])
    assert not torch.equal(students[0].bottleneck.weight, students[2].bottleneck.weight)


def test_a_named_student_takes_its_teachers_pictures(candidate: Candidate) -> None:
    """Shapes by name are for 48 pixels; here the teacher reads 16."""
    assert fresh_student(candidate, "micro").spec.pixels == 16


def test_a_student_for_other_pictures_is_refused(candidate: Candidate) -> None:
    """Both sizes are named."""
    other = STUDENT.model_copy(update={"pixels": 24})
    with pytest.raises(ModelError, match="student reads pictures of 24 pixels, its teacher of 16"):
        fresh_student(candidate, other)


def test_the_seed_decides_the_students_first_weights(candidate: Candidate) -> None:
    """Same seed, same student, and torch's own generator stays where it was."""
    before = torch.random.get_rng_state()
    one, again, other = (fresh_student(replace(candidate, seed=seed), STUDENT) for seed in (0, 0, 1))
    assert torch.equal(one.head.weight, again.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_loss_joins_the_candidates_own(candidate: Candidate) -> None:
    """The label part is the candidate's loss, whatever that is; the teacher is its model."""
    loss = taught_loss(candidate, STUDENT, Distill(student=STUDENT, teacher_weight=0.0, feature_weight=0.0))
    frames = torch.rand(1, 4, 3, 16, 16)
    said = candidate.model.eval()(frames)
    batch = Batch(torch.randn(1, 4, 2), torch.ones(1, 4, dtype=torch.bool))
    student = said._replace(features=torch.zeros(1, 4, 4))
    assert loss(student, batch).item() == candidate.loss(student, batch).item()
    torch.testing.assert_close(loss.teach(frames).affect, said.affect, atol=1e-6, rtol=0)


def test_a_student_that_has_no_shape_is_refused_while_the_recipe_is_read() -> None:
    """Before anything is trained, and with the nearest name."""
    with pytest.raises(ValidationError, match="Did you mean `micro`"):
        Distill.model_validate({"student": "mirco"})


def test_a_derived_student_has_the_teachers_shape_within_the_budget(candidate: Candidate) -> None:
    """Narrower layers, as many as fit; depth, pictures and the rest are the teacher's."""
    wide = candidate.model.spec.model_copy(update={"cnn": PlainCnn(widths=(64, 64)), "features": 32})
    teacher = replace(candidate, model=AffectNet(wide))
    spec = fresh_student(teacher, Distill(student={"auto": {"macs": 0.3}}).student).spec
    assert 0.1 * macs_per_frame(wide) < macs_per_frame(spec) <= 0.3 * macs_per_frame(wide)
    assert (len(spec.cnn.widths), spec.pixels, spec.lstm.layers) == (2, 16, 1)


def test_a_budget_that_no_width_meets_is_refused(candidate: Candidate) -> None:
    """With what was asked for and the least there is."""
    with pytest.raises(ModelError, match=r"auto: the student may have 100, .* least widths still [\d,]+\."):
        fresh_student(candidate, Distill(student={"auto": {"macs": 100}}).student)


def relabelled(candidate: Candidate, subject: str) -> Candidate:
    """Turn one subject's labels round."""
    turned = [replace(r, affect=-r.affect) if r.subject == subject else r for r in candidate.clips.recordings]
    return replace(candidate, clips=replace(candidate.clips, recordings=tuple(turned)))


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    """Compare all weights, to the last bit."""
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_out_of_fold_teachers_never_saw_whom_they_teach(candidate: Candidate, quick: dict) -> None:
    """Other labels of a subject change every teacher but its own; every site is dealt over the parts."""
    settings = Distill(student=STUDENT, teachers={"out_of_fold": 2, "train": quick}, **quick)
    with keeping(Journal()) as billed:
        teachers, taught_by = ask(candidate, settings)
    assert (len(teachers), billed.trainings) == (2, 2)
    assert billed.examples > 0
    assert {taught_by["a"], taught_by["b"]} == {taught_by["c"], taught_by["d"]} == {0, 1}
    again, _ = ask(relabelled(candidate, "a"), settings)
    unchanged = [same(*pair) for pair in zip(teachers, again, strict=True)]
    assert unchanged == [number == taught_by["a"] for number in (0, 1)]


def test_more_parts_than_subjects_are_refused(candidate: Candidate) -> None:
    """Both numbers are told."""
    with pytest.raises(ModelError, match="out_of_fold is 5, the training sites have 4 subjects"):
        Distill(student=STUDENT, teachers={"out_of_fold": 5}).apply(candidate)


def test_an_ensemble_answers_the_mean_of_its_models(candidate: Candidate, quick: dict) -> None:
    """The candidate's own model is one of them; the others are trained, and differ."""
    settings = Distill(student=STUDENT, teachers={"ensemble": 3, "train": quick}, **quick)
    with keeping(Journal()) as billed:
        (teacher,), _ = ask(candidate, settings)
    assert billed.trainings == 2
    assert same(teacher.nets[0], frozen(candidate.model))
    frames = torch.rand(2, 5, 3, 16, 16)
    said = [net(frames).affect for net in teacher.nets]
    assert not torch.equal(said[1], said[2])
    torch.testing.assert_close(teacher.answer(frames).affect, sum(said) / 3, atol=1e-6, rtol=0)
    torch.testing.assert_close(  # each model goes on from its own state
        teacher.answer(frames[:, 3:], teacher.answer(frames[:, :3]).state).affect,
        sum(said)[:, 3:] / 3,
        atol=1e-6,
        rtol=0,
    )


class _Interrupted(Exception):  # noqa: N818 (it stands for a kill, which is no error)
    pass


class _Interrupting(Journal):
    """A journal that ends the training after each epoch."""

    def epoch(self, *_: object, **__: float) -> None:
        raise _Interrupted


def test_teachers_that_were_interrupted_end_at_the_same_student(
    candidate: Candidate, quick: dict, tmp_path: Path
) -> None:
    """Killed after every epoch of two teachers and of the student, and started again: not one bit differs."""
    settings = Distill(student=STUDENT, teachers={"out_of_fold": 2, "train": quick}, **quick)
    whole = settings.apply(candidate).model
    for _ in range(9):
        with keeping(_Interrupting(tmp_path)), pytest.raises(_Interrupted):
            settings.apply(candidate)
    with keeping(_Interrupting(tmp_path)):
        assert same(settings.apply(candidate).model, whole)


def test_one_kind_of_teacher_at_a_time() -> None:
    """While the recipe is read."""
    with pytest.raises(
        ValidationError, match="give one of out_of_fold, ensemble and onnx, not out_of_fold and ensemble"
    ):
        Teachers(out_of_fold=2, ensemble=2)


def strangers(candidate: Candidate) -> Candidate:
    """Put a person without labels beside the clips."""
    first = candidate.clips.recordings[0]
    unknown = replace(first, subject="x", affect=np.full_like(first.affect, np.nan), digest="x")
    clips = replace(candidate.clips.of_subjects(["a"]), recordings=(unknown,))
    return replace(candidate, clips=replace(candidate.clips, unlabelled=clips))


@pytest.mark.parametrize("teachers", [{}, {"out_of_fold": 2}])
def test_videos_without_labels_teach_the_student(candidate: Candidate, quick: dict, teachers: dict) -> None:
    """They change the student, also under cross-fitted teachers, and the labels still count."""
    teachers = teachers and teachers | {"train": quick}
    given = strangers(candidate)
    without, with_them, other_labels = (
        Distill(student=STUDENT, teachers=teachers, unlabelled=share, **quick).apply(one).model
        for one, share in ((given, 0), (given, 0.5), (relabelled(given, "b"), 0.5))
    )
    assert not same(without, with_them)
    assert not same(with_them, other_labels)
    assert all(torch.isfinite(weight).all() for weight in with_them.state_dict().values())


def test_videos_without_labels_that_are_not_there_are_missed(candidate: Candidate) -> None:
    """Before anything is trained, with the setting that names them."""
    with pytest.raises(ModelError, match=r"unlabelled is 0\.5, .* Name their folder in data\.unlabelled"):
        Distill(student=STUDENT, unlabelled=0.5).apply(candidate)


def test_the_first_student_can_teach_the_second(candidate: Candidate, quick: dict) -> None:
    """Two lines of a recipe: the second teacher is the first student, not the first teacher."""
    assistant = Distill(student=STUDENT, **quick).apply(candidate)
    (teacher,), _ = ask(assistant, Distill(student=STUDENT))
    assert same(teacher.nets[0], frozen(assistant.model))
    smaller = STUDENT.model_copy(update={"cnn": PlainCnn(widths=(4, 4))})
    assert Distill(student=smaller, **quick).apply(assistant).model.spec == smaller


def test_a_file_of_an_earlier_run_can_teach(candidate: Candidate, quick: dict, tmp_path: Path) -> None:
    """What slim exported answers as the model did, but for the 256 levels of a picture, and hands its state on."""
    path = export(replace(candidate, model=candidate.model.eval()), tmp_path).files["fp32"]
    chosen = {"teachers": {"onnx": {"path": str(path), "pixels": 16}}, "feature_weight": 0, **quick}
    settings = Distill(student=STUDENT, **chosen)
    (teacher,), _ = ask(candidate, settings)
    frames = torch.randint(0, 256, (1, 6, 3, 16, 16)) / 255
    first = teacher.answer(frames[:, :2])
    said = torch.cat([first.affect, teacher.answer(frames[:, 2:], first.state).affect], 1)
    torch.testing.assert_close(said, candidate.model(frames).affect.detach(), atol=1e-5, rtol=0)
    assert settings.apply(candidate).model.spec == STUDENT
    wrong = settings.model_copy(update={"teachers": Teachers(onnx={"path": str(path), "pixels": 24})})
    with pytest.raises(ModelError, match="reads 16 pixels; set pixels to that, not 24"):
        ask(candidate, wrong)


def test_an_onnx_teacher_without_features_needs_the_weight_taken_off(tmp_path: Path) -> None:
    """While the recipe is read, for the default weight asks for features."""
    (tmp_path / "net.onnx").write_bytes(b"")
    with pytest.raises(ValidationError, match="names no features to imitate"):
        Distill(student=STUDENT, teachers={"onnx": {"path": str(tmp_path / "net.onnx"), "pixels": 16}})
