"""Small candidates of every kind of net, exported once."""

from pathlib import Path

import numpy as np
import pytest
import torch

from slimaffect.data.clips import Recording, cut
from slimaffect.export import export
from slimaffect.model.losses import LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn, ResNetCnn, ResNetStage
from slimaffect.train.candidate import Candidate, Precision

PIXELS = 24


def _plain(layers, *, residual=False):
    lstm = Lstm(hidden=8, layers=layers)
    return ModelSpec(pixels=PIXELS, cnn=PlainCnn(widths=(8, 12), residual=residual), features=8, lstm=lstm)


def _resnet(block, stem, inner, *, imagenet):
    stage = ResNetStage(width=12, inner=(inner, inner))
    cnn = ResNetCnn(block=block, stem=stem, stem_width=8, stages=(stage,), imagenet=imagenet)
    return ModelSpec(pixels=PIXELS, cnn=cnn, features=8, lstm=Lstm(hidden=8))


SPECS = {
    "plain": _plain(1),
    "per-frame": _plain(0),
    "residual, 2 layers": _plain(2, residual=True),
    "basic, 3x3 stem": _resnet("basic", "3x3", (9,), imagenet=False),
    "bottleneck, 7x7 stem, ImageNet": _resnet("bottleneck", "7x7", (5, 7), imagenet=True),
}

DEPTHWISE = ModelSpec(
    pixels=PIXELS,
    cnn=ResNetCnn(block="depthwise", stem="3x3", stem_width=8, stages=(ResNetStage(width=12, inner=((8,), (8,))),)),
    features=8,
    lstm=Lstm(hidden=8),
)


def make_clips(subjects=6, frames=40, side=PIXELS):
    """Cut clips of random pixels: three sites, two subjects each by default."""
    rng = np.random.default_rng(0)
    recordings = [
        Recording(
            f"site{number % 3}",
            f"subject{number}",
            "talk",
            rng.integers(0, 256, (frames, 3, side, side), dtype=np.uint8),
            np.zeros((frames, 2), np.float32),
            np.ones(frames, bool),
            np.arange(frames) / 12.5,
            f"digest{number}",
        )
        for number in range(subjects)
    ]
    return cut(recordings, length=10, stride=5, rate=12.5)


def make_candidate(spec, to="fp32", seed=0):
    """Make a net whose batch norms are not the identity, so that folding them shows."""
    torch.manual_seed(seed)
    net = AffectNet(spec)
    for part in net.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(part.running_mean, std=0.2)
            torch.nn.init.uniform_(part.running_var, 0.5, 2.0)
    torch.nn.init.normal_(net.head.weight, std=1.0)  # answers that fill the range, as after training
    return Candidate(net, make_clips(), LabelLoss(), Precision(to=to, calibration_clips=12), seed=seed)


@pytest.fixture(params=SPECS, scope="session")
def kind(request):
    """The name of each kind of net in turn."""
    return request.param


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Export a kind of net in a precision, once per session."""
    done = {}

    def make(kind, to):
        if (kind, to) not in done:
            candidate = make_candidate(SPECS[kind], to)
            done[kind, to] = candidate, export(candidate, tmp_path_factory.mktemp("exported"))
        return done[kind, to]

    return make


@pytest.fixture(scope="session")
def candidate_of():
    """Make a fresh candidate of a kind of net; `depthwise` is one more than are exported in every precision."""
    return lambda name: make_candidate((SPECS | {"depthwise": DEPTHWISE})[name])


@pytest.fixture
def candidate() -> Candidate:
    """A fresh candidate of the plainest kind."""
    return make_candidate(SPECS["plain"])


@pytest.fixture
def folder(tmp_path) -> Path:
    """An empty folder to export to."""
    return tmp_path / "exported"
