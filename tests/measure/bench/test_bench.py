"""The bench end to end on real files, in this process and in a fresh one; figures of one kind, from the same runs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from slimaffect.errors import BundleError, EnergyError, NotComparable
from slimaffect.measure.bench.bench import assemble, bench
from slimaffect.measure.bench.contention import Load, contention, load_now
from slimaffect.measure.bench.entries import Setting, entries_of, open_entry
from slimaffect.measure.bench.process import TWIN, Job, measure
from slimaffect.measure.bench.schedule import Schedule
from slimaffect.measure.bench.show import bench_table, sentences
from slimaffect.meter.carbon import Intensity
from slimaffect.meter.counter import CounterFacts

SMALL = {"warm_s": 0.01}


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """A small ONNX file that is not ours: a product of what it is given."""
    path = tmp_path_factory.mktemp("foreign") / "other.onnx"
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "other",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 64])],
        [helper.make_tensor("w", TensorProto.FLOAT, [64, 64], np.ones((64, 64), np.float32).ravel())],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def measured_of(file, scenario="clip", seconds=0.1):
    entries = entries_of([file, file])
    setting = Setting(scenario, batch=4)
    job = Job(tuple(entries), setting, seconds, number=1, **SMALL)
    return entries, setting, [measure(job, counters=()) for _ in range(5)]


def test_equal_names_are_told_apart_and_others_are_refused(file, tmp_path):
    """The same file twice has two names; what is no bundle and no ONNX file says so."""
    assert [entry.name for entry in entries_of([file, file])] == ["other #1", "other #2"]
    assert entries_of([file])[0].runtime is None
    with pytest.raises(BundleError, match=r"is no bundle .* and no \.onnx file"):
        entries_of([tmp_path])
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    with pytest.raises(BundleError, match="ONNX Runtime cannot run this file on random inputs"):
        open_entry(entries_of([broken])[0], Setting())


def test_a_record_for_each_entry_from_the_same_windows(file):
    """Latency and joules count the same runs; joules without a counter are modelled, with their band, and no idle."""
    entries, setting, measured = measured_of(file)
    told = assemble(entries, setting, measured, carbon=Intensity(400, 2024, "given"))
    first, second = told.records
    assert first.latency_ms["n"] == first.identity.units
    assert first.origin.provenance == "modelled"
    assert first.uncertainty.model_factor == (0.4, 2.5)
    assert first.totals.joules_idle is None
    assert first.mj_per_unit_above_idle is None
    assert first.mj_per_unit.n_processes == 5
    assert first.carbon.co2e_g == pytest.approx(first.totals.joules_total / 3.6e6 * 400)
    assert first.identity.model_sha256 == second.identity.model_sha256
    assert [one.name for one in told.comparisons] == ["other #2"]
    assert told.null.name == TWIN
    assert len(sentences(told)) == 1
    assert bench_table(told).row_count == 2


def test_units_are_clips_whatever_the_batch(file):
    """A batch of four is four clips: CPU time is told for one of them."""
    entries, setting, measured = measured_of(file, "offline", seconds=0.02)
    told = assemble(entries, setting, measured)
    assert told.records[0].identity.units == 4 * told.records[0].latency_ms["n"]
    assert told.as_dict()["schema"] == "slimaffect.energy/1"


def test_a_counter_lost_in_one_entry_is_not_compared(file):
    """Joules of one entry measured and of the other missing: refused, not compared."""
    entries, setting, measured = measured_of(file, seconds=0.02)
    for one in measured:
        read = CounterFacts("cpu:package-0", "rapl", "measured", "package", update_s=0.0, rel_sys=0.05, flags=())
        object.__setattr__(one, "counters", (read,))
        lost = one.taken["other #2"]
        lost.windows = [replace(w, joules={}, missing={"cpu:package-0": "it was reset"}) for w in lost.windows]
    with pytest.raises(NotComparable, match="provenance: measured and missing"):
        assemble(entries, setting, measured)


def test_a_stream_is_paced(file):
    """Frames come at their rate: one window of a second holds some 30, and its duty cycle is small."""
    run = open_entry(entries_of([file])[0], Setting("stream30"))
    assert isinstance(run, Schedule)
    for _ in range(4):
        run()
    assert len(run.late_ms) == 4
    assert run.busy_s < 0.1


def test_fresh_processes_are_started_and_measured_joules_can_be_required(file, tmp_path):
    """One fresh process measures and brings its record home; where joules must be measured and are not, it says so."""
    entries = entries_of([file])
    told = bench(entries, Setting(), seconds=0.05, processes=1, warm_s=0.01)
    told.write(tmp_path / "bench.json")
    assert (tmp_path / "bench.json").stat().st_size > 500
    assert told.null.said == "too few processes"
    if told.records[0].origin.provenance == "modelled":
        with pytest.raises(EnergyError, match="--require measured: no energy counter can be read here"):
            bench(entries, Setting(), seconds=0.05, processes=1, warm_s=0.01, require_measured=True)


def test_contention_is_flagged():
    """Waiting for a core, a host that takes it away, or a core half used: each raises its flag; pacing does not."""
    calm = Load(0.0, 0.0, 0.0, 0.0, 0.0, 0)
    assert contention(calm, Load(10, 9.9, 0.1, 0.0, 0.1, 5))[1] == ()
    assert contention(calm, Load(10, 9.9, 1.0, 0.0, 0.1, 5))[1] == ("contended",)
    assert contention(calm, Load(10, 5.0, None, None, None, None))[1] == ("contended",)
    assert contention(calm, Load(10, 1.0, 0.0, 0.0, 0.0, 0), paced=True)[1] == ()
    assert contention(calm, Load(10, 9.9, 0.0, 1.0, 0.0, 0))[1] == ("cpu_stolen",)


def test_the_system_tells_its_load(tmp_path):
    """Counts are read where the system has them, and are None where it has not."""
    (tmp_path / "self").mkdir()
    (tmp_path / "pressure").mkdir()
    (tmp_path / "self/schedstat").write_text("1000 2500000000 7\n")
    (tmp_path / "self/status").write_text("Name:\tx\nnonvoluntary_ctxt_switches:\t42\n")
    (tmp_path / "pressure/cpu").write_text("some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\n")
    (tmp_path / "stat").write_text("cpu  1 2 3 4 5 6 7 800 0 0\n")
    told = load_now(tmp_path)
    assert (told.waited_s, told.pressed_s, told.switches) == (2.5, 1.5, 42)
    assert told.stolen_s > 0
    nothing = load_now(tmp_path / "none")
    assert (nothing.waited_s, nothing.stolen_s, nothing.pressed_s, nothing.switches) == (None,) * 4
