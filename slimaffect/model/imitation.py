"""How far a student is from its teacher: pure functions of what both say, and the weights that a recipe gives them."""

from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from slimaffect.settings import Settings

Weight = Annotated[float, Field(ge=0)]


class Imitation(Settings):
    """What of a teacher is imitated, and how much."""

    teacher_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the loss that imitates the teacher's affect; the labels have the rest."""
    feature_weight: Weight = 4.0
    """Weight of imitating the teacher's features, added to the loss: it is what helps on single frames."""
    clip_relation_weight: Weight = 0.0
    """Weight of keeping the distances between the clips of a batch, on single frames between the frames."""
    frame_relation_weight: Weight = 0.0
    """Weight of keeping the distances between the frames of a clip."""
    derivative_weight: Weight = 0.0
    """Weight of changing from frame to frame as the teacher's affect does."""
    state_weight: Weight = 0.0
    """Weight of imitating the teacher's hidden states, frame by frame."""


def gap(guess: Float[Tensor, "n wide"], target: Float[Tensor, "n wide"]) -> Float[Tensor, ""]:
    """Mean squared error in units of the target's variance, so that its weight means the same for every teacher.

    Through a learned projection it serves features (FitNets, Romero et al. 2015, https://arxiv.org/abs/1412.6550)
    and hidden states (TinyBERT, Jiao et al. 2020, https://arxiv.org/abs/1909.10351).

    >>> target = torch.tensor([[1.0], [3.0]])
    >>> gap(target, target).item(), gap(torch.full((2, 1), 2.0), target).item()
    (0.0, 1.0)
    """
    spread = (target - target.mean(0)).square().mean().clamp_min(1e-6)
    return (guess - target).square().mean() / spread


def relations(
    x: Float[Tensor, "groups n wide"], y: Float[Tensor, "groups n other"], known: Bool[Tensor, "groups n"]
) -> Float[Tensor, ""]:
    """Huber loss between the distances within each group, in units of the group's mean distance.

    The distance-wise part of relational distillation (RKD, Park et al. 2019, https://arxiv.org/abs/1904.05068):
    where the points lie is free, how they lie to each other is not, so no projection is needed. Its angles are left
    out: they grow with the cube of the points. Points that are not `known` take no part.

    >>> points = torch.tensor([[[0.0], [1.0], [3.0]]])
    >>> relations(points, -5 * points, torch.ones(1, 3, dtype=torch.bool)).item() < 1e-9
    True
    """
    pairs = known[:, :, None] & known[:, None, :] & ~torch.eye(known.shape[1], dtype=torch.bool, device=known.device)
    if not pairs.any():
        return x.new_zeros(())
    mine, theirs = (_in_means(torch.cdist(points.float(), points.float()), pairs) for points in (x, y))
    return F.smooth_l1_loss(mine[pairs], theirs[pairs])


def _in_means(distances: Float[Tensor, "groups n n"], pairs: Bool[Tensor, "groups n n"]) -> Float[Tensor, "groups n n"]:
    counts = pairs.sum((1, 2), keepdim=True).clamp_min(1)
    means = (distances * pairs).sum((1, 2), keepdim=True) / counts
    return distances / means.clamp_min(1e-6)


def clip_means(
    features: Float[Tensor, "batch time wide"], seen: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch wide"]:
    """Average each clip's features over the frames that count; zeros where none does."""
    shares = seen / seen.sum(1, keepdim=True).clamp_min(1)
    return (features.float() * shares[:, :, None]).sum(1)


def derivative_gap(
    x: Float[Tensor, "batch time 2"], y: Float[Tensor, "batch time 2"], seen: Bool[Tensor, "batch time"]
) -> Float[Tensor, ""]:
    """Mean squared error of the changes from frame to frame, in units of the target's own.

    Derivatives beside values, as in Sobolev training (Czarnecki et al. 2017, https://arxiv.org/abs/1706.04859), there
    by the input, here by time. A change counts where both of its frames do.

    >>> y = torch.tensor([[[0.0, 0.0], [0.1, 0.2]]])
    >>> seen = torch.ones(1, 2, dtype=torch.bool)
    >>> derivative_gap(y + 0.3, y, seen).item() < 1e-9, round(derivative_gap(0 * y, y, seen).item(), 3)
    (True, 1.0)
    """
    both = seen[:, 1:] & seen[:, :-1]
    if not both.any():
        return x.new_zeros(())
    mine, theirs = (series.float().diff(dim=1)[both] for series in (x, y))
    return (mine - theirs).square().mean() / theirs.square().mean().clamp_min(1e-8)
