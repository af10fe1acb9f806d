"""What training makes small: one minus concordance with the labels, and imitation of a teacher."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from slimaffect.model.net import AffectNet, Answer, State


class Batch(NamedTuple):
    """What an answer is compared with."""

    affect: Float[Tensor, "batch time 2"]  # the labels; anything where `valid` is False
    valid: Bool[Tensor, "batch time"]  # True on frames that are scored
    teacher: Answer | None = None  # the teacher's answer to the same pixels


class Loss(nn.Module, ABC):
    """A scalar to make small. A module, because a loss may learn too (a projection between features)."""

    @property
    def teaches_frames(self) -> bool:
        """Tell whether a teacher has something to say on single frames; if not, it is spared them."""
        return False

    def teach(
        self,
        frames: Float[Tensor, "batch time 3 height width"],  # noqa: ARG002
        state: State | None = None,  # noqa: ARG002
    ) -> Answer | None:
        """Answer as the teacher does, once per augmented view of the pixels; None without a teacher."""
        return None

    @abstractmethod
    def forward(self, answer: Answer, batch: Batch) -> Float[Tensor, ""]:
        """Compare an answer with the batch."""


def concordance(
    x: Float[Tensor, "batch time 2"], y: Float[Tensor, "batch time 2"], valid: Bool[Tensor, "batch time"]
) -> Float[Tensor, " 2"]:
    """Lin's concordance correlation per dimension, pooled over the valid frames of the whole batch.

    CCC = 2 cov(x, y) / (var(x) + var(y) + (mean(x) - mean(y))^2), 1/n in all three moments
    (Lin 1989, https://doi.org/10.2307/2532051). Two passes in float32: means first, then deviations.
    Frames that are not valid are taken out before anything is summed, so padding changes no bit.
    """
    x, y = x[valid].float(), y[valid].float()
    x_mean, y_mean = x.mean(0), y.mean(0)
    x_off, y_off = x - x_mean, y - y_mean
    spread = x_off.square().mean(0) + y_off.square().mean(0) + (x_mean - y_mean).square()
    # The smallest spread keeps 0/0 of a constant batch finite; it is far below any real variance.
    return 2 * (x_off * y_off).mean(0) / spread.clamp_min(1e-12)


def disagreement(
    x: Float[Tensor, "batch time 2"],
    y: Float[Tensor, "batch time 2"],
    valid: Bool[Tensor, "batch time"],
    mse_weight: float,
) -> Float[Tensor, ""]:
    """(1 - CCC) averaged over the dimensions, plus `mse_weight` times the mean squared error."""
    squared = (x[valid].float() - y[valid].float()).square().mean()
    return (1 - concordance(x, y, valid)).mean() + mse_weight * squared


class LabelLoss(Loss):
    """Learn from the labels: (1 - CCC) + weight x MSE.

    CCC is what is scored, but its gradient is noisy where a batch hardly varies; a little MSE steadies it.
    """

    def __init__(self, mse_weight: float = 0.3) -> None:
        super().__init__()
        self.mse_weight = mse_weight

    def extra_repr(self) -> str:
        """Show the weight: a checkpoint is known by its loss's settings too."""
        return f"mse_weight={self.mse_weight}"

    def forward(self, answer: Answer, batch: Batch) -> Float[Tensor, ""]:
        """Compare the answer with the labels of the valid frames."""
        return disagreement(answer.affect, batch.affect, batch.valid, self.mse_weight)


class DistillLoss(Loss):
    """Learn from labels and from a teacher that sees the same pixels.

    (1 - w) label + w imitation of its affect (Hinton et al. 2015, https://arxiv.org/abs/1503.02531; here the
    target is a regression, so imitation is CCC and MSE as for labels) + f imitation of its features through a
    learned projection (FitNets, Romero et al. 2015, https://arxiv.org/abs/1412.6550).
    """

    def __init__(self, label: Loss, teacher: AffectNet, features: int, *, weight: float, feature_weight: float) -> None:
        """Keep the teacher frozen; `features` is the width of the student's bottleneck."""
        super().__init__()
        self.label = label
        self.teacher = teacher.eval().requires_grad_(False)
        self.projection = nn.Linear(features, teacher.spec.features)
        self.weight, self.feature_weight = weight, feature_weight

    @property
    def teaches_frames(self) -> bool:
        """Of single frames only the features are imitated."""
        return self.feature_weight > 0

    def extra_repr(self) -> str:
        """Show the weights: a checkpoint is known by its loss's settings too."""
        return f"weight={self.weight}, feature_weight={self.feature_weight}"

    def train(self, mode: bool = True) -> "DistillLoss":
        """Switch mode, but leave the teacher answering as it is scored."""
        super().train(mode)
        self.teacher.eval()
        return self

    @torch.no_grad()
    def teach(self, frames: Float[Tensor, "batch time 3 height width"], state: State | None = None) -> Answer:
        """Answer as the teacher does, going on from its `state`; only its CNN may run in lower precision."""
        features = self.teacher.encode(frames.flatten(0, 1)).float()
        with torch.autocast(frames.device.type, enabled=False):
            return self.teacher.read(features.unflatten(0, frames.shape[:2]), state)

    def forward(self, answer: Answer, batch: Batch) -> Float[Tensor, ""]:
        """Weigh the labels, the teacher's affect and its features."""
        if batch.teacher is None:
            return self.label(answer, batch)
        imitated = self.feature_weight * self.feature_gap(answer, batch) if self.feature_weight else 0.0
        if batch.valid.shape[1] == 1:
            # A single frame cannot meet what the teacher says with its history; its features it can.
            return self.label(answer, batch) + imitated
        affect_gap = disagreement(answer.affect, batch.teacher.affect, batch.valid, mse_weight=1.0)
        return (1 - self.weight) * self.label(answer, batch) + self.weight * affect_gap + imitated

    def feature_gap(self, answer: Answer, batch: Batch) -> Float[Tensor, ""]:
        """Mean squared error to the teacher's features, in units of their variance over the batch."""
        assert batch.teacher is not None
        target = batch.teacher.features[batch.valid].float()
        guess = self.projection(answer.features[batch.valid].float())
        spread = (target - target.mean(0)).square().mean().clamp_min(1e-6)
        return (guess - target).square().mean() / spread
