"""Rounding with a learned step: the values of a quantiser, and LSQ's gradients."""

import math

import pytest
import torch

from slimaffect.export.int8.learned import PACE, LearnedRange, round_weights


def test_rounds_as_onnx_does():
    """Values are those of QuantizeLinear and DequantizeLinear with the same step and zero point."""
    values = torch.linspace(-3, 3, 1001)
    mine = LearnedRange(0.01, 100, learns=True)(values)
    torch.testing.assert_close(mine, torch.fake_quantize_per_tensor_affine(values, 0.01, 100, 0, 255))


def test_values_pass_their_gradient_inside_and_none_outside():
    """As if rounding were not there; a clipped value has no say."""
    values = torch.tensor([-0.5, 0.123, 1.0, 5.0], requires_grad=True)
    LearnedRange(0.01, 0, learns=True)(values).sum().backward()
    assert values.grad.tolist() == [0, 1, 1, 0]


def test_step_has_the_gradient_of_lsq():
    """Rounding error inside the range, the last level outside (equation 3 of the paper); times its factor, pace and step."""
    values, step = torch.tensor([0.123, 5.0]), 0.01
    found = LearnedRange(step, 0, learns=True)
    found(values).sum().backward()
    expected = (12 - 12.3 + 255) * step * PACE / math.sqrt(2 * 256)
    assert found.log_step.grad.item() == pytest.approx(expected, rel=1e-4)


def test_weights_round_per_channel_whatever_their_scale():
    """A factor of a channel comes out as it went in, so batch norm folds in before or after."""
    torch.manual_seed(0)
    weight, factor = torch.randn(4, 3, 3, 3), torch.tensor([0.01, 1, -3, 70]).view(4, 1, 1, 1)
    torch.testing.assert_close(round_weights(weight * factor), round_weights(weight) * factor)
    assert len(round_weights(weight)[0].unique()) <= 129
