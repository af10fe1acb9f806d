"""Facts of real exported files, and the choice among them."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from slimaffect.errors import RunError
from slimaffect.export.graph import graph
from slimaffect.measure.contenders import agreeing, clip_reader, fastest, pairs
from slimaffect.measure.facts import file_facts, peak_memory_mb
from slimaffect.measure.latency import measure_clips
from slimaffect.measure.peak import core_gflops
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn
from slimaffect.runtime.session import open_model


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A small spec and its file."""
    torch.manual_seed(0)
    spec = ModelSpec(pixels=16, cnn=PlainCnn(widths=(8,)), features=8, lstm=Lstm(hidden=8))
    file = tmp_path_factory.mktemp("facts") / "clip.fp32.onnx"
    onnx.save(graph(AffectNet(spec)), file)
    return spec, file


def test_facts_of_a_file(exported):
    """Megabytes are those on disk; parameters are at most the numbers that the file holds."""
    spec, file = exported
    facts = file_facts(file, spec)
    assert facts.size_mb == file.stat().st_size / 1e6
    held = sum(np.prod(tensor.dims) for tensor in onnx.load(file).graph.initializer)
    assert facts.parameters == pytest.approx(held, rel=0.05)  # batch norm is folded in the file
    assert facts.macs_per_frame > 0


def test_peak_memory_is_of_the_fresh_process(exported):
    """The mark is that of the runtime's own process: far below this one, which holds torch, and above numpy alone."""
    _, file = exported
    ballast = np.ones(80_000_000, np.uint8)
    assert 20 < peak_memory_mb(file, "onnxruntime") < 250
    assert ballast.any()


def test_a_core_has_a_peak():
    """More than a core of long ago and less than any of today, in 1e9 operations a second."""
    assert 1 < core_gflops() < 1000


def test_failing_process_is_told(tmp_path):
    """A file that cannot be opened is an error with the runtime's reason."""
    with pytest.raises(RunError, match="there is no such file"):
        peak_memory_mb(tmp_path / "gone.onnx", "onnxruntime")


def test_real_files_compete(exported):
    """Both runtimes run the file, are timed, and one of them is chosen."""
    _, file = exported
    found = pairs({"fp32": file}, ["fp32"])
    assert {runtime for _, runtime in found} == {"openvino", "onnxruntime"}
    told = measure_clips({str(pair): clip_reader(file, pair[1], frames=4) for pair in found}, budget_s=0.5)
    assert fastest({pair: told[str(pair)].cpu_s_per_clip for pair in found}) in found


def test_who_answers_otherwise_does_not_compete(exported, monkeypatch):
    """A runtime that answers 0.2 beside ONNX Runtime is left out with both numbers, however fast it is."""
    _, file = exported
    clips = [np.random.default_rng(0).integers(0, 256, (2, 6, 3, 16, 16), dtype=np.uint8)]
    competing = pairs({"fp32": file}, ["fp32"])
    assert agreeing({"fp32": file}, competing, clips) == (competing, [])

    def overflowing(path, *, runtime):
        session = open_model(path, runtime=runtime)
        if runtime == "onnxruntime":
            return session
        return replace(session, infer=lambda feed: [part + 0.2 for part in session.infer(feed)])

    monkeypatch.setattr("slimaffect.measure.contenders.open_model", overflowing)
    agree, (left_out,) = agreeing({"fp32": file}, competing, clips)
    assert agree == [("fp32", "onnxruntime")]
    assert (left_out.file, left_out.runtime, left_out.allowed) == ("fp32", "openvino", 1e-4)
    assert left_out.away == pytest.approx(0.2, abs=1e-3)


def test_least_cpu_time_wins():
    """The choice goes by CPU time, which other work on the machine hardly moves."""
    assert fastest({("fp32", "onnxruntime"): 0.002, ("u8s8", "openvino"): 0.001}) == ("u8s8", "openvino")
