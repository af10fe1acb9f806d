"""Whole residual blocks: which may go, and the shallower model without one of them."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from slimaffect.model.net import AffectNet
from slimaffect.model.spec import ModelSpec, PlainCnn, ResNetCnn


class ResidualBlock(NamedTuple):
    """Layers beside a shortcut that carries on without them."""

    stage: int  # from 0; of a plain CNN the convolution that the block refines
    at: int  # of a ResNet: the block in its stage, from 0


def removable(spec: ModelSpec) -> tuple[ResidualBlock, ...]:
    """List the blocks that may go: those whose shortcut is the identity, and not the last of their stage."""
    if isinstance(spec.cnn, PlainCnn):
        return tuple(ResidualBlock(stage, 0) for stage, refined in enumerate(spec.cnn.refined) if refined)
    return tuple(
        ResidualBlock(number, index)
        for number, stage in enumerate(spec.cnn.stages)
        for index in range(len(stage.inner) if len(stage.inner) > 1 else 0)
        if index or not stage.projection
    )


def without(net: AffectNet, block: ResidualBlock) -> AffectNet:
    """Answer a new model that lets the shortcut through where the block was, in eval mode; the given one stays."""
    spec = _shallower(net.spec, block)
    with torch.random.fork_rng(devices=[]):
        shallower = AffectNet(spec)
    weight = net.bottleneck.weight
    shallower.to(weight.device, weight.dtype).load_state_dict(dict(_left(net, block)))
    return shallower.eval()


def _shallower(spec: ModelSpec, block: ResidualBlock) -> ModelSpec:
    cnn = spec.cnn
    if isinstance(cnn, PlainCnn):
        refined = tuple(there and number != block.stage for number, there in enumerate(cnn.refined))
        changed = {"residual": refined if any(refined) else False}
    else:
        changed = {"stages": tuple(_stages(cnn, block))}
    return ModelSpec.model_validate(spec.model_dump() | {"cnn": cnn.model_dump() | changed})


def _stages(cnn: ResNetCnn, block: ResidualBlock) -> Iterator[dict]:
    for number, stage in enumerate(cnn.stages):
        stays = [inner for index, inner in enumerate(stage.inner) if (number, index) != block]
        yield stage.model_dump() | {"inner": tuple(stays)}


def _left(net: AffectNet, block: ResidualBlock) -> Iterator[tuple[str, Tensor]]:
    """Leave out the block's tensors; the blocks behind it in its stage move up by one."""
    plain = isinstance(net.spec.cnn, PlainCnn)
    pattern = rf"cnn\.blocks\.({block.stage})\.refine\." if plain else rf"cnn\.layer{block.stage + 1}\.(\d+)\."
    for name, tensor in net.state_dict().items():
        found = re.match(pattern, name)
        index = int(found[1]) if found else -1
        if found and (plain or index == block.at):
            continue
        moved = found is not None and index > block.at
        yield (f"cnn.layer{block.stage + 1}.{index - 1}.{name[found.end() :]}" if moved and found else name), tensor
