"""Cross-layer equalisation: what one layer makes large and the next reads small is shared out between them.

An activation has one step for all its channels, so a channel that is a hundredth of its neighbour has two levels left.
Through a ReLU a positive factor passes unchanged: dividing a channel where it is made and multiplying it where it is
read changes no answer (Nagel et al. 2019, https://arxiv.org/abs/1906.04721, section 4.1).
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from onnx import ModelProto, NodeProto

from slimaffect.export.int8.layers import Layer, constant, layers, set_constant

PASSING = {"Relu", "MaxPool", "Reshape", "ReduceMean"}  # a positive factor of a channel passes through these
SWEEPS = 20  # over all pairs: in a chain, each pair disturbs its neighbours less and less


def factors(made: Float[np.ndarray, "channels m"], read: Float[np.ndarray, "channels r"]) -> np.ndarray:
    """Answer for each channel what to divide the maker's weights by, and multiply the reader's with.

    Afterwards both have the same range, sqrt(r1 r2). A channel that is not made or not read keeps factor 1.

    >>> factors(np.array([[8.0], [1.0]]), np.array([[2.0], [1.0]])).tolist()
    [2.0, 1.0]
    """
    largest, read_largest = np.abs(made).max(1), np.abs(read).max(1)
    used = (largest > 0) & (read_largest > 0)
    return np.where(used, np.sqrt(largest / np.where(used, read_largest, 1)), 1.0)


def equalised(model: ModelProto) -> ModelProto:
    """Answer a copy of a float32 graph whose neighbouring layers are equalised; it answers what the given one does."""
    copy = ModelProto()
    copy.CopyFrom(model)
    neighbours = list(pairs(copy))
    for _ in range(SWEEPS):
        moved = [_balance(copy, maker, reader) for maker, reader in neighbours]
        if max(moved, default=0.0) < 1e-3:
            break
    return copy


def pairs(model: ModelProto) -> Iterator[tuple[Layer, Layer]]:
    """List neighbours with nothing else reading between them; what a residual stream adds up is left alone."""
    found = {layer.node.name: layer for layer in layers(model).values()}
    for maker in found.values():
        node = _only_reader(model, maker.node)
        while node is not None and node.op_type in PASSING:
            node = _only_reader(model, node)
        if node is not None and node.name in found and _channels(model, found[node.name], maker) is not None:
            yield maker, found[node.name]


def _only_reader(model: ModelProto, node: NodeProto) -> NodeProto | None:
    readers = [other for other in model.graph.node if node.output[0] in other.input]
    return readers[0] if len(readers) == 1 else None


def _channels(model: ModelProto, reader: Layer, maker: Layer) -> np.ndarray | None:
    """Show a reader's weights by the channel that they read, [channels, rest]; None where that cannot be told."""
    weight, channels = constant(model, reader.weight), len(constant(model, maker.weight))
    if reader.node.op_type == "Conv" and weight.shape[1] == 1 and len(weight) == channels:  # depthwise
        return weight.reshape(channels, -1)
    if weight.shape[1] % channels or (reader.node.op_type == "Conv" and weight.shape[1] != channels):
        return None
    # a flattened map has several positions for each channel, side by side
    return np.moveaxis(weight.reshape(len(weight), channels, -1), 1, 0).reshape(channels, -1)


def _balance(model: ModelProto, maker: Layer, reader: Layer) -> float:
    """Move the factors of one pair; answers the largest of their logarithms."""
    weight, bias, reads = (constant(model, name) for name in (maker.weight, maker.bias, reader.weight))
    channels = _channels(model, reader, maker)
    assert channels is not None
    found = factors(weight.reshape(len(weight), -1), channels)
    set_constant(model, maker.weight, weight / found.reshape(-1, *[1] * (weight.ndim - 1)))
    set_constant(model, maker.bias, bias / found)
    depthwise = reader.node.op_type == "Conv" and reads.shape[1] == 1
    each = found if depthwise else np.repeat(found, reads.shape[1] // len(found))
    axes = [1] * (reads.ndim - 2)
    set_constant(model, reader.weight, reads * (each.reshape(-1, 1, *axes) if depthwise else each.reshape(-1, *axes)))
    return float(np.abs(np.log(found)).max())
