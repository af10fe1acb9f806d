"""The stream graph is the clip graph for one frame: no loop, all sizes numbers, the same answers."""

import numpy as np
import onnx
import pytest
import torch

from slimaffect.errors import ExportError
from slimaffect.export.onnx import check_stream, torch_answer
from slimaffect.export.stream import stream_graph
from slimaffect.runtime.session import open_model

PRECISIONS = {"fp32": ("fp32",), "fp16": ("fp16",), "bf16": ("bf16",), "int8": ("u8s8", "s8s8")}
PAIRS = [
    ("plain", "onnxruntime"), ("plain", "openvino"), ("residual, 2 layers", "openvino"), ("per-frame", "openvino")
]  # fmt: skip
MANY = 60


def operators(file):
    return [node.op_type for node in onnx.load(file).graph.node]


@pytest.mark.parametrize("to", PRECISIONS)
@pytest.mark.parametrize(("kind", "runtime"), PAIRS)
def test_frame_by_frame_equals_the_clip_graph(kind, made, to, runtime):
    """Nets with one, two and no LSTM layers, any precision, either runtime: 60 frames within 1e-5 of the clip graph.

    The export itself holds every kind of net to the same in ONNX Runtime. In int8 OpenVINO may add up in another order
    for one frame than for many, and a sum on the edge of two levels then falls on the other one: a frame in twenty may.
    """
    exported = made(kind, to)[1]
    frames = np.random.default_rng(7).integers(0, 256, (1, MANY, 3, 24, 24), dtype=np.uint8)
    assert set(exported.streams) == set(PRECISIONS[to])
    for flavour, file in exported.streams.items():
        at_once, _ = open_model(exported.files[flavour], runtime=runtime).clip(frames)
        stream, state, steps = open_model(file, runtime=runtime), None, []
        for index in range(MANY):
            step, state = stream.clip(frames[:, index : index + 1], state)
            steps.append(step[0, 0])
        apart = np.abs(np.array(steps) - at_once[0]).max(1)
        elsewhere = apart > 1e-5
        assert elsewhere.mean() <= (0.05 if to == "int8" and runtime == "openvino" else 0)
        assert apart.max() < 1e-3


def test_float32_equals_torch(kind, made):
    """One frame after another from a random state, affect is within 1e-5 of what torch answers to the whole clip."""
    candidate, exported = made(kind, "fp32")
    frames = np.random.default_rng(8).integers(0, 256, (1, MANY, 3, 24, 24), dtype=np.uint8)
    stream, layers = open_model(exported.streams["fp32"], runtime="onnxruntime"), candidate.model.spec.lstm.layers
    torch.manual_seed(0)
    state = tuple(torch.randn(layers, 1, 8).numpy() for _ in "hc") if layers else None
    truth, _ = torch_answer(candidate.model.eval(), frames, state)
    steps = []
    for index in range(MANY):
        step, state = stream.clip(frames[:, index : index + 1], state)
        steps.append(step[0, 0])
    np.testing.assert_allclose(steps, truth[0], atol=1e-5)


def test_gates_are_products_without_a_loop(kind, made):
    """No LSTM node, loop or shape arithmetic is left; there is one more Gemm per layer; every size is a number."""
    candidate, exported = made(kind, "fp32")
    clip, stream = operators(exported.files["fp32"]), operators(exported.streams["fp32"])
    assert not {"LSTM", "Loop", "Scan", "Shape", "Transpose", "Squeeze"} & set(stream)
    assert stream.count("Gemm") == clip.count("Gemm") + candidate.model.spec.lstm.layers
    graph = onnx.load(exported.streams["fp32"]).graph
    for port in (*graph.input, *graph.output):
        assert all(axis.dim_value > 0 for axis in port.type.tensor_type.shape.dim)


def test_ports_are_those_of_the_clip_graph(kind, made):
    """Names, types and number of axes are the clip graph's: what feeds one feeds the other."""
    _, exported = made(kind, "fp32")
    clip, stream = (onnx.load(file).graph for file in (exported.files["fp32"], exported.streams["fp32"]))

    def facts(ports):
        return [(p.name, p.type.tensor_type.elem_type, len(p.type.tensor_type.shape.dim)) for p in ports]

    assert facts(stream.input) == facts(clip.input)
    assert facts(stream.output) == facts(clip.output)


def test_the_clip_graph_is_not_changed_and_bytes_repeat(made):
    """The given graph stays as it was, and made twice the stream graph is equal byte for byte."""
    clip = onnx.load(made("residual, 2 layers", "fp32")[1].files["fp32"])
    before = clip.SerializeToString(deterministic=True)
    first, second = (stream_graph(clip).SerializeToString(deterministic=True) for _ in range(2))
    assert first == second
    assert clip.SerializeToString(deterministic=True) == before


def test_a_stream_of_another_model_is_refused(made, tmp_path):
    """A stream graph that answers otherwise than its clip graph is refused with both values."""
    exported = made("plain", "fp32")[1]
    model = onnx.load(exported.streams["fp32"])
    bias = next(tensor for tensor in model.graph.initializer if tensor.name.endswith(".bias") and len(tensor.dims) == 1)
    bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + np.float32(0.5), bias.name))
    onnx.save(model, tmp_path / "stream.onnx")
    stream, clip = (open_model(f, runtime="onnxruntime") for f in (tmp_path / "stream.onnx", exported.files["fp32"]))
    with pytest.raises(ExportError, match=r"fp32 stream ONNX: (valence|arousal) is -?\d\.\d+ where -?\d\.\d+ is right"):
        check_stream(stream, clip, "fp32")
