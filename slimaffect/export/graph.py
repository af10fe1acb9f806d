"""The net as an ONNX graph: uint8 planes in, affect out, batch and time free, one LSTM node per layer.

It is written from the net's own modules, node by node. Tracing with torch.onnx took seconds of a core where this takes
milliseconds, unrolled nn.LSTM to the traced number of frames without a word (torch 2.13), and left notes that name
folders of the machine. Every file is compared with torch when it is written (`onnx.py`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnx.numpy_helper
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper
from torch import Tensor, nn

from slimaffect.model.cnn import BasicBlock, Bottleneck, Depthwise, Plain, PlainBlock, ResNet
from slimaffect.model.net import AffectNet

GATE_ORDER = (0, 3, 1, 2)  # torch stacks input, forget, cell, output; ONNX stacks input, output, forget, cell
OPSET, IR = 20, 10  # pinned, so that older runtimes can read it; a newer one needs its parity run
FULL = 255  # of an uint8 plane


def graph(net: AffectNet, *, half: bool = False) -> ModelProto:
    """Write the net as an ONNX model; batch norm is folded into the convolutions, in double precision.

    With `half` the CNN and bottleneck compute in float16. LSTM and head stay in float32: their weights are few, and
    errors of the cell state add up over time. The same weights give the same bytes.
    """
    writer = Writer(np.dtype(np.float16 if half else np.float32))
    features = _encoder(writer, net, "frames")
    _reader(writer, net, writer.add("Cast", [features], to=TensorProto.FLOAT) if half else features)
    inputs, outputs = _ports(net)
    found = helper.make_graph(writer.nodes, "affect", inputs, outputs, writer.constants)
    model = helper.make_model(found, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)


class Writer:
    """Nodes and constants of a graph that grows; whoever adds one is answered its name."""

    def __init__(self, number: np.dtype) -> None:
        """Write the encoder's weights in this number format."""
        self.number = number
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, operator: str, inputs: Sequence[str], *outputs: str, **attributes: Any) -> str:
        """Add a node and answer its first output, which is called as the node is unless it is given a name."""
        name = f"{operator.lower()}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, outputs or [name], name=name, **attributes))
        return self.nodes[-1].output[0]

    def split(self, name: str, count: int) -> list[str]:
        """Cut a tensor along its first axis into equal parts."""
        parts = [f"{name}.{number}" for number in range(count)]
        self.add("Split", [name], *parts, axis=0, num_outputs=count)
        return parts

    def weight(self, name: str, values: np.ndarray) -> str:
        """Add weights of the encoder."""
        return self._constant(name, values.astype(self.number))

    def kept(self, name: str, values: np.ndarray) -> str:
        """Add weights that stay in float32."""
        return self._constant(name, values.astype(np.float32))

    def sizes(self, name: str, values: Sequence[int]) -> str:
        """Add sizes or axes."""
        return self._constant(name, np.asarray(values, np.int64))

    def _constant(self, name: str, values: np.ndarray) -> str:
        self.constants.append(onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


def _ports(net: AffectNet) -> tuple[list[ValueInfoProto], list[ValueInfoProto]]:
    side, layers, hidden = net.spec.pixels, net.spec.lstm.layers, net.spec.lstm.hidden

    def state(name: str) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [layers, "batch", hidden])

    frames = helper.make_tensor_value_info("frames", TensorProto.UINT8, ["batch", "time", 3, side, side])
    affect = helper.make_tensor_value_info("affect", TensorProto.FLOAT, ["batch", "time", 2])
    read, told = (("h", "c"), ("h_out", "c_out")) if layers else ((), ())
    return [frames, *map(state, read)], [affect, *map(state, told)]


def _encoder(writer: Writer, net: AffectNet, frames: str) -> str:
    """Write CNN and bottleneck: the frames of all clips behind each other, to their features.

    The planes' scale goes into the first convolution: a tenth of a tiny net's clip. Zero padding stays zero, so this is
    exact. A net that normalises its planes needs them divided, and in float16 weights that small would lose digits.
    """
    number = helper.np_dtype_to_tensor_dtype(writer.number)
    cast = writer.add("Cast", [frames], to=number)  # first: TensorRT can do nothing else with uint8
    x, scale = (
        writer.add("Reshape", [cast, writer.sizes("planes", [-1, 3, net.spec.pixels, net.spec.pixels])]),
        1 / FULL,
    )
    if writer.number == np.float16 or _normalises(net.cnn):
        x, scale = writer.add("Div", [x, writer.weight("full", np.array(FULL))]), 1.0
    x = _plain(writer, net.cnn, x, scale) if isinstance(net.cnn, Plain) else _resnet(writer, net.cnn, x, scale)
    return writer.add("Relu", [_linear(writer, "encoder.bottleneck", net.bottleneck, x)])


def _normalises(cnn: nn.Module) -> bool:
    return isinstance(cnn, ResNet) and bool(cnn.mean.any() or (cnn.std != 1).any())


def _plain(writer: Writer, cnn: Plain, x: str, scale: float) -> str:
    for number, block in enumerate(cnn.blocks):
        assert isinstance(block, PlainBlock)
        name = f"encoder.cnn.blocks.{number}"
        x = writer.add("Relu", [_conv(writer, f"{name}.conv", block.conv, block.bn, x, scale)])
        if block.refine is not None:
            refined = _conv(writer, f"{name}.refine.conv", block.refine[0], block.refine[1], x)
            x = writer.add("Relu", [writer.add("Add", [x, refined])])
        scale = 1.0
    return writer.add("Reshape", [x, writer.sizes("flat", [-1, cnn.outputs])])


def _resnet(writer: Writer, cnn: ResNet, x: str, scale: float) -> str:
    name = "encoder.cnn"
    if _normalises(cnn):
        x = writer.add("Sub", [x, writer.weight(f"{name}.mean", _array(cnn.mean))])
        x = writer.add("Div", [x, writer.weight(f"{name}.std", _array(cnn.std))])
    x = writer.add("Relu", [_conv(writer, f"{name}.conv1", cnn.conv1, cnn.bn1, x, scale)])
    if isinstance(cnn.maxpool, nn.MaxPool2d):
        x = writer.add("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for stage in range(1, cnn.stages + 1):
        for number, block in cnn.get_submodule(f"layer{stage}").named_children():
            x = _block(writer, f"{name}.layer{stage}.{number}", block, x)
    return writer.add("ReduceMean", [x, writer.sizes("picture", [2, 3])], keepdims=0)


def _block(writer: Writer, name: str, block: nn.Module, x: str) -> str:
    """Write a residual block: its convolutions in a row, ReLU between them, and what its shortcut adds."""
    assert isinstance(block, BasicBlock | Bottleneck | Depthwise)
    count, y = 2 if isinstance(block, BasicBlock) else 3, x
    for place in range(1, count + 1):
        conv, norm = block.get_submodule(f"conv{place}"), block.get_submodule(f"bn{place}")
        y = _conv(writer, f"{name}.conv{place}", conv, norm, y)
        y = writer.add("Relu", [y]) if place < count else y
    if block.downsample is not None:
        x = _conv(writer, f"{name}.downsample.0", block.downsample[0], block.downsample[1], x)
    return writer.add("Relu", [writer.add("Add", [y, x])])


def _conv(writer: Writer, name: str, conv: nn.Module, norm: nn.Module, x: str, scale: float = 1.0) -> str:
    """Write a convolution with its batch norm folded in, of planes that are to be multiplied by `scale`."""
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    gamma, beta, mean, variance = (
        _array(part).astype(np.float64) for part in (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    )
    gain = gamma / np.sqrt(variance + norm.eps)
    weight = writer.weight(f"{name}.weight", _array(conv.weight) * (scale * gain)[:, None, None, None])
    bias = writer.weight(f"{name}.bias", beta - mean * gain)
    (high, wide), kernel, strides = conv.padding, list(conv.kernel_size), list(conv.stride)
    pads = [high, wide, high, wide]
    return writer.add("Conv", [x, weight, bias], kernel_shape=kernel, strides=strides, pads=pads, group=conv.groups)


def _linear(writer: Writer, name: str, layer: nn.Linear, x: str) -> str:
    weight, bias = (
        writer.weight(f"{name}.weight", _array(layer.weight)),
        writer.weight(f"{name}.bias", _array(layer.bias)),
    )
    return writer.add("Gemm", [x, weight, bias], transB=1)


def _reader(writer: Writer, net: AffectNet, features: str) -> None:
    """Write what reads the features in their order: LSTM and head."""
    clips = writer.add("Shape", ["frames"], end=2)
    sizes = writer.add("Concat", [clips, writer.sizes("features", [net.spec.features])], axis=0)
    seen = writer.add("Reshape", [features, sizes])
    hidden = seen if net.lstm is None else _lstm(writer, net.lstm, seen)
    weight = writer.kept("reader.head.weight", _array(net.head.weight).T)
    told = writer.add("MatMul", [hidden, weight])
    told = writer.add("Add", [told, writer.kept("reader.head.bias", _array(net.head.bias))])
    writer.add("Tanh", [told], "affect")


def _lstm(writer: Writer, lstm: nn.LSTM, seen: str) -> str:
    """Write a node for each layer (https://onnx.ai/onnx/operators/onnx__LSTM.html), and the states of all of them."""
    several, one = lstm.num_layers > 1, writer.sizes("direction", [1])
    read = [writer.split(name, lstm.num_layers) if several else [name] for name in "hc"]
    told = [
        [f"{name}_out.{layer}" for layer in range(lstm.num_layers)] if several else [f"{name}_out"] for name in "hc"
    ]
    sequence = writer.add("Transpose", [seen], perm=[1, 0, 2])
    for layer, (h, c, h_out, c_out) in enumerate(zip(*read, *told, strict=True)):
        w, r, *biases = (_in_onnx_order(part) for part in lstm.all_weights[layer])
        given = {"w": w, "r": r, "b": np.concatenate(biases)}
        weights = [writer.kept(f"reader.lstm.{name}{layer}", values[None]) for name, values in given.items()]
        inputs, outputs = [sequence, *weights, "", h, c], [f"sequence.{layer}", h_out, c_out]
        sequence = writer.add("LSTM", inputs, *outputs, hidden_size=lstm.hidden_size)
        sequence = writer.add("Squeeze", [sequence, one])
    for name, parts in zip("hc", told, strict=True) if several else ():
        writer.add("Concat", parts, f"{name}_out", axis=0)
    return writer.add("Transpose", [sequence], perm=[1, 0, 2])


def _in_onnx_order(parameter: Tensor) -> np.ndarray:
    gates = np.split(_array(parameter), 4)
    return np.concatenate([gates[gate] for gate in GATE_ORDER])


def _array(tensor: Tensor | None) -> np.ndarray:
    assert tensor is not None
    return tensor.detach().float().numpy()


def without_unused(model: ModelProto) -> ModelProto:
    """Drop the constants that no node reads any more; ONNX Runtime warns about each."""
    read = {name for node in model.graph.node for name in node.input}
    for tensor in [tensor for tensor in model.graph.initializer if tensor.name not in read]:
        model.graph.initializer.remove(tensor)
    return model
