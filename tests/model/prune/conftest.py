"""Small models of every kind that can be pruned, and how their MACs are counted without our counter."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from slimaffect.model.net import AffectNet
from slimaffect.model.prune.graph import Group
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn, ResNetCnn

RESNET18 = {
    "block": "basic",
    "stem_width": 12,
    "imagenet": True,
    "stages": [
        {"width": 12, "inner": [[9], [8]], "stride": 1, "projection": False},
        {"width": 16, "inner": [[14], [16]]},
        {"width": 20, "inner": [[20], [18]]},
    ],
}
BOTTLENECK = {
    "block": "bottleneck",
    "stem": "3x3",
    "stem_width": 9,
    "stages": [{"width": 16, "inner": [[6, 5], [6, 7]], "stride": 1}, {"width": 21, "inner": [[8, 9], [6, 6]]}],
}
DEPTHWISE = {
    "block": "depthwise",
    "stem": "3x3",
    "stem_width": 8,
    "stages": [
        {"width": 8, "inner": [[12], [10]], "stride": 1, "projection": False},
        {"width": 12, "inner": [[14], [13]]},
    ],
}
CNNS = {
    "plain": (PlainCnn(widths=(7, 10, 12)), 25),
    "plain residual": (PlainCnn(widths=(6, 9), residual=True), 24),
    "patches": (PlainCnn(widths=(8, 9, 6), stem="4x4"), 32),
    "patches residual": (PlainCnn(widths=(9, 6), stem="4x4", residual=True), 24),
    "resnet18": (ResNetCnn.model_validate(RESNET18), 64),
    "bottleneck": (ResNetCnn.model_validate(BOTTLENECK), 32),
    "depthwise": (ResNetCnn.model_validate(DEPTHWISE), 24),
}


def spec_of(kind: str, layers: int) -> ModelSpec:
    cnn, pixels = CNNS[kind]
    return ModelSpec(pixels=pixels, cnn=cnn, features=10, lstm=Lstm(hidden=11, layers=layers))


def seeded(spec: ModelSpec, seed: int = 0) -> AffectNet:
    """A model whose batch norms are not the identity, and whose answers fill the range."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = AffectNet(spec)
        for part in net.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.normal_(part.running_mean, std=0.2)
                nn.init.uniform_(part.running_var, 0.5, 2.0)
                nn.init.uniform_(part.weight, 0.5, 1.5)
                nn.init.normal_(part.bias, std=0.2)
        nn.init.normal_(net.head.weight, std=1.0)
    return net.eval()


def silence(net: AffectNet, group: Group, units: torch.Tensor) -> None:
    """Make units answer 0 whatever they are shown: batch norm's weight and bias, a row, or the cell's gate."""
    state = net.state_dict()
    norms = {place.tensor.rpartition(".")[0] for place in group.places if place.tensor.endswith("running_var")}
    for place in group.places:
        layer, _, key = place.tensor.rpartition(".")
        rows = place.at[units]
        if layer == "lstm" and not place.reads:
            state[place.tensor][rows[:, 2]] = 0  # torch's order of gates is i, f, g, o; from g = 0 follow c = h = 0
        elif (layer in norms and key in {"weight", "bias"}) or (layer == "bottleneck" and not place.reads):
            state[place.tensor][rows.flatten()] = 0


def counted_macs(net: AffectNet) -> int:
    """Multiply-accumulates of one frame, from the tensors that really pass through the modules."""
    total = [0]

    def hook(module: nn.Module, _: tuple, answer: torch.Tensor | tuple) -> None:
        if isinstance(module, nn.Conv2d):
            # A depthwise kernel's weight has one entering channel, so this counts it too.
            total[0] += module.weight.numel() * answer.shape[-1] * answer.shape[-2]
        elif isinstance(module, nn.Linear):
            total[0] += module.weight.numel()
        elif isinstance(module, nn.LSTM):
            total[0] += sum(weight.numel() for name, weight in module.named_parameters() if "weight" in name)

    hooks = [module.register_forward_hook(hook) for module in net.modules()]
    with torch.no_grad():
        net(torch.zeros(1, 1, 3, net.spec.pixels, net.spec.pixels))
    for handle in hooks:
        handle.remove()
    return total[0]


@pytest.fixture
def make() -> Callable[[str, int], AffectNet]:
    """Build a model of a kind with so many LSTM layers."""
    return lambda kind, layers: seeded(spec_of(kind, layers))


@pytest.fixture
def macs_of() -> Callable[[AffectNet], int]:
    """Count a model's MACs by looking at its tensors."""
    return counted_macs


@pytest.fixture
def quieten() -> Callable[[AffectNet, Group, torch.Tensor], None]:
    """Make units answer 0."""
    return silence
