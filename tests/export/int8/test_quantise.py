"""int8: two files from one calibration, each as its side wants it."""

from collections import Counter
from dataclasses import replace

import numpy as np
import onnx
import pytest

from slimaffect.errors import ExportError
from slimaffect.export import export
from slimaffect.export.graph import graph
from slimaffect.export.int8 import quantise, spread
from slimaffect.runtime.session import open_model
from slimaffect.train.candidate import Precision

INT8 = Precision(to="int8", calibration_clips=12)


def constants(model):
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def rounded(model):
    """Types of everything that a QuantizeLinear or DequantizeLinear reads as constant, and all zero points."""
    held = constants(model)
    nodes = [node for node in model.graph.node if node.op_type in {"QuantizeLinear", "DequantizeLinear"}]
    zeros = [held[node.input[2]] for node in nodes if len(node.input) > 2]
    weights = [held[node.input[0]] for node in nodes if node.input[0] in held]
    return zeros, weights


def test_int8_stays_near_torch_on_real_clips(kind, made):
    """Both files stay within 0.1 of torch on clips, for every kind of net, and the error is on record."""
    _, exported = made(kind, "int8")
    assert set(exported.files) == {"u8s8", "s8s8"}
    for away in exported.away.values():
        assert 0 < away.rms <= away.largest < 0.1
        assert away.compared.endswith("clips")
    assert exported.cpu_files == ("u8s8",)


def test_two_products_fit_into_sixteen_bits(kind, made):
    """CPUs without VNNI add two products of bytes in 16 bits: no weight is larger than 64, so no sum saturates."""
    for file in made(kind, "int8")[1].files.values():
        weights = [values for values in rounded(onnx.load(file))[1] if values.dtype == np.int8]
        assert weights
        assert max(int(np.abs(values.astype(int)).max()) for values in weights) == 64
    assert np.iinfo(np.int16).max >= 2 * 255 * 64


def test_cpu_file_reads_pixels_as_they_are(made):
    """The CPU file has no cast: its first convolution takes the uint8 planes; a net that normalises keeps its cast."""
    model = onnx.load(made("plain", "int8")[1].files["u8s8"])
    assert "Cast" not in {node.op_type for node in model.graph.node}
    normalising = onnx.load(made("bottleneck, 7x7 stem, ImageNet", "int8")[1].files["u8s8"])
    assert "Cast" in {node.op_type for node in normalising.graph.node}


def test_gpu_file_is_symmetric_without_int32(kind, made):
    """The TensorRT file holds int8 only, every zero point is 0, and no bias is quantised."""
    zeros, weights = rounded(onnx.load(made(kind, "int8")[1].files["s8s8"]))
    assert {array.dtype for array in (*zeros, *weights)} == {np.dtype(np.int8)}
    assert not any(array.any() for array in zeros)


def test_cpu_file_is_unsigned_by_signed_per_channel(made):
    """The CPU file has u8 activations and s8 weights with one step per channel."""
    zeros, weights = rounded(onnx.load(made("plain", "int8")[1].files["u8s8"]))
    assert {array.dtype for array in weights} == {np.dtype(np.int8), np.dtype(np.int32)}
    assert any(array.dtype == np.uint8 for array in zeros)
    assert any(array.dtype == np.int8 and array.size > 1 for array in zeros)


@pytest.mark.parametrize("flavour", ["u8s8", "s8s8"])
def test_answer_is_not_on_a_grid(made, flavour):
    """The head stays float32: answers take more than the 256 levels of a quantised one."""
    _, exported = made("plain", "int8")
    session = open_model(exported.files[flavour], runtime="onnxruntime")
    frames = np.random.default_rng(5).integers(0, 256, (8, 100, 3, 24, 24), dtype=np.uint8)
    assert len(np.unique(session.clip(frames)[0])) > 512


def test_calibration_clips_are_spread(candidate):
    """Nine clips of three sites and six subjects: three per site, and never one subject before another of its site."""
    clips = candidate.clips
    picked = spread(clips, 9, seed=1)
    recordings = [clips.recordings[clips.windows[index, 0]] for index in picked]
    assert Counter(r.site for r in recordings) == {"site0": 3, "site1": 3, "site2": 3}
    assert sorted(Counter(r.subject for r in recordings).values()) == [1, 1, 1, 2, 2, 2]
    assert len(set(picked.tolist())) == 9
    assert spread(clips, 10_000, seed=1).size == len(clips)


def test_same_seed_same_files(candidate):
    """Calibrated again with the same seed on the same clips, the files are equal byte for byte."""
    model = graph(candidate.model)
    first, second = (quantise(model, candidate.clips, INT8, seed=0) for _ in range(2))
    for flavour, model in first.items():
        assert model.SerializeToString(deterministic=True) == second[flavour].SerializeToString(deterministic=True)


def test_no_clip_no_int8(candidate):
    """Without a clip to calibrate on, int8 is refused with the numbers."""
    with pytest.raises(ExportError, match="0 were given and 12 asked for"):
        quantise(onnx.ModelProto(), candidate.clips.pick([]), INT8, seed=0)


def test_nothing_is_printed(candidate, folder, capfd):
    """Exporting and quantising say nothing of their own on either stream."""
    export(replace(candidate, precision=Precision(to="int8", calibration_clips=4)), folder)
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", "")


def test_both_files_round_at_the_same_places(kind, made):
    """The TensorRT file rounds nothing between a layer and its ReLU, and no more activations than the CPU file."""
    _, exported = made(kind, "int8")
    rounding = {
        flavour: sum(node.op_type == "QuantizeLinear" for node in onnx.load(exported.files[flavour]).graph.node)
        for flavour in ("u8s8", "s8s8")
    }
    assert rounding["s8s8"] <= rounding["u8s8"] + 1  # the planes, which the CPU file reads as they are
    model = onnx.load(exported.files["s8s8"])
    makers = {name: node.op_type for node in model.graph.node for name in node.output}
    assert not [n for n in model.graph.node if n.op_type == "Relu" and makers[n.input[0]] == "DequantizeLinear"]


def test_a_kept_layer_reads_its_own_weights(candidate):
    """A kept layer has no rounded weight in either file; the stem may be kept too, and then the planes are cast."""
    for kept in (("cnn.blocks.1.conv",), ("cnn.blocks.0.conv",)):
        files = quantise(graph(candidate.model), candidate.clips, INT8.model_copy(update={"kept": kept}), seed=0)
        for model in files.values():
            held = constants(model)
            assert f"encoder.{kept[0]}.weight" in held
            assert f"encoder.{kept[0]}.weight_quantized" not in held
            assert "encoder.bottleneck.weight_quantized" in held


def test_unknown_layers_and_ranges_are_refused(candidate):
    """With their names and those that there are."""
    model = graph(candidate.model)
    with pytest.raises(ExportError, match=r"keeps the layers cnn\.nowhere, .* it has bottleneck, cnn\.blocks\.0\.conv"):
        quantise(model, candidate.clips, INT8.model_copy(update={"kept": ("cnn.nowhere",)}), seed=0)
    with pytest.raises(ExportError, match="learned ranges of relu_77"):
        quantise(model, candidate.clips, INT8.model_copy(update={"learned": {"relu_77": (0.0, 1.0)}}), seed=0)


def test_every_choice_gives_files_that_answer(candidate, tmp_path):
    """All choices together: other ranges than the extremes, equalised, corrected; within 0.1 of torch on clips."""
    chosen = {"ranges": "mse", "equalise": True, "correct_bias": True}
    away = export(replace(candidate, precision=INT8.model_copy(update=chosen)), tmp_path).away
    assert max(found.largest for found in away.values()) < 0.1
