"""Exported files answer as the model does, at any batch and length."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from slimaffect.errors import ExportError
from slimaffect.export import export
from slimaffect.export.graph import graph
from slimaffect.export.onnx import check_batches, check_graph, check_sizes, check_steps
from slimaffect.model.net import AffectNet
from slimaffect.runtime.session import RUNTIMES, open_model


def operators(file):
    return [node.op_type for node in onnx.load(file).graph.node]


def shapes(ports):
    return {port.name: [d.dim_param or d.dim_value for d in port.type.tensor_type.shape.dim] for port in ports}


def test_float32_equals_torch_at_every_size(kind, made):
    """At four batch sizes and lengths, from random states, affect is within 1e-5 of torch."""
    _, exported = made(kind, "fp32")
    assert set(exported.files) == {"fp32"}
    assert exported.away["fp32"].largest <= 1e-5


@pytest.mark.parametrize("kind", ["plain", "per-frame", "bottleneck, 7x7 stem, ImageNet"])
def test_float16_stays_close_and_halves_the_cnn(kind, made):
    """fp16 is within its own tolerance, smaller, and reads and answers float32 states and affect."""
    (_, large), (_, small) = made(kind, "fp32"), made(kind, "fp16")
    assert small.away["fp16"].largest <= 5e-3
    assert small.files["fp16"].stat().st_size < large.files["fp32"].stat().st_size
    model = onnx.load(small.files["fp16"])
    types = {p.name: p.type.tensor_type.elem_type for p in (*model.graph.input, *model.graph.output)}
    assert types.pop("frames") == onnx.TensorProto.UINT8
    assert set(types.values()) == {onnx.TensorProto.FLOAT}


def test_bfloat16_weights_are_legal_everywhere(made):
    """bf16 halves the encoder's weights, both CPU runtimes open it and answer alike, near what torch does."""
    (_, large), (_, small) = made("plain", "fp32"), made("plain", "bf16")
    assert small.away["bf16"].largest <= 3e-2
    kept = [t for t in onnx.load(small.files["bf16"]).graph.initializer if t.data_type == onnx.TensorProto.BFLOAT16]
    assert {tuple(t.dims) for t in kept} == {(8, 3, 3, 3), (12, 8, 3, 3), (8, 432)}
    frames = np.random.default_rng(0).integers(0, 256, (1, 9, 3, 24, 24), dtype=np.uint8)
    answers = [open_model(small.files["bf16"], runtime=runtime).clip(frames)[0] for runtime in RUNTIMES]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-5)
    assert small.files["bf16"].stat().st_size < large.files["fp32"].stat().st_size


def test_opset_and_version_are_pinned_and_told(made):
    """Every float flavour is of opset 20 and IR 10 and says so in the file: a newer exporter changes neither."""
    for to in ("fp32", "fp16", "bf16"):
        exported = made("plain", to)[1]
        for file in (*exported.files.values(), *exported.streams.values()):
            model = onnx.load(file)
            labels = {p.key: p.value for p in model.metadata_props}
            assert (labels["slimaffect.opset"], labels["slimaffect.ir"]) == ("20", "10")
            assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 20)]
            assert model.ir_version == 10


def test_a_batch_that_mixes_its_clips_is_refused(made):
    """Clips of one batch that know of each other are found, with both answers."""
    session = open_model(made("plain", "fp32")[1].files["fp32"], runtime="onnxruntime")
    mixed = replace(session, infer=lambda feed: [np.roll(part, 1, 0) for part in session.infer(feed)[:1]])
    with pytest.raises(ExportError, match="3 clips at once"):
        check_batches(mixed, "u8s8")


def test_batch_and_time_are_free_in_and_out(kind, made):
    """Every port names its free axes, and there is one LSTM node per layer, states only where there is an LSTM."""
    candidate, exported = made(kind, "fp32")
    model, layers = onnx.load(exported.files["fp32"]), candidate.model.spec.lstm.layers
    found = shapes(model.graph.input) | shapes(model.graph.output)
    assert found.pop("frames") == ["batch", "time", 3, 24, 24]
    assert found.pop("affect") == ["batch", "time", 2]
    assert found == {name: [layers, "batch", 8] for name in ("h", "c", "h_out", "c_out") if layers}
    assert [node.op_type for node in model.graph.node].count("LSTM") == layers


def test_what_costs_time_is_folded_away(made):
    """No batch norm is left, nor a division of each pixel where the net does not normalise."""
    assert not {"BatchNormalization", "Div"} & set(operators(made("plain", "fp32")[1].files["fp32"]))
    assert "Div" in operators(made("bottleneck, 7x7 stem, ImageNet", "fp32")[1].files["fp32"])


def test_same_model_gives_same_bytes(candidate, made, tmp_path):
    """Exported again from equal weights, a file is equal byte for byte, and names no folder of this machine."""
    first = made("plain", "fp32")[1].files["fp32"].read_bytes()
    second = export(candidate, tmp_path / "again").files["fp32"].read_bytes()
    assert first == second
    assert b"site-packages" not in first
    assert b"slimaffect/" not in first


def test_file_says_what_it_is(made):
    """The file carries spec, order of affect, rate and flavour."""
    candidate, exported = made("plain", "fp16")
    labels = {p.key: p.value for p in onnx.load(exported.files["fp16"]).metadata_props}
    assert labels["slimaffect.spec"] == candidate.model.spec.model_dump_json()
    assert labels["slimaffect.affect"] == "valence,arousal"
    assert labels["slimaffect.rate_hz"] == "12.5"
    assert labels["slimaffect.flavour"] == "fp16"


def test_candidate_stays_as_it_was(candidate, folder):
    """Exporting neither changes a weight nor leaves training mode."""
    candidate.model.train()
    before = {name: value.clone() for name, value in candidate.model.state_dict().items()}
    export(candidate, folder)
    assert candidate.model.training
    assert all(torch.equal(value, before[name]) for name, value in candidate.model.state_dict().items())


def test_another_model_is_told_from_the_file_with_both_values(candidate, made):
    """A file that answers otherwise than the model is refused, and the message holds both answers."""
    _, exported = made("plain", "fp32")
    session = open_model(exported.files["fp32"], runtime="onnxruntime")
    with pytest.raises(ExportError, match=r"(valence|arousal) is -?\d\.\d+ where -?\d\.\d+ is right; 1e-05 apart"):
        check_sizes(session, AffectNet(candidate.model.spec).eval(), "fp32")


def test_lost_state_is_found(made):
    """A file that forgets its state between frames is refused."""
    _, exported = made("plain", "fp32")
    session = open_model(exported.files["fp32"], runtime="onnxruntime")
    zeros = dict(zip("hc", session.zero_state(2), strict=True))
    forgetful = replace(session, infer=lambda feed: session.infer(feed | zeros))
    with pytest.raises(ExportError, match="frame by frame"):
        check_steps(forgetful, "fp32")


def test_frozen_time_is_refused(candidate):
    """A graph whose time has become a number is refused, with the port and its shape."""
    model = graph(candidate.model)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 5
    with pytest.raises(ExportError, match=r"frozen `frames`: its shape is \['batch', 5, 3, 24, 24\]"):
        check_graph(model, "fp32")


def test_invalid_graph_is_refused(candidate):
    """A graph that reads what nobody writes is refused."""
    model = graph(candidate.model)
    model.graph.node[-1].input[0] = "nowhere"
    with pytest.raises(ExportError, match="fp32 ONNX is not valid"):
        check_graph(model, "fp32")


def test_refused_file_is_not_written(candidate, folder):
    """When a check fails, nothing is left in the folder."""
    with torch.no_grad():
        candidate.model.head.weight[0, 0] = np.nan
    with pytest.raises(ExportError, match="nan"):
        export(candidate, folder)
    assert list(folder.iterdir()) == []
