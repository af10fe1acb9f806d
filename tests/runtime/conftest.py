"""Two exported files and a bundle to run."""

import json
import shutil

import numpy as np
import pytest
import torch

from slimaffect.data.clips import Recording, cut
from slimaffect.export import export
from slimaffect.export.bundle import write_bundle
from slimaffect.model.losses import LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn
from slimaffect.runtime.bundle import Chosen, Preprocessing, seal
from slimaffect.train.candidate import Candidate, Precision


def _exported(folder, layers, to):
    torch.manual_seed(0)
    spec = ModelSpec(pixels=16, cnn=PlainCnn(widths=(8,)), features=8, lstm=Lstm(hidden=8, layers=layers))
    net = AffectNet(spec)
    torch.nn.init.normal_(net.head.weight, std=1.0)
    frames = np.random.default_rng(0).integers(0, 256, (40, 3, 16, 16), dtype=np.uint8)
    still = np.zeros((40, 2), np.float32), np.ones(40, bool), np.arange(40) / 12.5
    clips = cut([Recording("site", "subject", "talk", frames, *still, "")], length=8, stride=4, rate=12.5)
    return spec, export(Candidate(net, clips, LabelLoss(), Precision(to=to), seed=0), folder)


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Files by name: float32 and int8 with an LSTM, float32 without one; and the stream graph of each."""
    folder = tmp_path_factory.mktemp("files")
    _, plain = _exported(folder / "plain", 1, "fp32")
    _, int8 = _exported(folder / "int8", 1, "int8")
    _, flat = _exported(folder / "flat", 0, "fp32")
    clips = {"fp32": plain.files["fp32"], "u8s8": int8.files["u8s8"], "per-frame": flat.files["fp32"]}
    streams = {"fp32": plain.streams["fp32"], "u8s8": int8.streams["u8s8"], "per-frame": flat.streams["fp32"]}
    return clips | {f"{name} stream": file for name, file in streams.items()}


@pytest.fixture(scope="session")
def shipped(tmp_path_factory):
    """A bundle as it was written; copy it before you spoil it."""
    folder = tmp_path_factory.mktemp("shipped")
    spec, exported = _exported(folder / "files", 1, "fp32")
    return write_bundle(
        folder / "bundle",
        exported=exported,
        spec=spec,
        preprocessing=Preprocessing(rate_hz=12.5, pixels=16, detector="haar"),
        chosen=Chosen(runtime="onnxruntime", file="clip.fp32.onnx", stream="stream.fp32.onnx", clip_ms=0.5),
        provenance={"seed": 0},
    )


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory):
    """What is remembered of runtimes stays in the tests' own folder, in processes they start too."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder / "slimaffect"


@pytest.fixture
def frames():
    """A recording of 50 face crops: more than one chunk."""
    return np.random.default_rng(1).integers(0, 256, (50, 3, 16, 16), dtype=np.uint8)


@pytest.fixture
def made_for_openvino(shipped, tmp_path):
    """The bundle as if OpenVINO had been fastest."""
    return resealed(shipped, tmp_path / "openvino", lambda told: told["chosen"].update(runtime="openvino"))


@pytest.fixture
def without_stream(shipped, tmp_path):
    """The bundle without its stream graph."""
    return resealed(shipped, tmp_path / "older", lambda told: told["chosen"].update(stream=None))


def resealed(bundle, copy, change):
    """Copy a bundle, change what it says, and seal it again: what a forger would do."""
    shutil.copytree(bundle, copy)
    told = json.loads((copy / "bundle.json").read_text())
    change(told)
    content = json.dumps(told).encode()
    (copy / "bundle.json").write_bytes(content)
    (copy / "bundle.sha256").write_text(seal(content))
    return copy
