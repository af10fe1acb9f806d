"""The loss of a student: labels and imitation share the weight, and every subject is taught by its own teacher."""

import pytest
import torch

from slimaffect.model.distillation import DistillLoss
from slimaffect.model.imitation import Imitation, gap
from slimaffect.model.losses import Batch, LabelLoss
from slimaffect.model.net import AffectNet, Answer
from slimaffect.model.spec import ModelSpec
from slimaffect.model.teachers import Nets

ALL = {name: 1.0 for name in Imitation.model_fields if name != "teacher_weight"}


def answer(affect: torch.Tensor, width: int = 5, hidden: int | None = None) -> Answer:
    """Wrap affect as an answer with features, and with hidden states where asked."""
    states = None if hidden is None else torch.rand(*affect.shape[:2], hidden)
    return Answer(affect, torch.rand(*affect.shape[:2], width), None, states)


def distillation(specs: dict[str, ModelSpec], weight: float, feature_weight: float, teachers: int = 1) -> DistillLoss:
    """Build a loss with small teachers; subject `n` is taught by the nth."""
    nets = [Nets([AffectNet(specs["plain"])]) for _ in range(teachers)]
    student = specs["plain"].model_copy(update={"features": 5})
    weights = Imitation(teacher_weight=weight, feature_weight=feature_weight)
    return DistillLoss(LabelLoss(), nets, student, weights, {str(n): n for n in range(teachers)})


def test_a_student_that_answers_as_its_teacher_has_nothing_left_to_imitate(specs: dict[str, ModelSpec]) -> None:
    """With all weight on imitation the teacher's own affect costs nothing."""
    loss = distillation(specs, weight=1.0, feature_weight=0.0)
    taught = loss.teach(torch.rand(2, 4, 3, 18, 18))
    batch = Batch(torch.randn(2, 4, 2), torch.ones(2, 4, dtype=torch.bool), taught)
    assert loss(answer(taught.affect), batch).item() == pytest.approx(0, abs=1e-6)


def test_labels_and_imitation_share_the_weight(specs: dict[str, ModelSpec]) -> None:
    """(1 - w) label + w imitation: w = 0 is the label loss."""
    loss = distillation(specs, weight=0.0, feature_weight=0.0)
    taught = loss.teach(torch.rand(2, 4, 3, 18, 18))
    said, labels, valid = answer(torch.randn(2, 4, 2)), torch.randn(2, 4, 2), torch.ones(2, 4, dtype=torch.bool)
    torch.testing.assert_close(loss(said, Batch(labels, valid, taught)), LabelLoss()(said, Batch(labels, valid)))


def test_single_frames_imitate_features_only(specs: dict[str, ModelSpec]) -> None:
    """A frame alone cannot meet what the teacher says with its history: another teacher's affect changes nothing."""
    loss = distillation(specs, weight=1.0, feature_weight=0.5)
    taught = loss.teach(torch.rand(6, 1, 3, 18, 18))
    said, labels, valid = answer(torch.randn(6, 1, 2)), torch.randn(6, 1, 2), torch.ones(6, 1, dtype=torch.bool)
    other = taught._replace(affect=-taught.affect)
    assert loss(said, Batch(labels, valid, taught)).item() == loss(said, Batch(labels, valid, other)).item()
    assert loss(said, Batch(labels, valid, taught)).item() > LabelLoss()(said, Batch(labels, valid)).item()


def test_the_projection_learns_and_the_teacher_does_not(specs: dict[str, ModelSpec]) -> None:
    """Only the projection has a gradient, and the teacher answers without dropout even while training."""
    loss = distillation(specs, weight=0.5, feature_weight=0.5).train()
    frames = torch.rand(2, 4, 3, 18, 18)
    assert torch.equal(loss.teach(frames).affect, loss.teach(frames).affect)
    batch = Batch(torch.randn(2, 4, 2), torch.ones(2, 4, dtype=torch.bool), loss.teach(frames))
    loss(answer(torch.randn(2, 4, 2)), batch).backward()
    assert {n for n, p in loss.named_parameters() if p.grad is not None} == {
        "projections.0.weight",
        "projections.0.bias",
    }


def test_the_teacher_goes_on_from_its_state(specs: dict[str, ModelSpec]) -> None:
    """Chunks of a recording are taught as the whole recording is."""
    loss, frames = distillation(specs, 0.5, 0.0), torch.rand(1, 6, 3, 18, 18)
    first = loss.teach(frames[:, :2])
    rest = loss.teach(frames[:, 2:], first.state)
    torch.testing.assert_close(torch.cat([first.affect, rest.affect], 1), loss.teach(frames).affect, atol=1e-6, rtol=0)


def test_what_is_not_weighed_is_not_computed(specs: dict[str, ModelSpec]) -> None:
    """Every further imitation adds its own part, and none of them adds anything at weight 0."""
    torch.manual_seed(0)
    teacher, student = Nets([AffectNet(specs["plain"])]), specs["plain"]
    frames, valid = torch.rand(3, 5, 3, 18, 18), torch.ones(3, 5, dtype=torch.bool)
    said = answer(torch.randn(3, 5, 2), student.features, student.lstm.hidden)
    nothing = dict.fromkeys(ALL, 0.0)
    plain = DistillLoss(LabelLoss(), [teacher], student, Imitation(**nothing))
    batch = Batch(torch.randn(3, 5, 2), valid, plain.teach(frames))
    for name in ALL:
        more = DistillLoss(LabelLoss(), [teacher], student, Imitation(**nothing | {name: 1.0}))
        assert more(said, batch).item() > plain(said, batch).item()


def test_each_subject_is_taught_by_its_own_teacher(specs: dict[str, ModelSpec]) -> None:
    """A batch of mixed subjects is answered clip by clip as by each one's teacher alone."""
    loss, frames = distillation(specs, 0.5, 1.0, teachers=2), torch.rand(4, 3, 3, 18, 18)
    taught = loss.teach(frames, whose=["1", "0", "1", "1"])
    for clip, number in enumerate([1, 0, 1, 1]):
        alone = loss.teachers[number].answer(frames[clip : clip + 1])
        torch.testing.assert_close(taught.affect[clip], alone.affect[0], atol=1e-6, rtol=0)
        torch.testing.assert_close(taught.features[clip], alone.features[0], atol=1e-6, rtol=0)


def test_a_subject_without_a_teacher_is_an_error(specs: dict[str, ModelSpec]) -> None:
    """No default teacher: it might have been trained on that subject."""
    with pytest.raises(KeyError, match="stranger"):
        distillation(specs, 0.5, 1.0, teachers=2).teach(torch.rand(1, 3, 3, 18, 18), whose=["stranger"])


def test_every_teacher_has_a_projection_of_its_own(specs: dict[str, ModelSpec]) -> None:
    """Teachers of different trainings name no feature alike: each gap is measured through its own projection."""
    loss = distillation(specs, 0.0, 1.0, teachers=2)
    taught = loss.teach(torch.rand(4, 1, 3, 18, 18), whose=["0", "0", "0", "1"])
    said, valid = answer(torch.zeros(4, 1, 2)), torch.ones(4, 1, dtype=torch.bool)
    batch = Batch(torch.zeros(4, 1, 2), valid, taught, whose=("0", "0", "0", "1"))
    parts = [
        gap(loss.projections[n](said.features[rows, 0]), taught.features[rows, 0])
        for n, rows in ((0, [0, 1, 2]), (1, [3]))
    ]
    expected = LabelLoss()(said, batch) + 0.75 * parts[0] + 0.25 * parts[1]
    torch.testing.assert_close(loss(said, batch), expected)


def test_clips_without_labels_are_imitated_and_not_scored(specs: dict[str, ModelSpec]) -> None:
    """Their labels may be anything; what the teacher says of them counts."""
    loss, frames = distillation(specs, 0.5, 1.0), torch.rand(2, 4, 3, 18, 18)
    labelled, seen = torch.tensor([[True], [False]]).expand(2, 4), torch.ones(2, 4, dtype=torch.bool)
    said, labels, taught = answer(torch.randn(2, 4, 2)), torch.randn(2, 4, 2), loss.teach(frames)
    told = loss(said, Batch(labels, labelled, taught, seen))
    other = torch.where(labelled[:, :, None], labels, 9.0)
    assert loss(said, Batch(other, labelled, taught, seen)).item() == told.item()
    assert loss(said, Batch(labels, labelled, taught._replace(affect=-taught.affect), seen)).item() != told.item()
