"""Batch norms that are done measuring, folded into their convolutions: for models that only answer, or learn on."""

from collections.abc import Iterator
from copy import deepcopy
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.fusion import fuse_conv_bn_eval

from slimaffect.model.net import AffectNet

PART = 128  # frames whose maps stay in a processor's cache from layer to layer


class Normed(NamedTuple):
    """A convolution and its batch norm, by their names."""

    conv: str
    norm: str


def normed(net: AffectNet) -> Iterator[Normed]:
    """List convolutions with their batch norms, which the CNNs here register right after them."""
    last = ""
    for name, module in net.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            yield Normed(last, name)
        elif isinstance(module, nn.Conv2d):
            last = name


def frozen(net: AffectNet) -> AffectNet:
    """Answer a copy that says the same, but for last digits, and cannot learn.

    In float32 on a CPU with AVX2 the reference model answers 256 frames 1.6 times as fast (benchmarks/teacher.py): a
    batch norm costs a pass over a map as large as its convolution's, and kernels that lie colour by colour of a pixel
    need no rearranging.
    """
    still = deepcopy(net).eval().requires_grad_(requires_grad=False)
    for pair in list(normed(still)):
        conv, norm = still.get_submodule(pair.conv), still.get_submodule(pair.norm)
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        still.set_submodule(pair.conv, fuse_conv_bn_eval(conv, norm))
        still.set_submodule(pair.norm, nn.Identity())
    still.cnn.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return still


class Folded:
    """A model that learns while its batch norms measure no more: their scale and shift are folded in at every call.

    It says what the model says, but for last digits, and gradients reach the same parameters. On a CPU a map is passed
    over once for a layer instead of thrice, and frames go through part by part.
    """

    def __init__(self, net: AffectNet) -> None:
        self._net, self._shell = net, frozen(net).cnn
        self._pairs = [Normed(*(name.removeprefix("cnn.") for name in pair)) for pair in normed(net)]

    def encode(self, frames: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n features"]:
        """Answer each frame's features, as the model does."""
        weights, net = self._weights(), self._net
        parts = frames.split(PART if frames.device.type == "cpu" else len(frames))
        maps = torch.cat([functional_call(self._shell, weights, (part,)) for part in parts])
        return torch.relu(net.bottleneck(net.dropout(maps)))

    def _weights(self) -> dict[str, Tensor]:
        """Name the CNN's parameters as they are with the norms inside; norms over several ranks stay outside."""
        cnn, there = self._net.cnn, dict(self._shell.named_parameters())
        found: dict[str, Tensor] = {name: weight for name, weight in cnn.named_parameters() if name in there}
        for pair in self._pairs:
            conv, norm = cnn.get_submodule(pair.conv), cnn.get_submodule(pair.norm)
            assert isinstance(conv, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            assert norm.running_mean is not None
            assert norm.running_var is not None
            scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
            found[f"{pair.conv}.weight"] = conv.weight * scale[:, None, None, None]
            found[f"{pair.conv}.bias"] = norm.bias - norm.running_mean * scale
        return found
