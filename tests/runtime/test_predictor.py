"""A bundle is opened with its declared runtime or says what stands in, and reads clips and streams alike."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from slimaffect.errors import BundleError
from slimaffect.runtime import Affect, Predictor, session
from slimaffect.runtime.session import EVERY, RUNTIMES
from slimaffect.runtime.stream import open_stream


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_stream_equals_clip(shipped, frames, runtime):
    """Frame by frame through the stream graph, and at once through the clip graph, answers are equal to 1e-5."""
    predictor = Predictor.load(shipped, runtime=runtime)
    stream = predictor.stream()
    steps = [stream.step(frame) for frame in frames]
    np.testing.assert_allclose(steps, predictor.clip(frames), atol=1e-5)
    assert isinstance(steps[0], Affect)


def test_two_streams_do_not_mix(shipped, frames):
    """Two people are read in turn, each with a state of their own."""
    predictor = Predictor.load(shipped)
    one, other = predictor.stream(), predictor.stream()
    both = [(one.step(frame), other.step(255 - frame)) for frame in frames]
    np.testing.assert_allclose([first for first, _ in both], predictor.clip(frames), atol=1e-5)
    np.testing.assert_allclose([second for _, second in both], predictor.clip(255 - frames), atol=1e-5)


def test_declared_and_named_runtimes_open(shipped, frames):
    """`declared` is the bundle's own choice; `auto` is one of this machine; all answer alike."""
    assert Predictor.load(shipped, runtime="declared").session.runtime == "onnxruntime"
    assert Predictor.load(shipped).session.runtime in EVERY
    other = Predictor.load(shipped, runtime="openvino")
    assert other.session.runtime == "openvino"
    np.testing.assert_allclose(other.clip(frames), Predictor.load(shipped).clip(frames), atol=1e-5)


def test_what_the_stream_has_to_say_is_heard(shipped, monkeypatch):
    """As for the clip: who gave `complain` is told why the stream's engine is built anew."""

    def opened(*given, complain, **more):
        complain("built anew")
        return open_stream(*given, **more)

    monkeypatch.setattr("slimaffect.runtime.predictor.open_stream", opened)
    said = []
    Predictor.load(shipped, runtime="onnxruntime", complain=said.append).stream()
    assert said == ["built anew"]


def test_portable_runtime_stands_in_with_a_sentence(made_for_openvino, frames, monkeypatch):
    """Where the declared runtime is not installed, ONNX Runtime answers, and a sentence says so."""
    find = importlib.util.find_spec
    monkeypatch.setattr(session.importlib.util, "find_spec", lambda name: None if name == "openvino" else find(name))
    said = []
    predictor = Predictor.load(made_for_openvino, runtime="declared", complain=said.append)
    assert predictor.session.runtime == "onnxruntime"
    assert predictor.clip(frames).shape == (50, 2)
    assert len(said) == 1
    assert "onnxruntime stands in for openvino" in said[0]
    assert "pip install openvino" in said[0]
    with pytest.warns(RuntimeWarning, match="stands in for openvino"):
        Predictor.load(made_for_openvino, runtime="declared")
    with pytest.raises(BundleError, match="openvino, which is not installed"):
        Predictor.load(made_for_openvino, runtime="openvino")


def test_bundle_without_a_stream_graph_streams_all_the_same(without_stream, frames):
    """The clip graph reads single frames where there is no stream graph."""
    predictor = Predictor.load(without_stream)
    stream = predictor.stream()
    np.testing.assert_allclose([stream.step(frame) for frame in frames], predictor.clip(frames), atol=1e-5)


def test_documented_lines_run_without_torch(shipped, tmp_path):
    """The Python of docs/deploying.md runs as it stands, prints two numbers, and loads no torch."""
    page = Path(__file__).parents[2] / "docs" / "deploying.md"
    (lines,) = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    shutil.copytree(shipped, tmp_path / "bundle")
    given = "import numpy, sys; frames = numpy.zeros((50, 3, 16, 16), numpy.uint8)\n"
    program = given + lines + "\nsys.exit('torch was loaded' if 'torch' in sys.modules else 0)"
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert len(told.stdout.split()) == 2
