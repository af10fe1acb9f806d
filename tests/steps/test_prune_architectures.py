"""Twelve architectures, four ratios each: as small as asked, the same answers, a file and a graph like any other's."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from slimaffect.errors import ModelError
from slimaffect.export.graph import graph
from slimaffect.model.count import macs_per_frame
from slimaffect.model.net import AffectNet
from slimaffect.model.prune import plan
from slimaffect.model.prune.graph import Group, groups
from slimaffect.model.prune.importance import magnitude
from slimaffect.model.prune.surgery import cut, respec, widths
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn, ResNetCnn
from slimaffect.model.store import load, save
from slimaffect.runtime.session import open_model
from slimaffect.steps.prune import Prune, nearest, refuse_unreachable

UNREACHABLE = {"depthwise 7x7, 2 layers": 0.15}  # its stem alone takes more
SHARES = (0.7, 0.5, 0.3, 0.15)
DEPTHS = {18: (2, 2, 2), 34: (2, 3, 2), 50: (2, 3, 2)}


def resnet(depth: int, stem: str, block: str = "basic") -> ResNetCnn:
    """Three stages of blocks as in He et al. 2016, fewer and narrower."""
    inner, growth = {"basic": (1, 1), "bottleneck": (2, 2), "depthwise": (1, 1)}[block]
    stages = [
        {
            "width": width * growth,
            "inner": [[width] * inner] * blocks,
            "stride": 1 if level == 0 else 2,
            "projection": level > 0 or growth > 1,
        }
        for level, (width, blocks) in enumerate(zip((16, 24, 32), DEPTHS[depth], strict=True))
    ]
    return ResNetCnn.model_validate({"block": block, "stem": stem, "stem_width": 16, "stages": stages})


ARCHITECTURES = {
    "resnet18 7x7, 1 layer": (resnet(18, "7x7"), 32, 1),
    "resnet18 3x3, 2 layers": (resnet(18, "3x3"), 16, 2),
    "resnet34 7x7, 2 layers": (resnet(34, "7x7"), 32, 2),
    "resnet34 3x3, 1 layer": (resnet(34, "3x3"), 16, 1),
    "resnet50 7x7, 1 layer": (resnet(50, "7x7", "bottleneck"), 32, 1),
    "resnet50 3x3, 2 layers": (resnet(50, "3x3", "bottleneck"), 16, 2),
    "dense, 1 layer": (PlainCnn(widths=(24, 32, 40)), 24, 1),
    "dense residual, 2 layers": (PlainCnn(widths=(24, 32, 40), residual=True), 24, 2),
    "dense partly residual, 1 layer": (PlainCnn(widths=(24, 32, 40), residual=(False, True, False)), 24, 1),
    "dense patches, 2 layers": (PlainCnn(widths=(24, 32), stem="4x4"), 24, 2),
    "depthwise 3x3, 1 layer": (resnet(18, "3x3", "depthwise"), 16, 1),
    "depthwise 7x7, 2 layers": (resnet(18, "7x7", "depthwise"), 32, 2),
}


def built(name: str) -> AffectNet:
    """A model whose batch norms are not the identity, and whose answers fill the range."""
    cnn, pixels, layers = ARCHITECTURES[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = AffectNet(ModelSpec(pixels=pixels, cnn=cnn, features=16, lstm=Lstm(hidden=24, layers=layers)))
        for part in net.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.uniform_(part.weight, 0.5, 1.0)
                nn.init.normal_(part.bias, std=0.1)
        nn.init.normal_(net.head.weight, std=1.0)
    return net.eval()


def unread(net: AffectNet, found: tuple[Group, ...], gone: dict[str, torch.Tensor]) -> AffectNet:
    """The same model, in which nobody reads these units: to the rest they answer 0."""
    whole = AffectNet(net.spec).eval()
    state = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    for group in found:
        for place in group.places if group.name in gone else ():
            if place.reads:
                state[place.tensor].movedim(place.axis, 0)[place.at[gone[group.name]]] = 0
    whole.load_state_dict(state)
    return whole


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_becomes_as_small_as_asked(name: str, tmp_path: Path) -> None:
    """MACs end within 3 % below the ask, answers are those without the units, and it comes back from disk.

    What no widths reach is refused before. At the smallest ratio the graph is written, and ONNX Runtime answers.
    """
    net = built(name)
    found, settings = groups(net), Prune.model_validate({"until": {"macs": 0.5}, "round_to": 4})
    weights = dict(net.named_parameters())
    scores = {group.name: magnitude(weights, group) for group in found}
    macs = macs_per_frame(net.spec)
    costs = plan.unit_costs(found, lambda left: macs_per_frame(respec(net.spec, widths(found, left))))
    order = plan.blocks(found, scores, costs, round_to=4, scope="global")
    frames = torch.randint(0, 256, (1, 3, 3, net.spec.pixels, net.spec.pixels), dtype=torch.uint8)
    smaller = net
    for share in SHARES:
        if UNREACHABLE.get(name) == share:
            with pytest.raises(ModelError, match=r"until\.macs asks for .* the least is"):
                refuse_unreachable(net, settings, macs_per_frame, share * macs)
            continue
        left = nearest(net.spec, found, order, settings, macs_per_frame, share * macs)
        gone = plan.least(found, scores, left)
        smaller = cut(net, found, gone)
        assert 0.97 * share * macs <= macs_per_frame(smaller.spec) <= share * macs
        with torch.no_grad():
            answer, truth = smaller(frames.float() / 255), unread(net, found, gone)(frames.float() / 255)
            torch.testing.assert_close(answer.affect, truth.affect, atol=1e-6, rtol=0)
            save(smaller, tmp_path)
            assert torch.equal(load(tmp_path)(frames.float() / 255).affect, answer.affect)
    (tmp_path / "clip.onnx").write_bytes(graph(smaller).SerializeToString())
    said, _ = open_model(tmp_path / "clip.onnx", runtime="onnxruntime").clip(frames.numpy())
    np.testing.assert_allclose(said, answer.affect.numpy(), atol=1e-5)
