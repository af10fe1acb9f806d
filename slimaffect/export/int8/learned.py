"""A range that training learns: rounding whose step has a gradient, as if rounding were not there."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from slimaffect.export.int8.layers import LARGEST

LEVELS = 256
PACE = 10.0  # a range moves by so many times the share that a weight does: a short training changes weights by a few %


def straight(values: Tensor) -> Tensor:
    """Round to whole numbers, with the gradient of not rounding (Bengio et al. 2013, arXiv 1308.3432)."""
    return values + (values.round() - values).detach()


def channel_steps(weight: Float[Tensor, "out *rest"]) -> Float[Tensor, " out"]:
    """The distance between two levels of each output channel's weights; it follows the largest of them."""
    largest = weight.detach().abs().flatten(1).amax(1)
    return torch.where(largest > 0, largest / LARGEST, 1.0)


def round_weights(weight: Float[Tensor, "out *rest"]) -> Float[Tensor, "out *rest"]:
    """Round each output channel to 129 levels around zero, as the file holds it.

    It commutes with any factor of a channel, so folding batch norm into the weights first or last is the same.

    >>> round_weights(torch.tensor([[0.64, 0.004]])).tolist()
    [[0.6399999856948853, 0.0]]
    """
    step = channel_steps(weight).view(-1, *[1] * (weight.ndim - 1))
    return straight(weight / step) * step


class LearnedRange(nn.Module):
    """Rounding of an activation to 256 levels with a learned step (LSQ, Esser et al. 2020, arXiv 1902.08153).

    Learned is the logarithm of the step: Adam moves all parameters by like amounts, and a step is far smaller than a
    weight (as in TQT, Jain et al. 2020, arXiv 1903.08066). The level of zero stays.
    """

    def __init__(self, step: float, zero: int, *, learns: bool) -> None:
        """Start from a calibrated range; the planes' does not learn."""
        super().__init__()
        self.log_step = nn.Parameter(torch.tensor(math.log(step) / PACE), requires_grad=learns)
        self.zero = zero

    def forward(self, values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Round and clip."""
        # The gradient of one step sums over all values; LSQ's factor brings it to the size of a weight's.
        step = _gradient_scaled(self.step, 1 / math.sqrt(values.numel() * LEVELS))
        return straight((values / step).clamp(-self.zero, LEVELS - 1 - self.zero)) * step

    @property
    def step(self) -> Float[Tensor, ""]:
        """The distance between two levels."""
        return (PACE * self.log_step).exp()

    @property
    def range(self) -> tuple[float, float]:
        """The values of the lowest and the highest level."""
        step = self.step.item()
        return -self.zero * step, (LEVELS - 1 - self.zero) * step


def _gradient_scaled(value: Tensor, factor: float) -> Tensor:
    return value * factor + (value * (1 - factor)).detach()
