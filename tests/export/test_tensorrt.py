"""Engines are really built, without a GPU; what a builder would refuse is said in words that lead on."""

import hashlib
import importlib.util

import numpy as np
import onnx
import pytest

from slimaffect.errors import ExportError
from slimaffect.export.tensorrt import CAPABILITIES, Profile, build_engine, refuse

built = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None, reason="tensorrt-rtx-cu13 is not installed on this machine"
)


def weights(number):
    """A model with one matrix product in this number format."""
    held = onnx.helper.make_tensor("w", number, [2, 2], np.zeros(4))
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    ports = [onnx.helper.make_tensor_value_info(name, number, [2, 2]) for name in "xy"]
    return onnx.helper.make_model(onnx.helper.make_graph([node], "g", ports[:1], ports[1:], [held]))


@built
@pytest.mark.parametrize(("precision", "flavour"), [("fp32", "fp32"), ("fp16", "fp16"), ("int8", "s8s8")])
def test_engine_is_built_for_three_generations(made, tmp_path, precision, flavour):
    """One engine for RTX 30, 40 and 50, with its hash, its layers by number format, and the words `built, not run`."""
    source = made("plain", precision)[1].files[flavour]
    engine = build_engine(source, tmp_path / "clip.engine")
    assert engine.sha256 == hashlib.sha256(engine.file.read_bytes()).hexdigest()
    assert engine.onnx_sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert engine.capabilities == CAPABILITIES
    assert engine.state == "built, not run"
    assert engine.layers["convolution half" if flavour == "fp16" else "convolution float"] == 2
    assert ("quantize int8" in engine.layers) == (flavour == "s8s8")
    assert engine.version.startswith("1.")
    assert engine.seconds > 0


@built
def test_per_frame_net_builds_without_a_loop(made, tmp_path):
    """A net without LSTM has no loop in its engine; one with an LSTM has."""
    flat = build_engine(made("per-frame", "fp32")[1].files["fp32"], tmp_path / "flat.engine", capabilities=("8.9",))
    assert not any("recurrence" in layer for layer in flat.layers)


@built
def test_parser_faults_are_shown(tmp_path):
    """A file that the parser cannot read is refused with the parser's own words."""
    node = onnx.helper.make_node("Frown", ["x"], ["y"], domain="nowhere")
    ports = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2]) for name in "xy"]
    graph = onnx.helper.make_graph([node], "g", ports[:1], ports[1:])
    opsets = [onnx.helper.make_opsetid("nowhere", 1), onnx.helper.make_opsetid("", 20)]
    file = tmp_path / "strange.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets), file)
    with pytest.raises(ExportError, match=r"tensorrt_rtx .* cannot read strange.onnx: .*Frown"):
        build_engine(file, tmp_path / "strange.engine")
    assert not (tmp_path / "strange.engine").exists()


@pytest.mark.parametrize(
    ("capabilities", "words"),
    [
        (("8.9", "9.0"), r"not for 9.0. Data-centre GPUs .*H100.* need full TensorRT"),
        ((), "needs a compute capability"),
        (("7.5",), "multiplies matrices in float32, which TensorRT-RTX cannot do on 7.5"),
    ],
)
def test_unfit_capability_is_explained(capabilities, words):
    """Hopper, no capability at all, and float32 on Turing are refused with what to do instead."""
    with pytest.raises(ExportError, match=words):
        refuse(weights(onnx.TensorProto.FLOAT), "clip.fp32.onnx", "tensorrt_rtx", capabilities)


def test_bfloat16_is_explained():
    """bfloat16 weights are refused; fp16 is named instead."""
    with pytest.raises(ExportError, match=r"bfloat16 weights.*Export fp16"):
        refuse(weights(onnx.TensorProto.BFLOAT16), "clip.bf16.onnx", "tensorrt_rtx", CAPABILITIES)


def test_cpu_flavour_is_explained(made):
    """The int8 file for CPUs is refused; s8s8 is named instead."""
    model = onnx.load(made("plain", "int8")[1].files["u8s8"])
    with pytest.raises(ExportError, match=r"quantised for CPUs .*Give s8s8"):
        refuse(model, "clip.u8s8.onnx", "tensorrt", ())


@pytest.mark.skipif(importlib.util.find_spec("tensorrt") is not None, reason="full TensorRT is installed here")
def test_missing_package_is_named(made, tmp_path):
    """Without full TensorRT the message says what to install."""
    with pytest.raises(ExportError, match=r"pip install slimaffect\[tensorrt\]"):
        build_engine(made("plain", "fp32")[1].files["fp32"], tmp_path / "clip.engine", builder="tensorrt")


def test_missing_file_is_named(tmp_path):
    """A source that does not exist is an error of ours, not of the parser."""
    with pytest.raises(ExportError, match="there is no such file"):
        build_engine(tmp_path / "gone.onnx", tmp_path / "clip.engine")


def test_states_follow_the_batch():
    """In every profile the states' batch is that of the frames, their layers and units stay."""
    profile = Profile(batch=(1, 2, 8), time=(1, 16, 32))
    frames = profile.shapes("frames", (-1, -1, 3, 48, 48))
    assert frames == [(1, 1, 3, 48, 48), (2, 16, 3, 48, 48), (8, 32, 3, 48, 48)]
    assert profile.shapes("h", (2, -1, 64)) == [(2, 1, 64), (2, 2, 64), (2, 8, 64)]
