"""The stream graph: one frame of one stream, states in and out, every gate a matrix product and no loop.

It is rewritten from the finished clip graph, so that it holds the same weights and, in int8, the same ranges.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnx.numpy_helper
from onnx import NodeProto, helper

from slimaffect.export.graph import without_unused

Shape = tuple[int, ...]
RESHAPING = {"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"}


def stream_graph(clip: onnx.ModelProto) -> onnx.ModelProto:
    """Fix batch and time of a clip graph at 1, spell its LSTMs out, and drop what then only renames sizes.

    Its ports keep their names and number of axes, so that whatever feeds the clip graph single frames feeds this one.
    """
    model = onnx.ModelProto()
    model.CopyFrom(clip)
    for port in (*model.graph.input, *model.graph.output):
        for axis in port.type.tensor_type.shape.dim:
            axis.dim_value = axis.dim_value or 1
    nodes = [part for node in model.graph.node for part in (_gates(model, node) if node.op_type == "LSTM" else [node])]
    _replace_nodes(model, nodes)
    _replace_nodes(model, _reshaped_once(model))
    _replace_nodes(model, _used(model))
    return onnx.shape_inference.infer_shapes(without_unused(model), strict_mode=True)


def _gates(model: onnx.ModelProto, lstm: NodeProto) -> list[NodeProto]:
    """Compute one step of an LSTM node as its definition has it (https://onnx.ai/onnx/operators/onnx__LSTM.html).

    Input and state stand side by side, so that all gates are one product. ONNX stacks input, output and forget gate
    before the cell's: the first three go through one sigmoid.
    """
    x, *weights, _, h, c = lstm.input
    y, h_out, c_out = lstm.output
    w, r, b = (_constant(model, given)[0] for given in weights)
    units = r.shape[1]

    def name(part: str) -> str:
        return f"{h_out}.{part}"

    def constant(part: str, values: np.ndarray) -> str:
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(values), name(part)))
        return name(part)

    def node(operator: str, inputs: Sequence[str], *outputs: str, **attributes: Any) -> NodeProto:
        return helper.make_node(operator, inputs, [name(part) for part in outputs], **attributes)

    row, sequence = constant("row", np.array([1, -1])), constant("sequence", np.array([1, 1, 1, -1]))
    return [
        *(node("Reshape", [given, row], part) for given, part in ((x, "x"), (h, "h"))),
        node("Concat", [name("x"), name("h")], "joined", axis=1),
        node("Gemm", [name("joined"), constant("weights", np.hstack([w, r]).T), constant("bias", _sum(b))], "gates"),
        node("Split", [name("gates"), constant("parts", np.array([3 * units, units]))], "open", "new", axis=1),
        node("Sigmoid", [name("open")], "opened"),
        node("Tanh", [name("new")], "candidate"),
        node("Split", [name("opened")], "i", "o", "f", axis=1, num_outputs=3),
        node("Mul", [name("f"), c], "kept"),  # broadcast: gates have one axis less than the states
        node("Mul", [name("i"), name("candidate")], "added"),
        helper.make_node("Add", [name("kept"), name("added")], [c_out]),
        node("Tanh", [c_out], "shown"),
        helper.make_node("Mul", [name("o"), name("shown")], [h_out]),
        *([helper.make_node("Reshape", [h_out, sequence], [y])] if y else []),
    ]


def _sum(bias: np.ndarray) -> np.ndarray:
    """Add the two biases that an LSTM has for historical reasons."""
    return np.asarray(bias[: len(bias) // 2] + bias[len(bias) // 2 :])


def _constant(model: onnx.ModelProto, name: str) -> np.ndarray:
    return onnx.numpy_helper.to_array(next(tensor for tensor in model.graph.initializer if tensor.name == name))


def _reshaped_once(model: onnx.ModelProto) -> list[NodeProto]:
    """Put at most one Reshape between a node that computes and one that reads; all its sizes are now numbers.

    On one frame a node that moves no number still costs its call: they were a third of a small student's nodes.
    """
    shapes = _shapes(model)
    outputs = {port.name for port in model.graph.output}
    source: dict[str, str] = {}
    nodes: list[NodeProto] = []

    def reshaped(root: str, shape: Shape, wanted: str) -> str:
        sizes = f"{wanted}.sizes"
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(shape, np.int64), sizes))
        nodes.append(helper.make_node("Reshape", [root, sizes], [wanted]))
        return wanted

    for node in model.graph.node:
        if _only_renames(node, shapes):
            (made,) = node.output
            source[made] = source.get(node.input[0], node.input[0])
            if made in outputs:
                reshaped(source[made], shapes[made], made)
            continue
        for index, given in enumerate(node.input):
            root = source.get(given, given)
            same = root == given or shapes[root] == shapes[given]
            node.input[index] = root if same else reshaped(root, shapes[given], f"{given}.{node.output[0]}")
        nodes.append(node)
    return nodes


def _only_renames(node: NodeProto, shapes: dict[str, Shape]) -> bool:
    """Whether a node leaves all numbers in their order."""
    if node.op_type != "Transpose":
        return node.op_type in RESHAPING
    before = shapes[node.input[0]]
    moved = [axis for axis in next(a.ints for a in node.attribute if a.name == "perm") if before[axis] > 1]
    return moved == sorted(moved)


def _shapes(model: onnx.ModelProto) -> dict[str, Shape]:
    del model.graph.value_info[:]  # it names the axes that were free
    known = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    ports = (*known.input, *known.value_info, *known.output)
    sizes = {port.name: tuple(axis.dim_value for axis in port.type.tensor_type.shape.dim) for port in ports}
    return sizes | {tensor.name: tuple(tensor.dims) for tensor in known.initializer}


def _used(model: onnx.ModelProto) -> list[NodeProto]:
    """Keep the nodes from which an output is computed."""
    wanted, kept = {port.name for port in model.graph.output}, []
    for node in reversed(model.graph.node):
        if wanted & set(node.output):
            wanted |= set(node.input)
            kept.append(node)
    return kept[::-1]


def _replace_nodes(model: onnx.ModelProto, nodes: list[NodeProto]) -> None:
    kept = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(kept)
