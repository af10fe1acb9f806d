"""The layers of an exported graph that hold weights, by the names that the model gives them."""

from typing import NamedTuple

import numpy as np
import onnx
import onnx.numpy_helper
from onnx import ModelProto, NodeProto

ENCODER = "encoder."  # what the graph puts before the names of the CNN and the bottleneck
LAYERS = {"Conv", "Gemm"}
# Weights are -64 ... 64: CPUs without VNNI add two products of a byte each in 16 bits, and 2 x 255 x 64 still fits.
# With 127 such sums saturate, and the same file cost a net 0.18 of CCC on one CPU and nothing on another.
LARGEST = 64


class Layer(NamedTuple):
    """A convolution or the bottleneck: its node, and the names of its weights and bias in the graph."""

    node: NodeProto
    weight: str
    bias: str


def layers(model: ModelProto) -> dict[str, Layer]:
    """List what int8 may round, from the stem to the bottleneck; LSTM and head are not among it.

    The names are those of the model's modules: `cnn.blocks.0.conv`, `bottleneck`.
    """
    nodes = [n for n in model.graph.node if n.op_type in LAYERS and n.input[1].startswith(ENCODER)]
    return {_name(node): Layer(node, node.input[1], node.input[2]) for node in nodes}


def _name(node: NodeProto) -> str:
    return node.input[1].removeprefix(ENCODER).removesuffix(".weight")


def head(model: ModelProto) -> list[str]:
    """Name the nodes from the last matrix product on: quantised, the answer would fall on 256 levels."""
    last = max(i for i, node in enumerate(model.graph.node) if node.op_type in {"Gemm", "MatMul"})
    return [node.name for node in model.graph.node[last:]]


def raw_planes(model: ModelProto) -> str | None:
    """Name the first convolution's input where that is the pixels as they come, cast and reshaped only."""
    makers = {name: node for node in model.graph.node for name in node.output}
    planes = next(node for node in model.graph.node if node.op_type == "Conv").input[0]
    maker = makers[planes]
    while maker.op_type == "Reshape":
        maker = makers[maker.input[0]]
    return planes if maker.op_type == "Cast" else None


def constant(model: ModelProto, name: str) -> np.ndarray:
    """Read a constant of the graph."""
    return onnx.numpy_helper.to_array(_tensor(model, name))


def set_constant(model: ModelProto, name: str, values: np.ndarray) -> None:
    """Replace a constant of the graph by one of the same type."""
    tensor = _tensor(model, name)
    kept = values.astype(onnx.numpy_helper.to_array(tensor).dtype)
    tensor.CopyFrom(onnx.numpy_helper.from_array(kept, name))


def _tensor(model: ModelProto, name: str) -> onnx.TensorProto:
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)
