"""What training makes small: one minus concordance with the labels."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Bool, Float
from torch import Tensor, nn

from slimaffect.model.net import Answer, State


class Batch(NamedTuple):
    """What an answer is compared with."""

    affect: Float[Tensor, "batch time 2"]  # the labels; anything where `valid` is False
    valid: Bool[Tensor, "batch time"]  # True on frames that are scored against their labels
    teacher: Answer | None = None  # the teacher's answer to the same pixels
    seen: Bool[Tensor, "batch time"] | None = None  # True on frames that are scored against the teacher; None: `valid`
    whose: tuple[str, ...] = ()  # the subject of each clip
    weight: Float[Tensor, "batch time"] | None = None  # frames that each stands for; None: each for itself


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
        whose: Sequence[str] = (),  # noqa: ARG002
    ) -> Answer | None:
        """Answer as the teacher of these subjects does, once per augmented view; None without a teacher."""
        return None

    @abstractmethod
    def forward(self, answer: Answer, batch: Batch) -> Float[Tensor, ""]:
        """Compare an answer with the batch."""


def concordance(
    x: Float[Tensor, "batch time 2"],
    y: Float[Tensor, "batch time 2"],
    valid: Bool[Tensor, "batch time"],
    weight: Float[Tensor, "batch time"] | None = None,
) -> Float[Tensor, " 2"]:
    """Lin's concordance correlation per dimension, pooled over the valid frames of the whole batch.

    CCC = 2 cov(x, y) / (var(x) + var(y) + (mean(x) - mean(y))^2), 1/n in all three moments
    (Lin 1989, https://doi.org/10.2307/2532051). Two passes in float32: means first, then deviations.
    Frames that are not valid are taken out before anything is summed, so padding changes no bit. With weights every
    mean is a weighted one.
    """
    share = _share(valid, weight)
    x, y = x[valid].float(), y[valid].float()
    x_mean, y_mean = _mean(x, share), _mean(y, share)
    x_off, y_off = x - x_mean, y - y_mean
    spread = _mean(x_off.square(), share) + _mean(y_off.square(), share) + (x_mean - y_mean).square()
    # The smallest spread keeps 0/0 of a constant batch finite; it is far below any real variance.
    return 2 * _mean(x_off * y_off, share) / spread.clamp_min(1e-12)


def _share(
    valid: Bool[Tensor, "batch time"], weight: Float[Tensor, "batch time"] | None
) -> Float[Tensor, "n 1"] | None:
    """Answer each valid frame's share of all weight."""
    return None if weight is None else (weight[valid] / weight[valid].sum())[:, None]


def _mean(values: Float[Tensor, "n 2"], share: Float[Tensor, "n 1"] | None) -> Float[Tensor, " 2"]:
    return values.mean(0) if share is None else (share * values).sum(0)


def disagreement(
    x: Float[Tensor, "batch time 2"],
    y: Float[Tensor, "batch time 2"],
    valid: Bool[Tensor, "batch time"],
    mse_weight: float,
    weight: Float[Tensor, "batch time"] | None = None,
) -> Float[Tensor, ""]:
    """(1 - CCC) averaged over the dimensions, plus `mse_weight` times the mean squared error."""
    squared = _mean((x[valid].float() - y[valid].float()).square(), _share(valid, weight)).mean()
    return (1 - concordance(x, y, valid, weight)).mean() + mse_weight * squared


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
        return disagreement(answer.affect, batch.affect, batch.valid, self.mse_weight, batch.weight)
