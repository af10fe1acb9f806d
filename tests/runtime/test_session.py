"""Every runtime answers alike, however a recording is cut, and none needs torch."""

import subprocess
import sys

import numpy as np
import onnx
import pytest

from slimaffect.errors import BundleError
from slimaffect.runtime.session import RUNTIMES, available, open_model

KINDS = ("fp32", "u8s8", "per-frame")


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_recording_is_the_same_however_it_is_cut(files, frames, runtime, kind):
    """Read at once, in chunks, or frame by frame with the state carried on, affect is equal to 1e-5."""
    session = open_model(files[kind], runtime=runtime)
    at_once, _ = session.clip(frames[None])
    state, steps = None, []
    for frame in frames:
        affect, state = session.clip(frame[None, None], state)
        steps.append(affect[0, 0])
    np.testing.assert_allclose(session.recording(frames), at_once[0], atol=1e-5)
    np.testing.assert_allclose(steps, at_once[0], atol=1e-5)


@pytest.mark.parametrize("kind", ["fp32", "per-frame"])
def test_runtimes_agree(files, frames, kind):
    """OpenVINO and ONNX Runtime answer float32 files alike to 1e-5, states too."""
    answers = [open_model(files[kind], runtime=runtime).clip(frames[None]) for runtime in RUNTIMES]
    np.testing.assert_allclose(answers[0][0], answers[1][0], atol=1e-5)
    for one, other in zip(answers[0][1] or (), answers[1][1] or (), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_earlier_answers_stay(files, frames, runtime):
    """An answer and a state, once given, are not overwritten by the next call."""
    session = open_model(files["fp32"], runtime=runtime)
    affect, state = session.clip(frames[None, :4])
    kept = affect.copy(), state[0].copy()
    session.clip(frames[None, 4:8])
    np.testing.assert_array_equal(affect, kept[0])
    np.testing.assert_array_equal(state[0], kept[1])


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_state_matters_only_with_an_lstm(files, frames, runtime):
    """With an LSTM the past changes the answer; a per-frame net has no state at all."""
    session = open_model(files["fp32"], runtime=runtime)
    _, state = session.clip(frames[None, :10])
    assert not np.allclose(session.clip(frames[None, 10:12], state)[0], session.clip(frames[None, 10:12])[0])
    flat = open_model(files["per-frame"], runtime=runtime)
    assert flat.zero_state() is None
    assert flat.clip(frames[None])[1] is None


def test_empty_recording(files):
    """A recording without a frame has no affect, and is no error."""
    empty = np.empty((0, 3, 16, 16), np.uint8)
    assert open_model(files["fp32"], runtime="onnxruntime").recording(empty).shape == (0, 2)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((1, 2, 3, 16, 16), np.float32), np.zeros((1, 2, 3, 20, 20), np.uint8), np.zeros((2, 3), np.uint8)],
)
@pytest.mark.usefixtures("unchecked")
def test_other_frames_are_refused_with_both_shapes(files, wrong):
    """Frames of another type or size are refused: what the file reads, and what it was given."""
    session = open_model(files["fp32"], runtime="onnxruntime")
    with pytest.raises(BundleError, match=r"reads uint8 \[batch, time, 3, 16, 16\].*it was given"):
        session.clip(wrong)


def test_both_runtimes_are_available(files):
    """On a machine with both packages, a good file runs with both; a broken one with none."""
    assert set(available(files["fp32"])) == set(RUNTIMES)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_garbage_is_refused(tmp_path, runtime):
    """A file that is no ONNX is an error with the runtime's name, not a traceback of its own."""
    garbage = tmp_path / "clip.onnx"
    garbage.write_bytes(b"no model at all")
    with pytest.raises(BundleError, match=f"{runtime} cannot open this file"):
        open_model(garbage, runtime=runtime)
    assert available(garbage) == ()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_foreign_model_is_refused(tmp_path, runtime):
    """An ONNX model that slim did not export is told so."""
    ports = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2]) for name in "xy"]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", ports[:1], ports[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(BundleError, match="no input `frames`"):
        open_model(tmp_path / "other.onnx", runtime=runtime)


@pytest.mark.usefixtures("unchecked")
def test_unknown_runtime_and_missing_file(files, tmp_path):
    """A runtime that does not exist and a file that does not are refused, each in its own words."""
    with pytest.raises(BundleError, match="'abacus' is no runtime; it must be one of openvino, onnxruntime"):
        open_model(files["fp32"], runtime="abacus")
    with pytest.raises(BundleError, match="there is no such file"):
        open_model(tmp_path / "gone.onnx", runtime="openvino")


def test_fresh_process_is_quiet_and_without_torch(files):
    """Running a clip with each runtime in a fresh process prints nothing and loads no torch."""
    program = (
        "import sys, numpy; from slimaffect.runtime.session import RUNTIMES, open_model\n"
        f"for name in RUNTIMES: open_model({str(files['fp32'])!r}, runtime=name)"
        ".clip(numpy.zeros((1, 2, 3, 16, 16), numpy.uint8))\n"
        "sys.exit('torch was loaded' if 'torch' in sys.modules else 0)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")
