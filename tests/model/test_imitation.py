"""What is imitated: each part is nothing for a perfect student, and blind to what does not count."""

import pytest
import torch

from slimaffect.model.imitation import clip_means, derivative_gap, gap, relations


def test_relations_are_blind_to_size_turn_and_place() -> None:
    """Distances in units of their mean: a scaled, turned and shifted copy has nothing left to learn."""
    torch.manual_seed(0)
    points, known = torch.randn(2, 6, 4), torch.ones(2, 6, dtype=torch.bool)
    turn, _ = torch.linalg.qr(torch.randn(4, 4))
    assert relations(3 * points @ turn + 7, points, known).item() == pytest.approx(0, abs=1e-9)
    assert relations(torch.randn(2, 6, 4), points, known).item() > 0.01


def test_relations_are_those_of_park_et_al() -> None:
    """Three points by hand: distances over their mean, Huber with a bend at 1."""
    x, y = torch.tensor([[[0.0], [1.0], [2.0]]]), torch.tensor([[[0.0], [1.0], [5.0]]])
    mine, theirs = torch.tensor([1, 2, 1]) / (4 / 3), torch.tensor([1, 5, 4]) / (10 / 3)
    wanted = torch.nn.functional.smooth_l1_loss(mine, theirs)
    torch.testing.assert_close(relations(x, y, torch.ones(1, 3, dtype=torch.bool)), wanted)


def test_relations_of_equal_points_have_a_finite_gradient() -> None:
    """A still face gives equal features: the root of 0 must not end the training."""
    x = torch.zeros(1, 4, 3, requires_grad=True)
    relations(x, torch.randn(1, 4, 3), torch.ones(1, 4, dtype=torch.bool)).backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_points_that_are_not_known_change_nothing() -> None:
    """Neither value nor mean; and where no pair is left, the loss is 0."""
    x, y = torch.randn(1, 5, 3), torch.randn(1, 5, 3)
    known = torch.tensor([[True, True, True, False, False]])
    far = x.clone()
    far[:, 3:] = 1e6
    assert relations(far, y, known).item() == pytest.approx(
        relations(x[:, :3], y[:, :3], known[:, :3]).item(), rel=1e-5
    )
    assert relations(x, y, torch.tensor([[True, False, False, False, False]])).item() == 0


def test_a_change_counts_where_both_frames_do() -> None:
    """A frame that is not seen takes both changes beside it out."""
    x, y = torch.randn(1, 6, 2), torch.randn(1, 6, 2)
    seen = torch.tensor([[True, True, True, False, True, True]])
    wild = x.clone()
    wild[:, 3] = 50.0
    assert derivative_gap(wild, y, seen).item() == derivative_gap(x, y, seen).item()
    kept = torch.cat([y[:, 1:3] - y[:, :2], y[:, 5:] - y[:, 4:5]], 1)
    mine = torch.cat([x[:, 1:3] - x[:, :2], x[:, 5:] - x[:, 4:5]], 1)
    torch.testing.assert_close(derivative_gap(x, y, seen), (mine - kept).square().mean() / kept.square().mean())
    assert derivative_gap(x, y, torch.zeros(1, 6, dtype=torch.bool)).item() == 0


def test_the_gap_is_in_units_of_the_targets_spread() -> None:
    """A student that says the mean is 1 away, whatever the teacher's scale."""
    for scale in (0.01, 100.0):
        target = scale * torch.randn(500, 3)
        assert gap(target.mean(0).expand(500, 3), target).item() == pytest.approx(1, rel=1e-4)


def test_clip_means_leave_out_what_is_not_seen() -> None:
    """And a clip without a seen frame is zeros, not NaN."""
    features = torch.tensor([[[1.0], [3.0], [100.0]], [[5.0], [5.0], [5.0]]])
    seen = torch.tensor([[True, True, False], [False, False, False]])
    assert clip_means(features, seen).tolist() == [[2.0], [0.0]]
