"""A stream carries its state for hours, answers as the clip graph does, and needs no memory of its own per frame."""

import tracemalloc

import numpy as np
import pytest

from slimaffect.errors import BundleError
from slimaffect.runtime.session import RUNTIMES, open_model
from slimaffect.runtime.stream import open_stream

KINDS = ("fp32", "u8s8", "per-frame")


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("kind", KINDS)
def test_stream_graph_equals_clip_graph(files, frames, kind, runtime):
    """Every kind of file, in every runtime: frame by frame as the clip graph at once, to 1e-5; reset begins anew."""
    at_once, _ = open_model(files[kind], runtime=runtime).clip(frames[None])
    stream = open_stream(files[f"{kind} stream"], runtime=runtime)()
    for _ in range(2):
        np.testing.assert_allclose([stream.step(frame) for frame in frames], at_once[0], atol=1e-5)
        stream.reset()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_ten_thousand_frames_do_not_drift(files, runtime):
    """After 10,000 frames, a quarter of an hour at 12.5 a second, float32 is still within 1e-4 of the clip graph."""
    pixels = np.random.default_rng(3).integers(0, 256, (10_000, 3, 16, 16), dtype=np.uint8)
    stream = open_stream(files["fp32 stream"], runtime=runtime)()
    steps = np.array([stream.step(frame) for frame in pixels])
    at_once = open_model(files["fp32"], runtime=runtime).recording(pixels)
    assert np.abs(steps - at_once).max() < 1e-4


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.usefixtures("unchecked")
def test_a_frame_leaves_no_memory_behind(files, frames, runtime):
    """A thousand frames hold no more Python and numpy memory than one, and never 4 kB at a time.

    Other threads of the process are counted as well, so the quietest of three rounds says what a stream does.
    """
    stream = open_stream(files["fp32 stream"], runtime=runtime)()
    for frame in frames:
        stream.step(frame)
    left = []
    for _ in range(3):
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1000):
            stream.step(frames[number % len(frames)])
        after, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        left.append((after - before, peak - before))
    held, most = min(left)
    assert held < 1000
    assert most < 4000


@pytest.mark.usefixtures("unchecked")
def test_other_frames_are_refused_with_both_shapes(files):
    """Floats, and faces of another size, are refused: what the stream reads, and what it was given."""
    stream = open_stream(files["fp32 stream"], runtime="onnxruntime")()
    for wrong in (np.zeros((3, 16, 16), np.float32), np.zeros((3, 20, 20), np.uint8), np.zeros((16, 16, 3), np.uint8)):
        with pytest.raises(BundleError, match=r"reads uint8 \[3, 16, 16\].*it was given"):
            stream.step(wrong)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_garbage_is_no_stream(tmp_path, runtime):
    """A file that is no ONNX is refused in the runtime's name."""
    (tmp_path / "stream.onnx").write_bytes(b"no model")
    with pytest.raises(BundleError, match=f"{runtime} cannot open this file"):
        open_stream(tmp_path / "stream.onnx", runtime=runtime)
