"""The smaller model: its spec from the widths that remain, its weights copied from the larger one."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from slimaffect.errors import ModelError
from slimaffect.model.net import AffectNet
from slimaffect.model.prune.graph import Group
from slimaffect.model.spec import ModelSpec, PlainCnn, ResNetCnn, ResNetStage


def cut(net: AffectNet, found: Sequence[Group], removed: Mapping[str, Int[Tensor, " units"]]) -> AffectNet:
    """Answer a new model without these units of the named groups, in eval mode; the given one stays as it was.

    Raises:
        ModelError: a group would lose all its units, or layers of an LSTM would keep unequal numbers.
    """
    spec = respec(net.spec, widths(found, _left(found, removed)))
    tensors = {name: tensor.detach() for name, tensor in net.state_dict().items()}
    for (name, axis), stays in _masks(tensors, found, removed).items():
        tensors[name] = tensors[name].index_select(axis, stays.nonzero().flatten().to(tensors[name].device))
    with torch.random.fork_rng(devices=[]):
        smaller = AffectNet(spec)
    weight = net.bottleneck.weight
    smaller.to(weight.device, weight.dtype).load_state_dict(tensors)
    return smaller.eval()


def _left(found: Sequence[Group], removed: Mapping[str, Int[Tensor, " units"]]) -> dict[str, int]:
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
    tensors: Mapping[str, Tensor], found: Sequence[Group], removed: Mapping[str, Int[Tensor, " units"]]
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
    """Describe the model whose layers have these widths, by the layer's name."""
    cnn = _plain(spec.cnn, wide) if isinstance(spec.cnn, PlainCnn) else _resnet(spec.cnn, wide)
    lstm = spec.lstm.model_copy(update={"hidden": wide.get("lstm", spec.lstm.hidden)})
    # Checked anew: model_copy alone would let a spec pass that no model can be built from.
    return ModelSpec.model_validate(
        spec.model_dump() | {"cnn": cnn.model_dump(), "features": wide["bottleneck"], "lstm": lstm.model_dump()}
    )


def _plain(cnn: PlainCnn, wide: Mapping[str, int]) -> PlainCnn:
    return cnn.model_copy(update={"widths": tuple(wide[f"cnn.blocks.{n}.conv"] for n in range(len(cnn.widths)))})


def _resnet(cnn: ResNetCnn, wide: Mapping[str, int]) -> ResNetCnn:
    stages = tuple(_stage(f"cnn.layer{n}", stage, wide) for n, stage in enumerate(cnn.stages, start=1))
    return cnn.model_copy(update={"stem_width": wide["cnn.conv1"], "stages": stages})


def _stage(name: str, stage: ResNetStage, wide: Mapping[str, int]) -> ResNetStage:
    inner = tuple(
        tuple(wide[f"{name}.{block}.conv{n}"] for n in range(1, len(given) + 1))
        for block, given in enumerate(stage.inner)
    )
    return stage.model_copy(update={"inner": inner, "width": wide[f"{name}.0.conv{len(stage.inner[0]) + 1}"]})
