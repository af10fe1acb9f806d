"""Which weights belong to one unit of a model, traced by torch-pruning (Fang et al. 2023, arXiv 2301.12900).

Only its dependency graph is used. The cutting is ours (surgery.py), because torch-pruning 1.6.1 cuts an LSTM's gates
along the wrong axis, knows one layer only, and leaves the model corrupt where it fails.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch_pruning
from jaxtyping import Float, Int
from torch import Tensor, nn

from slimaffect.model.net import AffectNet

GATES = 4  # of an LSTM's unit: input, forget, cell, output


class Place(NamedTuple):
    """Where each unit of a group lies along one axis of one tensor of the state dict."""

    tensor: str
    axis: int
    at: Int[Tensor, "units each"]
    reads: bool  # these weights read the unit's output; the others make it


@dataclass(frozen=True, eq=False)
class Group:
    """Units that several layers share: a channel of a residual stream is cut from all who write or read it.

    Attributes:
        name: the first layer that makes the units.
        makes: every layer whose width is the number of units.
        tie: groups with one tie must keep equally many units: layers of an LSTM, which has one hidden size.
    """

    name: str
    makes: tuple[str, ...]
    tie: str
    places: tuple[Place, ...]

    @property
    def units(self) -> int:
        """Count the units."""
        return len(self.places[0].at)


def groups(net: AffectNet) -> tuple[Group, ...]:
    """List every group of units that may be cut, from the stem to the LSTM; the head's two outputs are not among them.

    The model may be of any float type and on any device; it stays as it was.
    """
    traced = copy.deepcopy(net).requires_grad_(True)
    names: dict[nn.Module, str] = {module: name for name, module in traced.named_modules()}
    graph, order = _trace(traced), list(names.values())
    roots = (nn.Conv2d, nn.Linear, nn.LSTM)
    found = [_group(items, graph, names) for items in graph.get_all_groups([traced.head], roots)]
    found += _inner_layers(traced.lstm) if traced.lstm is not None else []
    return tuple(sorted(found, key=lambda group: (order.index(group.makes[0]), group.name)))


class _OneNode(torch.autograd.Function):
    """The LSTM's shape as one node of the graph.

    torch-pruning expects a layer to be one node. A real LSTM is one on a CPU in float32 only; in float64 it unrolls
    into its gates, and the tracing fails.
    """

    @staticmethod
    def forward(_: Any, x: Float[Tensor, "time width"], hidden: int) -> Float[Tensor, "time hidden"]:
        return x.new_zeros(len(x), hidden)


def _trace(net: AffectNet) -> Any:
    """Trace a net that may be changed; the graph has no types.

    One clip without a batch axis: a linear layer that answers three axes makes torch-pruning 1.6.1 forget that a
    flattened map has several positions for each channel.
    """
    lstm, weight, side = net.lstm, net.bottleneck.weight, net.spec.pixels
    if lstm is not None:
        vars(lstm)["forward"] = lambda x: _OneNode.apply(x, lstm.hidden_size)  # found before the class's own

    def forward(_: Any, frames: Any) -> Tensor:
        features = net.encode(frames)
        return net.head(features if lstm is None else lstm(features))

    frames = torch.zeros(2, 3, side, side, dtype=weight.dtype, device=weight.device)
    with torch.enable_grad():
        return torch_pruning.DependencyGraph().build_dependency(net, frames, forward_fn=forward)


def _group(items: Any, graph: Any, names: dict[nn.Module, str]) -> Group:
    """Translate a group of torch-pruning's into places in the state dict."""
    places, makes = [], []
    for item in items:
        layer = item.dep.target.module
        if layer not in names:  # a node without weights
            continue
        made = graph.is_out_channel_pruning_fn(item.dep.handler)
        # A flattened map has several positions for each channel; they come with the channel that they belong to.
        units = torch.tensor(item.root_idxs)
        at = torch.tensor(item.idxs)[units.argsort(stable=True)].view(len(units.unique()), -1)
        places += _places(names[layer], layer, at, made=made)
        makes += [names[layer]] if made and not isinstance(layer, nn.BatchNorm2d) else []
    order = list(names.values())
    makes.sort(key=order.index)
    lstm = next((layer for layer, name in names.items() if name == makes[0] and isinstance(layer, nn.LSTM)), None)
    name = f"{makes[0]}.{lstm.num_layers - 1}" if lstm is not None else makes[0]
    return Group(name, tuple(makes), makes[0], tuple(places))


def _places(name: str, layer: nn.Module, at: Int[Tensor, "units each"], *, made: bool) -> Iterator[Place]:
    """List where a layer keeps what makes its units, or what reads those of the layer before."""
    if isinstance(layer, nn.LSTM):
        yield from _lstm_made(name, layer, layer.num_layers - 1) if made else [_lstm_reads(name, 0, at)]
    elif made:
        kept = [key for key, tensor in layer.state_dict().items() if tensor.ndim]
        yield from (Place(f"{name}.{key}", 0, at, reads=False) for key in kept)
    else:
        yield Place(f"{name}.weight", 1, at, reads=True)


def _lstm_made(name: str, lstm: nn.LSTM, layer: int) -> Iterator[Place]:
    """A unit has a row in each of the four gates' blocks, and a column that hands its state on."""
    units = torch.arange(lstm.hidden_size)
    rows = units[:, None] + lstm.hidden_size * torch.arange(GATES)
    for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        yield Place(f"{name}.{key}_l{layer}", 0, rows, reads=False)
    yield Place(f"{name}.weight_hh_l{layer}", 1, units[:, None], reads=True)


def _lstm_reads(name: str, layer: int, at: Int[Tensor, "units each"]) -> Place:
    return Place(f"{name}.weight_ih_l{layer}", 1, at, reads=True)


def _inner_layers(lstm: nn.LSTM) -> list[Group]:
    """Units of all layers but the last, which torch-pruning does not see; each is read by the next layer."""
    found = []
    for layer in range(lstm.num_layers - 1):
        read = _lstm_reads("lstm", layer + 1, torch.arange(lstm.hidden_size)[:, None])
        found.append(Group(f"lstm.{layer}", ("lstm",), "lstm", (*_lstm_made("lstm", lstm, layer), read)))
    return found
