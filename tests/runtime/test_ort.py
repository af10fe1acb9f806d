"""ONNX Runtime on a device: memory is laid out once, and nothing falls back in silence."""

import importlib.util
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from slimaffect.errors import BundleError
from slimaffect.runtime import device, ort
from slimaffect.runtime.bound import DeviceRequest, bound_on_device
from slimaffect.runtime.ort import load_onnxruntime, placed, refuse_fallback, refuse_mismatch
from slimaffect.runtime.session import open_model
from slimaffect.runtime.stream import Stream


def session_of(used, **nodes):
    """What a session tells: its providers, and which nodes each runs."""
    parts = [
        SimpleNamespace(ep_name=provider, get_nodes=lambda kinds=kinds: [SimpleNamespace(op_type=k) for k in kinds])
        for provider, kinds in nodes.items()
    ]
    return SimpleNamespace(get_providers=lambda: used, get_provider_graph_assignment_info=lambda: parts)


def test_a_provider_that_did_not_load_is_an_error():
    """ONNX Runtime would go on with the CPU; here it is told."""
    with pytest.raises(ValueError, match=r"CUDAExecutionProvider did not load, and CPUExecutionProvider would have"):
        refuse_fallback(session_of(["CPUExecutionProvider"]), "onnxruntime-cuda")


def test_arithmetic_on_the_cpu_is_an_error_and_shapes_are_not():
    """One convolution left to the CPU is told by name; what computes shapes may stay there."""
    used = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    refuse_fallback(
        session_of(used, CPUExecutionProvider=["Shape", "Concat"], CUDAExecutionProvider=["Conv"]), "onnxruntime-cuda"
    )
    with pytest.raises(ValueError, match=r"leaves 1 Conv, 2 LSTM to the CPU"):
        refuse_fallback(session_of(used, CPUExecutionProvider=["LSTM", "Conv", "LSTM"]), "onnxruntime-cuda")


def test_tensorrt_11_needs_a_newer_onnxruntime():
    """Both versions are in the message; TensorRT 10, or none, is no matter of versions."""
    refuse_mismatch("1.27.0", "11.5.0")
    refuse_mismatch("1.24.0", "10.12.0")
    refuse_mismatch("1.24.0", None)
    with pytest.raises(ValueError, match=r"TensorRT 11\.5\.0 needs ONNX Runtime 1\.27 or later, and 1\.24\.0 is"):
        refuse_mismatch("1.24.0", "11.5.0")


def test_placed_counts_real_nodes(files):
    """A real session tells each node's provider; one that cannot tell has none."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    session = onnxruntime.InferenceSession(files["fp32"], options, providers=["CPUExecutionProvider"])
    assert placed(session)["CPUExecutionProvider"]["LSTM"] == 1
    assert placed(SimpleNamespace()) == {}
    assert isinstance(placed(session)["CPUExecutionProvider"], Counter)


def test_clips_from_laid_out_memory_equal_the_plain_call(files, frames):
    """Sizes in turn, states carried on; an earlier answer is not overwritten. The CPU stands in for the device."""
    session, ports = load_onnxruntime(files["fp32"], 1)
    plain = open_model(files["fp32"], runtime="onnxruntime")
    bound = replace(plain, ports=ports, infer=DeviceRequest(session, "cpu"))
    first, state = bound.clip(frames[None, :10])
    kept = first.copy()
    rest, _ = bound.clip(frames[None, 10:50], state)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_allclose(np.concatenate([first, rest], 1), plain.clip(frames[None])[0], atol=1e-6)


def test_the_first_sizes_are_recorded(files, frames):
    """Three sizes of clip get a session of their own with all sizes fixed; a fourth is read by the common one."""
    session, _ = load_onnxruntime(files["fp32"], 1)
    asked = []

    def recorded(sizes):
        asked.append(sizes)
        return load_onnxruntime(files["fp32"], 1, sizes=sizes)[0], False  # a CPU records no graph

    infer = DeviceRequest(session, "cpu", recorded)
    plain = open_model(files["fp32"], runtime="onnxruntime")
    bound = replace(plain, infer=infer)
    for time in (4, 5, 6, 7, 4):
        np.testing.assert_allclose(bound.clip(frames[None, :time])[0], plain.clip(frames[None, :time])[0], atol=1e-6)
    assert asked == [{"batch": 1, "time": time} for time in (4, 5, 6)]


def test_what_cannot_be_recorded_is_read_without(files, monkeypatch):
    """A file that forbids a CUDA graph is loaded once more without one; a provider that is missing stays an error."""
    loads = []

    def load(file, threads, _runtime, *, graph=False, **_sizes):
        loads.append(graph)
        if graph:
            raise RuntimeError("cannot use the graph capture feature")
        return load_onnxruntime(file, threads)

    monkeypatch.setattr(ort, "load_onnxruntime", load)
    assert ort.load_recorded(files["fp32"], 1, "onnxruntime-cuda")[2] is False
    assert loads == [True, False]


def test_a_bound_stream_carries_and_forgets(files, frames):
    """States go to and fro between two places of the device, and a reset zeroes those, not the host's copy alone."""
    session, ports = load_onnxruntime(files["fp32 stream"], 1)
    truth, _ = open_model(files["fp32"], runtime="onnxruntime").clip(frames[None])
    stream = Stream(ports, lambda ways: bound_on_device(session, ways, "cpu"))
    for _ in range(2):
        np.testing.assert_allclose([stream.step(frame) for frame in frames[:9]], truth[0, :9], atol=1e-6)
        stream.reset()


@pytest.mark.skipif(device.capability() is not None, reason="there is a GPU")
@pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="onnxruntime is not installed")
@pytest.mark.parametrize("runtime", ["onnxruntime-cuda", "onnxruntime-tensorrt"])
def test_without_a_gpu_the_runtime_is_refused_in_a_sentence(files, runtime):
    """No CPU answer is passed off as a GPU's."""
    with pytest.raises(BundleError, match=rf"{runtime} cannot open this file: .*Provider"):
        open_model(files["fp32"], runtime=runtime)
