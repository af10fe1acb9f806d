"""The smaller model: its spec from the widths that remain, its weights copied from the larger one."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from slimaffect.errors import ModelError
from slimaffect.model.net import AffectNet
from slimaffect.model.prune.graph import Group
from slimaffect.model.spec import ModelSpec, PlainCnn, ResNetCnn, ResNetStage

At = dict[tuple[str, int], Int[Tensor, "_"]]
"""Indices along an axis of a tensor, by the tensor's name and the axis."""


def cut(net: AffectNet, found: Sequence[Group], removed: Mapping[str, Int[Tensor, "_"]]) -> AffectNet:
    """Answer a new model without these units of the named groups, in eval mode; the given one stays as it was.

    Raises:
        ModelError: a group would lose all its units, or layers of an LSTM would keep unequal numbers.
    """
    spec = respec(net.spec, widths(found, _left(found, removed)))
    spec = ModelSpec.model_validate(spec.model_dump())  # none passes that no model can be built from
    tensors = {name: tensor.detach() for name, tensor in net.state_dict().items()}
    with torch.random.fork_rng(devices=[]):
        smaller = AffectNet(spec)
    weight = net.bottleneck.weight
    smaller.to(weight.device, weight.dtype).load_state_dict(picked(tensors, stays(net, found, removed)))
    return smaller.eval()


def picked(tensors: Mapping[str, Tensor], at: At) -> dict[str, Tensor]:
    """Take out of each tensor what stays along each of its axes; gradients find their way back to the whole tensor."""
    taken = dict(tensors)
    for (name, axis), index in at.items():
        if name in taken:
            taken[name] = taken[name].index_select(axis, index)
    return taken


def stays(net: AffectNet, found: Sequence[Group], removed: Mapping[str, Int[Tensor, "_"]]) -> At:
    """Say where in each tensor of the state dict the units lie that stay; a tensor that stays whole is not named."""
    tensors = net.state_dict()
    masks = _masks(tensors, found, removed).items()
    return {(name, axis): mask.nonzero().flatten().to(tensors[name].device) for (name, axis), mask in masks}


def _left(found: Sequence[Group], removed: Mapping[str, Int[Tensor, "_"]]) -> dict[str, int]:
    """Count what each tie keeps."""
    left: dict[str, int] = {}
    for group in found:
        stay = group.units - len(removed.get(group.name, ()))
        if stay < 1:
            raise ModelError(f"{group.name}: all {group.units} units would be cut. Leave at least one.")
        if left.setdefault(group.tie, stay) != stay:
            raise ModelError(
                f"{group.name} would keep {stay} units and another layer of the {group.tie} {left[group.tie]}, but it "
                "has one hidden size. Cut equally many from each layer."
            )
    return left


def _masks(
    tensors: Mapping[str, Tensor], found: Sequence[Group], removed: Mapping[str, Int[Tensor, "_"]]
) -> dict[tuple[str, int], Tensor]:
    """Mark along each axis of each tensor what stays."""
    masks: dict[tuple[str, int], Tensor] = {}
    for group in found:
        for place in group.places if group.name in removed else ():
            size = tensors[place.tensor].shape[place.axis]
            mask = masks.setdefault((place.tensor, place.axis), torch.ones(size, dtype=torch.bool))
            mask[place.at[removed[group.name]].flatten()] = False
    return masks


def widths(found: Sequence[Group], left: Mapping[str, int]) -> dict[str, int]:
    """Say how wide each layer is when each tie keeps so many units."""
    return {layer: left[group.tie] for group in found for layer in group.makes}


def respec(spec: ModelSpec, wide: Mapping[str, int]) -> ModelSpec:
    """Describe the model whose layers have these widths, by the layer's name.

    Not checked, because a plan tries thousands: every width that groups allow makes a valid spec.
    """
    cnn = _plain(spec.cnn, wide) if isinstance(spec.cnn, PlainCnn) else _resnet(spec.cnn, wide)
    lstm = spec.lstm.model_copy(update={"hidden": wide.get("lstm", spec.lstm.hidden)})
    return spec.model_copy(update={"cnn": cnn, "features": wide["bottleneck"], "lstm": lstm})


def _plain(cnn: PlainCnn, wide: Mapping[str, int]) -> PlainCnn:
    return cnn.model_copy(update={"widths": tuple(wide[f"cnn.blocks.{n}.conv"] for n in range(len(cnn.widths)))})


def _resnet(cnn: ResNetCnn, wide: Mapping[str, int]) -> ResNetCnn:
    last = "conv2" if cnn.block == "basic" else "conv3"
    stages = tuple(_stage(f"cnn.layer{n}", stage, wide, last) for n, stage in enumerate(cnn.stages, start=1))
    return cnn.model_copy(update={"stem_width": wide["cnn.conv1"], "stages": stages})


def _stage(name: str, stage: ResNetStage, wide: Mapping[str, int], last: str) -> ResNetStage:
    inner = tuple(
        tuple(wide[f"{name}.{block}.conv{n}"] for n in range(1, len(given) + 1))
        for block, given in enumerate(stage.inner)
    )
    return stage.model_copy(update={"inner": inner, "width": wide[f"{name}.0.{last}"]})
