"""`distill`: a smaller model learns from the labels and from the candidate's own model."""

import pytest
import torch
from pydantic import ValidationError

from slimaffect.errors import ModelError
from slimaffect.model.count import macs_per_frame
from slimaffect.model.losses import Batch
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn
from slimaffect.steps.distill import Distill, fresh_student, taught_loss
from slimaffect.train.candidate import Candidate

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
    assert fresh_student("micro", candidate.model.spec, seed=0).spec.pixels == 16


def test_a_student_for_other_pictures_is_refused(candidate: Candidate) -> None:
    """Both sizes are named."""
    other = STUDENT.model_copy(update={"pixels": 24})
    with pytest.raises(ModelError, match="student reads pictures of 24 pixels, its teacher of 16"):
        fresh_student(other, candidate.model.spec, seed=0)


def test_the_seed_decides_the_students_first_weights(candidate: Candidate) -> None:
    """Same seed, same student, and torch's own generator stays where it was."""
    before = torch.random.get_rng_state()
    one, again, other = (fresh_student(STUDENT, candidate.model.spec, seed) for seed in (0, 0, 1))
    assert torch.equal(one.head.weight, again.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_loss_joins_the_candidates_own(candidate: Candidate) -> None:
    """The label part is the candidate's loss, whatever that is; the teacher is its model."""
    loss = taught_loss(candidate, fresh_student(STUDENT, candidate.model.spec, 0), weight=0.0, feature_weight=0.0)
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
