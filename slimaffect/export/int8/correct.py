"""Bias correction: what rounding the weights adds to each channel on average is taken off its bias."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from onnx import ModelProto

from slimaffect.export.int8.layers import LARGEST, constant, layers, set_constant


def round_channels(weight: Float[np.ndarray, "out *rest"]) -> Float[np.ndarray, "out *rest"]:
    """Round each output channel's weights to 129 levels around zero, as both int8 files hold them.

    >>> round_channels(np.array([[0.64, 0.004], [0.0, 0.0]])).round(3).tolist()
    [[0.64, 0.0], [0.0, 0.0]]
    """
    largest = np.abs(weight).reshape(len(weight), -1).max(1).reshape(-1, *[1] * (weight.ndim - 1))
    step = np.where(largest > 0, largest / LARGEST, 1)
    return np.round(weight / step) * step


def rounding_shift(
    weight: Float[np.ndarray, "out in *kernel"], mean_input: Float[np.ndarray, " channels"]
) -> Float[np.ndarray, " out"]:
    """Say how far rounding its weights moves a layer's mean answer (Nagel et al. 2019, arXiv 1906.04721, section 4.2).

    The padding at the border of a map is not taken into account.
    """
    error = (round_channels(weight) - weight).reshape(*weight.shape[:2], -1).sum(2)
    groups = len(mean_input) // weight.shape[1]
    read = np.repeat(mean_input.reshape(groups, -1), len(weight) // groups, axis=0)
    return (error * read).sum(1)


def corrected(model: ModelProto, mean_inputs: Mapping[str, Float[np.ndarray, " channels"]]) -> ModelProto:
    """Answer a copy of a float32 graph that is off by so much that, rounded, it is right on average.

    Args:
        model: a float32 graph.
        mean_inputs: the mean of each layer's input over the calibration, by input and then by channel.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    for layer in layers(copy).values():
        shift = rounding_shift(constant(copy, layer.weight), mean_inputs[layer.node.input[0]])
        set_constant(copy, layer.bias, constant(copy, layer.bias) - shift)
    return copy
