"""Losses: concordance to the last bit, blind to padding, and a teacher that stays as it was."""

import numpy as np
import pytest
import torch

from slimaffect.evaluate.metrics import ccc
from slimaffect.model.losses import Batch, DistillLoss, LabelLoss, concordance
from slimaffect.model.net import AffectNet, Answer
from slimaffect.model.spec import ModelSpec


def answer(affect: torch.Tensor, width: int = 5) -> Answer:
    """Wrap affect as an answer with features."""
    return Answer(affect, torch.rand(*affect.shape[:2], width), None)


@pytest.mark.parametrize("frames", [2, 8])
def test_identical_series_concord_exactly(frames: int) -> None:
    """1/n in all three moments: a perfect prediction scores 1 at n = 2, not (n - 1) / n."""
    x = torch.rand(1, frames, 2)
    assert concordance(x, x, torch.ones(1, frames, dtype=torch.bool)).tolist() == [1.0, 1.0]


def test_concordance_is_the_metric_of_the_scores() -> None:
    """What training makes large is what the evaluation reports."""
    x, y, valid = torch.randn(3, 40, 2), torch.randn(3, 40, 2), torch.rand(3, 40) > 0.3
    ours = concordance(x, y, valid)
    for axis in range(2):
        theirs = ccc(x[valid][:, axis].numpy(), y[valid][:, axis].numpy())
        assert ours[axis].item() == pytest.approx(theirs, abs=1e-6)


def test_small_variance_around_a_large_mean_survives_float32() -> None:
    """Two passes: the one-pass formula loses these digits."""
    random = np.random.default_rng(0)
    y = 0.9 + 1e-3 * random.standard_normal(50_000)
    x = y + 1e-3 * random.standard_normal(50_000)
    both = [torch.tensor(z, dtype=torch.float32).view(1, -1, 1).expand(-1, -1, 2) for z in (x, y)]
    found = concordance(*both, torch.ones(1, 50_000, dtype=torch.bool))
    assert found[0].item() == pytest.approx(ccc(x, y), abs=1e-3)


def test_padding_changes_no_bit_of_loss_or_gradient() -> None:
    """Frames that are not scored may hold anything, even NaN labels."""
    said = torch.randn(2, 6, 2, requires_grad=True)
    labels, valid = torch.randn(2, 6, 2), torch.rand(2, 6) > 0.3
    plain = LabelLoss()(answer(said), Batch(labels, valid))
    (gradient,) = torch.autograd.grad(plain, said)
    padded_said = torch.cat([said, torch.full((2, 5, 2), 7.0)], 1)
    padded_labels = torch.cat([labels, torch.full((2, 5, 2), float("nan"))], 1)
    padded = LabelLoss()(
        answer(padded_said), Batch(padded_labels, torch.cat([valid, torch.zeros(2, 5, dtype=torch.bool)], 1))
    )
    assert padded.item() == plain.item()
    assert torch.equal(torch.autograd.grad(padded, said)[0], gradient)


def test_a_constant_batch_gives_a_finite_gradient() -> None:
    """0/0 of a batch without variance must not end the training."""
    said = torch.zeros(1, 4, 2, requires_grad=True)
    loss = LabelLoss()(answer(said), Batch(torch.zeros(1, 4, 2), torch.ones(1, 4, dtype=torch.bool)))
    loss.backward()
    assert said.grad is not None
    assert torch.isfinite(said.grad).all()


def test_the_label_loss_is_its_formula() -> None:
    """(1 - CCC) averaged over valence and arousal, plus the weighted squared error."""
    x, y, valid = torch.randn(1, 9, 2), torch.randn(1, 9, 2), torch.ones(1, 9, dtype=torch.bool)
    wanted = (1 - concordance(x, y, valid)).mean() + 0.3 * (x - y).square().mean()
    torch.testing.assert_close(LabelLoss(0.3)(answer(x), Batch(y, valid)), wanted)


def distillation(specs: dict[str, ModelSpec], weight: float, feature_weight: float) -> DistillLoss:
    """Build a loss with a small teacher."""
    return DistillLoss(LabelLoss(), AffectNet(specs["plain"]), 5, weight=weight, feature_weight=feature_weight)


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
    assert {n for n, p in loss.named_parameters() if p.grad is not None} == {"projection.weight", "projection.bias"}


def test_the_teacher_goes_on_from_its_state(specs: dict[str, ModelSpec]) -> None:
    """Chunks of a recording are taught as the whole recording is."""
    loss, frames = distillation(specs, 0.5, 0.0), torch.rand(1, 6, 3, 18, 18)
    first = loss.teach(frames[:, :2])
    rest = loss.teach(frames[:, 2:], first.state)
    torch.testing.assert_close(torch.cat([first.affect, rest.affect], 1), loss.teach(frames).affect, atol=1e-6, rtol=0)
