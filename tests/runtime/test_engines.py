"""Engines are opened only where hash, versions and GPU fit, and then answer as their ONNX file does."""

import hashlib
import importlib.util
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from slimaffect.errors import BundleError
from slimaffect.runtime import device, engines
from slimaffect.runtime.building import Built, Profile
from slimaffect.runtime.engines import Offer, Wanted, keep, open_engine
from slimaffect.runtime.session import open_model
from slimaffect.runtime.stream import Stream

sys.path.insert(0, str(Path(__file__).parent))
import simulated

TRT = simulated.tensorrt()


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    """Keep engines of these tests to themselves."""
    monkeypatch.setattr(engines, "cache_folder", lambda: tmp_path / "engines")


def sha(content):
    return hashlib.sha256(content).hexdigest()


def offered(folder, source, **other):
    """An engine of this ONNX file for the simulated GPU, and what is told of it."""
    plan = simulated.HEADER + str(source).encode()
    file = folder / "clip.fp32.engine"
    file.write_bytes(plan)
    about = {
        "builder": "tensorrt",
        "version": TRT.__version__,
        "capabilities": ["8.9"],
        "onnx_sha256": sha(source.read_bytes()),
    }
    return Offer(file, sha(plan), about | other)


def opened(source, offers, said=None):
    return open_engine(
        source,
        "tensorrt",
        offers=offers,
        complain=(said if said is not None else []).append,
        device=simulated.HostDevice(),
        trt=TRT,
    )


def test_an_engine_answers_as_its_file(files, frames, tmp_path):
    """Clips of several sizes, states in and out, and earlier answers stay as they were."""
    engine = opened(files["fp32"], [offered(tmp_path, files["fp32"])])
    truth = open_model(files["fp32"], runtime="onnxruntime")
    session = replace(truth, ports=engine.ports, infer=engine.infer)
    first, state = session.clip(frames[None, :8])
    kept = first.copy()
    later, _ = session.clip(frames[None, 8:20], state)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_allclose(np.concatenate([first, later], 1), truth.clip(frames[None, :20])[0], atol=1e-6)


def test_a_stream_keeps_its_state_on_the_device(files, frames, tmp_path):
    """Frame by frame it equals the clip; after a reset it begins anew; its launches are recorded once for each way."""
    gpu = simulated.HostDevice()
    engine = open_engine(files["fp32"], "tensorrt", offers=[offered(tmp_path, files["fp32"])], device=gpu, trt=TRT)
    truth, _ = open_model(files["fp32"], runtime="onnxruntime").clip(frames[None])
    stream = Stream(engine.ports, engine.bind)
    for _ in range(2):
        np.testing.assert_allclose([stream.step(frame) for frame in frames], truth[0], atol=1e-6)
        stream.reset()
    assert gpu.recordings == 2


def test_a_size_outside_the_profile_is_refused_with_the_range(files, tmp_path):
    """Sixty-five frames where 64 are allowed: the message has both, and what to do."""
    engine = opened(files["fp32"], [offered(tmp_path, files["fp32"])])
    session = replace(open_model(files["fp32"], runtime="onnxruntime"), infer=engine.infer)
    with pytest.raises(BundleError, match=r"time 65 where 1 to 64 is allowed.*slim export"):
        session.clip(np.zeros((1, 65, 3, 16, 16), np.uint8))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"version": "10.12.0"}, r"is of tensorrt 10.12.0, and 11.5.0 is installed"),
        ({"capabilities": ["9.0"]}, r"was built for 9.0, and this GPU is 8.9"),
        ({"onnx_sha256": "0" * 64}, r"was built of another ONNX file \(000000000000"),
    ],
)
def test_an_engine_that_does_not_fit_is_rebuilt_with_a_message(files, tmp_path, monkeypatch, other, words):
    """Another version, another GPU, another file: it is not deserialised, and a sentence says what happens instead."""
    unfit, said = offered(tmp_path, files["fp32"], **other), []
    unfit.file.write_bytes(b"what would crash a parser")
    plan = simulated.HEADER + str(files["fp32"]).encode()
    monkeypatch.setattr(engines, "build", lambda *_, **__: Built(plan, [("a", "convolution", "float")]))
    assert opened(files["fp32"], [replace(unfit, sha256=sha(unfit.file.read_bytes()))], said).ports.pixels == 16
    assert len(said) == 1
    assert re.search(words + ".*built anew", said[0])
    again = []
    monkeypatch.setattr(engines, "build", lambda *_, **__: pytest.fail("built a second time"))
    opened(files["fp32"], [], again)
    assert again == []


def test_an_altered_engine_is_never_deserialised(files, tmp_path):
    """One flipped bit: the hash differs, and the reason says so."""
    offer = offered(tmp_path, files["fp32"])
    content = bytearray(offer.file.read_bytes())
    content[3] ^= 1
    offer.file.write_bytes(content)
    wanted = Wanted("tensorrt", TRT.__version__, "8.9", sha(files["fp32"].read_bytes()))
    assert "was altered" in wanted.unfit(offer)


def test_an_engine_built_here_is_found_again(files, tmp_path):
    """What is kept says all that fits must say; an engine whose record broke off is none."""
    source = files["fp32"]
    wanted = Wanted("tensorrt", TRT.__version__, "8.9", sha(source.read_bytes()))
    place = engines.cache_folder() / "a.engine"
    place.parent.mkdir()
    assert wanted.unfit(keep(Built(b"plan", []), place, wanted)) == ""
    assert wanted.unfit(replace(keep(Built(b"plan", []), place, wanted), file=tmp_path / "gone")).endswith("is gone")


def test_a_plan_that_is_refused_says_why(files, tmp_path):
    """TensorRT answers None without an exception; the message holds its last words."""
    offer = offered(tmp_path, files["fp32"])
    offer.file.write_bytes(b"other plan")
    with pytest.raises(ValueError, match="opens no engine here: the plan is not of this version"):
        opened(files["fp32"], [replace(offer, sha256=sha(b"other plan"))])


@pytest.mark.skipif(device.capability() is not None, reason="there is a GPU")
@pytest.mark.skipif(importlib.util.find_spec("tensorrt_rtx") is None, reason="tensorrt-rtx-cu13 is not installed")
def test_without_a_gpu_the_runtime_says_so(files):
    """An engine cannot run here, and the sentence says what is missing."""
    with pytest.raises(BundleError, match="tensorrt_rtx cannot open this file: it needs a CUDA device"):
        open_model(files["fp32"], runtime="tensorrt_rtx")


def test_rtx_keeps_what_it_compiled(files, frames, tmp_path):
    """The first run leaves its kernels in the cache folder, the next process begins with them."""
    rtx = simulated.tensorrt("1.7.1", "tensorrt_rtx")
    offer = offered(tmp_path, files["fp32"], builder="tensorrt_rtx", version="1.7.1")
    for known in (b"", b"kernels of this GPU"):
        simulated.Settings.given = b""
        engine = open_engine(files["fp32"], "tensorrt_rtx", offers=[offer], device=simulated.HostDevice(), trt=rtx)
        assert simulated.Settings.given == known
        stream = Stream(engine.ports, engine.bind)
        stream.step(frames[0])
    assert [file.read_bytes() for file in engines.cache_folder().glob("*.compiled")] == [b"kernels of this GPU"]


def test_hopper_is_told_what_runs_there(files):
    """TensorRT-RTX does not run on data-centre GPUs; the message names what does."""
    hopper = simulated.HostDevice()
    hopper.capability = "9.0"
    with pytest.raises(ValueError, match=r"this GPU is 9.0. Use tensorrt or onnxruntime-cuda"):
        open_engine(files["fp32"], "tensorrt_rtx", device=hopper, trt=TRT)


def test_a_profile_tells_its_range():
    """Batch and time outside are told with what is allowed; a stream graph's sizes are its own."""
    assert Profile().refusal(1, 16) == ""
    assert Profile().refusal(8, 100) == "batch 8 where 1 to 4 is allowed and time 100 where 1 to 64 is allowed"
    assert Profile().shapes("frames", (1, 1, 3, 48, 48)) == [(1, 1, 3, 48, 48)] * 3
    assert Profile().shapes("h", (1, 1, 16)) == [(1, 1, 16)] * 3


@pytest.mark.gpu
@pytest.mark.skipif(device.capability() is None, reason="needs a CUDA device")
@pytest.mark.parametrize("runtime", ["onnxruntime-cuda", "onnxruntime-tensorrt", "tensorrt", "tensorrt_rtx"])
def test_a_gpu_answers_as_the_cpu(files, frames, runtime):
    """On a real GPU: clip and stream within 1e-4 of the CPU, by every runtime that is installed and fits."""
    from slimaffect.runtime.stream import open_stream

    truth, _ = open_model(files["fp32"], runtime="onnxruntime").clip(frames[None])
    try:
        session = open_model(files["fp32"], runtime=runtime)
    except BundleError as fault:
        pytest.skip(str(fault))
    np.testing.assert_allclose(session.clip(frames[None])[0], truth, atol=1e-4)
    stream = open_stream(files["fp32 stream"], runtime=runtime)()
    np.testing.assert_allclose([stream.step(frame) for frame in frames], truth[0], atol=1e-4)
