"""Engines are really built, without a GPU; what a builder would refuse is said in words that lead on."""

import hashlib
import importlib.util
import json
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from slimaffect.cli import app
from slimaffect.errors import ExportError
from slimaffect.export.bundle import write_bundle
from slimaffect.export.engines import sizes
from slimaffect.export.tensorrt import CAPABILITIES, build_engine, refuse
from slimaffect.runtime import device
from slimaffect.runtime.building import Options, Profile, build, configured
from slimaffect.runtime.bundle import Chosen, Preprocessing

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
    table = (tmp_path / "clip.layers.tsv").read_text().splitlines()
    assert table[0] == "layer\ttype\tformat"
    assert len(table) - 1 == sum(engine.layers.values())
    assert engine.log.read_text().strip()


@built
@pytest.mark.parametrize("capability", ["8.0", "8.6", "8.9", "12.0"])
def test_each_generation_has_an_engine_of_its_own(made, tmp_path, capability):
    """Clip graph with free sizes and stream graph with fixed ones, for one compute capability at a time, no GPU here."""
    exported = made("plain", "fp16")[1]
    for graph, files in (("clip", exported.files), ("stream", exported.streams)):
        engine = build_engine(files["fp16"], tmp_path / f"{graph}.engine", capabilities=(capability,))
        assert engine.capabilities == (capability,)
        assert any("recurrence" in layer for layer in engine.layers) == (graph == "clip")


@built
def test_the_phases_of_a_build_are_told(made, tmp_path):
    """Whoever waits sees how far it is."""
    phases = []
    source = made("plain", "fp32")[1].files["fp32"]
    build_engine(source, tmp_path / "a.engine", capabilities=("8.9",), watch=lambda *step: phases.append(step))
    assert phases
    assert all(0 <= done <= total for _, done, total in phases)


@built
@pytest.mark.skipif(device.capability() is not None, reason="there is a GPU")
def test_weights_stay_in_without_a_gpu(made, tmp_path):
    """TensorRT-RTX asks for a GPU when weights are to be left out; the sentence says so before it does."""
    source = made("plain", "fp32")[1].files["fp32"]
    with pytest.raises(ExportError, match="Weights are left out of an engine only where there is a GPU"):
        build_engine(source, tmp_path / "a.engine", options=Options(strip_weights=True))


@built
def test_narrow_weights_that_are_widened_build(made, tmp_path):
    """bfloat16 that a Cast widens is no bfloat16 arithmetic: the engine is built, and computes in float32."""
    engine = build_engine(made("plain", "bf16")[1].files["bf16"], tmp_path / "a.engine", capabilities=("8.9",))
    assert engine.layers["convolution float"] == 2


def test_profile_must_rise():
    """Three sizes, rising, or the option is named with what was given."""
    assert sizes("1,2,8", "1,16,32") == Profile((1, 2, 8), (1, 16, 32))
    for wrong in ("1,2", "4,2,1", "a,b,c", "0,1,2"):
        with pytest.raises(ExportError, match=rf"--time is '{wrong}'; give smallest, usual and largest"):
            sizes("1,1,1", wrong)


def test_one_builder_serves_every_tensorrt():
    """Options, targets and sizes are written alike for TensorRT 10.12, 11 and RTX; 10.11 is told what is missing."""
    asked, shapes = [], {}
    trt = SimpleNamespace(
        __name__="tensorrt_rtx",
        BuilderFlag=SimpleNamespace(STRIP_PLAN="strip", VERSION_COMPATIBLE="compatible"),
        ProfilingVerbosity=SimpleNamespace(DETAILED=2),
        ComputeCapability=SimpleNamespace(SM89="89", SM120="120"),
    )
    config = SimpleNamespace(
        add_optimization_profile=asked.append,
        set_flag=asked.append,
        set_compute_capability=lambda name, index: asked.append((name, index)),
    )
    ports = [SimpleNamespace(name="frames", shape=(-1, -1, 3, 8, 8)), SimpleNamespace(name="h", shape=(1, -1, 4))]
    network = SimpleNamespace(num_inputs=2, get_input=ports.__getitem__)
    profile = SimpleNamespace(set_shape=lambda name, *three: shapes.update({name: three}))
    builder = SimpleNamespace(create_builder_config=lambda: config, create_optimization_profile=lambda: profile)
    options = Options(strip_weights=True, version_compatible=True)
    configured(trt, builder, network, ("8.9", "12.0"), Profile((1, 2, 3), (1, 4, 5)), options)
    assert asked == [profile, "strip", "compatible", ("89", 0), ("120", 1)]
    assert config.num_compute_capabilities == 2
    assert shapes["frames"] == ((1, 1, 3, 8, 8), (2, 4, 3, 8, 8), (3, 5, 3, 8, 8))
    assert shapes["h"] == ((1, 1, 4), (1, 2, 4), (1, 3, 4))
    old = SimpleNamespace(__name__="tensorrt", __version__="10.11.0")
    with pytest.raises(ExportError, match=r"tensorrt 10\.11\.0 is too old: engines need 10\.12"):
        build(old, b"", "clip", profile=Profile())


@built
def test_a_bundle_gets_engines_beside_it(made, tmp_path):
    """`slim export` builds of the verified bundle's own files; the bundle stays as it was."""
    candidate, exported = made("plain", "int8")
    bundle = write_bundle(
        tmp_path / "bundle",
        exported=exported,
        spec=candidate.model.spec,
        preprocessing=Preprocessing(rate_hz=12.5, pixels=24, detector="haar"),
        chosen=Chosen(runtime="onnxruntime", file="clip.u8s8.onnx", clip_ms=None),
        provenance={},
    )
    before = sorted(file.name for file in bundle.iterdir())
    told = CliRunner().invoke(app, ["export", str(bundle), "--to", "rtx", "--capability", "8.9", "--time", "1,8,16"])
    assert told.exit_code == 0, told.output
    engines = tmp_path / "bundle.engines"
    record = json.loads((engines / "clip.s8s8.rtx.json").read_text())
    assert record["onnx_sha256"] == hashlib.sha256((bundle / "clip.s8s8.onnx").read_bytes()).hexdigest()
    assert record["profile"]["time"] == [1, 8, 16]
    assert (engines / "stream.s8s8.rtx.engine").stat().st_size > 0
    assert sorted(file.name for file in bundle.iterdir()) == before


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
    with pytest.raises(ExportError, match=r"computes in bfloat16.*Export fp16"):
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
