"""The int8 file as torch can train it: its own nodes are followed, and every number that it rounds is rounded.

So what is trained is what is deployed, whatever the quantiser leaves out, joins or keeps in float32.
"""

import copy
import operator
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from onnx import ModelProto, NodeProto, helper
from torch import Tensor, nn

from slimaffect.errors import ExportError
from slimaffect.export.int8.layers import Layer, constant, layers, raw_planes
from slimaffect.export.int8.learned import LearnedRange, channel_steps, round_weights, straight
from slimaffect.model.frozen import normed
from slimaffect.model.net import AffectNet

FULL = 255.0  # of the planes: the file reads them as they are, torch in [0, 1]
AFTER_BOTTLENECK = {"Relu", "QuantizeLinear", "DequantizeLinear"}


def trainable(net: AffectNet, model: ModelProto, file: ModelProto) -> AffectNet:
    """Answer a copy of the net whose CNN and bottleneck are those of `file`, the int8 form of its float32 graph.

    Raises:
        ExportError: the file has an operator that training does not know.
    """
    copied = copy.deepcopy(net)
    copied.cnn = FollowedFile(model, file)  # pyright: ignore[reportAttributeAccessIssue]
    copied.bottleneck = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    # One stood between the two, the other after them: what is to be learned is the file's answers, not robust ones.
    copied.dropout = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    copied.feature_dropout = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    return copied


def settled(net: AffectNet, trained: AffectNet) -> tuple[AffectNet, dict[str, tuple[float, float]]]:
    """Bring the trained CNN and bottleneck back into a copy of the net, its batch norms neutral.

    Answers the learned ranges too. LSTM and head are the net's own.
    """
    result, followed = copy.deepcopy(net), trained.cnn
    assert isinstance(followed, FollowedFile)
    norms = {pair.conv: result.get_submodule(pair.norm) for pair in normed(result)}
    with torch.no_grad():
        for name, layer in followed.layers():
            _set(result.get_submodule(name), norms.get(name), layer)
    return result.eval(), followed.learned()


class FollowedFile(nn.Module):
    """The nodes of an int8 file from its planes to the features, in their order."""

    def __init__(self, model: ModelProto, file: ModelProto) -> None:
        super().__init__()
        maker = _Maker(model, file)
        self.features = _features(file, model)
        self.path = _path(file, self.features)
        self.steps = nn.ModuleList([maker.made(node) for node in self.path])
        self.planes = next(iter(_read(self.path[0])))
        self.named, self.ranged = maker.named, maker.ranged

    def forward(self, frames: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n features"]:
        """Answer the features, rounded as the file rounds."""
        values = {self.planes: frames * FULL}
        for node, step in zip(self.path, self.steps, strict=True):
            values[node.output[0]] = step(*(values[name] for name in _read(node)))
        return values[self.features]

    def layers(self) -> Iterator[tuple[str, "RoundedLayer"]]:
        """List its layers by the names of the model's modules."""
        return iter(self.named.items())

    def learned(self) -> dict[str, tuple[float, float]]:
        """Answer the range of every activation that learned one."""
        return {name: found.range for name, found in self.ranged.items() if found.log_step.requires_grad}


class RoundedLayer(nn.Module):
    """A convolution or matrix product with folded batch norm, whose weights are rounded unless it was kept.

    Its parameters are in units of their channels: Adam moves all by like amounts, which the learning rate makes small
    for weights as a model is trained with. Folded batch norms and equalised layers leave channels of any size behind.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, told: dict[str, Any], *, planes: float, reads: LearnedRange | None
    ) -> None:
        """Hold weights and bias; `planes` is what the layer's input is larger by than the model's own.

        `reads` is the range of what the layer reads, in steps of which the file holds its bias; None: it was kept.
        """
        super().__init__()
        self.planes, (self.leaving, self.unit) = planes, channel_units(weight)
        self.weight, self.bias = nn.Parameter(planes * weight / self.unit), nn.Parameter(bias / self.leaving)
        self.told, self.reads = told, reads

    @property
    def own(self) -> tuple[Tensor, Tensor]:
        """Weights and bias as the model holds them."""
        return self.weight * self.unit.to(self.weight.device), self.bias * self.leaving.to(self.bias.device)

    def forward(self, values: Float[Tensor, "n *entering"]) -> Float[Tensor, "n *leaving"]:
        """Convolve, or multiply."""
        weight, bias = self.own
        weight = weight / self.planes
        if self.reads is not None:
            weight, step = round_weights(weight), self.reads.step.detach() * channel_steps(weight)
            bias = straight(bias / step) * step
        if weight.ndim == 2:
            return F.linear(values, weight, bias)
        told = self.told
        return F.conv2d(values, weight, bias, told["strides"], told["pads"][:2], groups=told["group"])


def channel_units(weight: Float[Tensor, "out in *rest"]) -> tuple[Float[Tensor, " out"], Float[Tensor, "out in *ones"]]:
    """Say how large a layer's channels are: those it makes, and its weights by what they make and read.

    Powers of two, so that nothing is rounded, whose middle is 1: a layer of even channels is left as it is.

    >>> leaving, unit = channel_units(torch.tensor([[0.5, 2.0], [2.0, 8.0]]))
    >>> leaving.tolist(), unit.tolist()
    ([0.5, 2.0], [[0.25, 1.0], [1.0, 4.0]])
    """
    kernels = weight.detach().reshape(*weight.shape[:2], -1)
    sizes = kernels.square().mean(2).sqrt().log2()
    sizes = torch.where(sizes.isfinite(), sizes, torch.nan)  # a kernel of zeros tells nothing
    rows = sizes.nanmean(1, keepdim=True).nan_to_num()
    columns = (sizes - rows).nanmean(0, keepdim=True).nan_to_num()
    leaving, entering = (torch.exp2((part - part.mean()).round()) for part in (rows, columns))
    return leaving.flatten(), (leaving * entering).view(*weight.shape[:2], *[1] * (weight.ndim - 2))


class Plainly(nn.Module):
    """A node without weights."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *values: Tensor) -> Tensor:
        """Compute what the node does."""
        return self.function(*values)


class _Maker:
    """Makes the module of each node; one range serves all that the file gives the same step."""

    def __init__(self, model: ModelProto, file: ModelProto) -> None:
        self.model, self.file, self.raw = model, file, raw_planes(model)
        self.found: dict[str, tuple[str, Layer]] = {layer.node.name: (n, layer) for n, layer in layers(model).items()}
        self.dequantised = {n.output[0]: n for n in file.graph.node if n.op_type == "DequantizeLinear"}
        self.named: dict[str, RoundedLayer] = {}
        self.ranged: dict[str, LearnedRange] = {}
        self._by_step: dict[str, LearnedRange] = {}

    def made(self, node: NodeProto) -> nn.Module:
        if node.name in self.found:
            return self._layer(node)
        if node.op_type == "QuantizeLinear":
            return self._range(node)
        told = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "MaxPool":
            return nn.MaxPool2d(told["kernel_shape"], told["strides"], told["pads"][0])
        if node.op_type == "Reshape":
            return nn.Flatten() if self.named else nn.Identity()  # the first takes the planes apart into frames
        if node.op_type in {"Sub", "Div"}:
            return self._by_constant(node)
        if node.op_type in PLAIN:
            return Plainly(PLAIN[node.op_type])
        raise ExportError(
            f"Training in int8 does not know the operator {node.op_type} of node {node.name}. Leave `train` out of "
            "the quantise step, or report the model's spec."
        )

    def _layer(self, node: NodeProto) -> RoundedLayer:
        name, layer = self.found[node.name]
        weight, bias = (torch.tensor(constant(self.model, part)) for part in (layer.weight, layer.bias))
        planes = FULL if self.raw == layer.node.input[0] else 1.0
        told = {a.name: helper.get_attribute_value(a) for a in layer.node.attribute}
        rounds = node.input[1] in self.dequantised
        reads = self._by_step[self.dequantised[node.input[0]].input[1]] if rounds else None
        self.named[name] = RoundedLayer(weight, bias, told, planes=planes, reads=reads)
        return self.named[name]

    def _range(self, node: NodeProto) -> LearnedRange:
        activation, step, _ = node.input
        if step not in self._by_step:
            size, zero = (constant(self.file, name).item() for name in node.input[1:])
            self._by_step[step] = LearnedRange(size, int(zero), learns=activation != self.raw)
            self.ranged[activation] = self._by_step[step]
        return self._by_step[step]

    def _by_constant(self, node: NodeProto) -> nn.Module:
        compute = operator.sub if node.op_type == "Sub" else operator.truediv
        other = torch.tensor(constant(self.file, node.input[1]))
        return Plainly(lambda values: compute(values, other.to(values.device)))


PLAIN: dict[str, Callable[..., Tensor]] = {
    "Add": torch.add,
    "Cast": lambda planes: planes,
    "DequantizeLinear": lambda rounded: rounded,  # a step has the rounded values already
    "Relu": torch.relu,
    "ReduceMean": lambda maps: maps.mean((2, 3)),
}


def _read(node: NodeProto) -> list[str]:
    """Name the activations that a node reads; its other inputs are constants and sizes."""
    return list(node.input[:2]) if node.op_type == "Add" else list(node.input[:1])


def _features(file: ModelProto, model: ModelProto) -> str:
    """Follow the bottleneck's answer as far as it is only rounded."""
    bottleneck = list(layers(model).values())[-1].node.name
    node = next(node for node in file.graph.node if node.name == bottleneck)
    while True:
        readers = [other for other in file.graph.node if node.output[0] in other.input]
        if len(readers) != 1 or readers[0].op_type not in AFTER_BOTTLENECK:
            return node.output[0]
        node = readers[0]


def _path(file: ModelProto, end: str) -> list[NodeProto]:
    """Keep the nodes from the planes to `end`, in the file's order."""
    wanted, kept = {end}, []
    for node in reversed(file.graph.node):
        if node.output[0] in wanted:
            wanted.update(_read(node))
            kept.append(node)
    return kept[::-1]


def _set(module: nn.Module, norm: nn.Module | None, layer: RoundedLayer) -> None:
    """Give a layer what its trained form holds, and its batch norm only the bias to add."""
    assert isinstance(module, nn.Conv2d | nn.Linear)
    weight, bias = layer.own
    module.weight.copy_(weight)
    if norm is None:
        assert module.bias is not None
        module.bias.copy_(bias)
        return
    assert isinstance(norm, nn.BatchNorm2d)
    norm.weight.fill_(1.0)
    norm.bias.copy_(bias)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
