"""Losses: concordance to the last bit, and blind to padding."""

import numpy as np
import pytest
import torch

from slimaffect.evaluate.metrics import ccc
from slimaffect.model.losses import Batch, LabelLoss, concordance
from slimaffect.model.net import Answer


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
