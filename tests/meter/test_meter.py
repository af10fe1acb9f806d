"""Joules say where they come from, and what was not measured is missing, never 0."""

import ctypes.util
import subprocess
import sys
import time

import pytest

from slimaffect.meter import Meter, Nvml, machine_cpu_s, of_rank, tree_cpu_s
from slimaffect.meter.rapl import rapl_counters


class Clocks:
    """Wall, process and machine time that move when told."""

    def __init__(self):
        self.wall = self.cpu = self.busy = 0.0

    def run(self, seconds, threads=1, neighbours=0):
        self.wall += seconds
        self.cpu += seconds * threads
        self.busy += seconds * (threads + neighbours)

    def meter(self, counters=(), **more):
        return Meter(
            counters=counters,
            clock=lambda: self.wall,
            cpu_clock=lambda: self.cpu,
            busy_clock=lambda: self.busy,
            **more,
        )


class FakeCounter:
    """A counter of a machine of known power."""

    provenance, scope, update_s, rel_sys, flags = "measured", "package", 0.0, 0.05, ()

    def __init__(self, domain, source="rapl"):
        self.domain, self.source, self.joules = domain, source, 1000.0

    def read_j(self):
        return self.joules


def zone(powercap, folder, name, joules, wrap=262_143):
    made = powercap / folder
    made.mkdir(parents=True)
    (made / "name").write_text(name + "\n")
    (made / "energy_uj").write_text(f"{int(joules * 1e6)}\n")
    (made / "max_energy_range_uj").write_text(f"{int(wrap * 1e6)}\n")
    return made / "energy_uj"


def test_without_a_counter_joules_are_modelled_with_a_band():
    """Ten CPU-seconds are 40 J, called modelled, somewhere between 16 and 100 J."""
    clocks = Clocks()
    with clocks.meter() as meter:
        clocks.run(5, threads=2)
    told = meter.read().as_dict()
    assert (told["seconds"], told["cpu_s"], told["joules"]) == (5, 10, 40)
    assert told["provenance"] == "modelled"
    assert told["interval"] == [16, 100]
    assert told["source"] == "cpu_seconds_model"


def test_power_and_band_are_the_users():
    """A calibrated machine has its own power and a narrower band."""
    clocks = Clocks()
    meter = clocks.meter(watts_per_thread=10, band=(0.8, 1.2)).start()
    clocks.run(1)
    assert meter.read().joules == 10
    assert meter.read().interval == (8, 12)


def test_without_counter_and_model_joules_are_missing():
    """Nothing to read and no model: null with a reason, not 0; the seconds are still told."""
    clocks = Clocks()
    meter = clocks.meter(watts_per_thread=None).start()
    clocks.run(3)
    told = meter.read().as_dict()
    assert told["joules"] is None
    assert told["provenance"] == "missing"
    assert "no counter" in told["domains_missing"]["cpu"]
    assert told["cpu_s"] == 3


def test_counters_measure_and_add_up():
    """Package and memory counters are measured and summed; nothing is modelled beside them."""
    clocks, package, memory = Clocks(), FakeCounter("cpu:package-0"), FakeCounter("dram:0")
    with clocks.meter([package, memory]) as meter:
        clocks.run(2)
        package.joules += 50
        memory.joules += 5
    told = meter.read().as_dict()
    assert told["joules"] == 55
    assert told["provenance"] == "measured"
    assert told["interval"] is None
    assert told["domains"] == {"cpu:package-0": 50, "dram:0": 5}


def test_neighbours_pay_their_part():
    """While a neighbour used three quarters of the CPU time, a quarter of the package's joules is ours, and flagged."""
    clocks, package = Clocks(), FakeCounter("cpu:package-0")
    meter = clocks.meter([package]).start()
    clocks.run(10, threads=1, neighbours=3)
    package.joules += 400
    told = meter.read()
    assert told.joules == pytest.approx(100)
    assert told.flags == ("shared_by_cpu_time",)


@pytest.mark.parametrize(("moved", "why"), [(0, "the counter moved by 0 J"), (-5, "went back from 1000 to 995 J")])
def test_counter_that_stands_or_goes_back_is_missing(moved, why):
    """No movement, or a reset, makes the domain missing with its reason; the CPU is then modelled."""
    clocks, package = Clocks(), FakeCounter("cpu:package-0")
    meter = clocks.meter([package]).start()
    clocks.run(1)
    package.joules += moved
    told = meter.read().as_dict()
    assert told["provenance"] == "modelled"
    assert why in told["domains_missing"]["cpu:package-0"]


def test_a_reset_between_two_looks_is_seen():
    """A counter that was reset and then ran beyond where it began is missing: its ends alone would look right."""
    clocks, package = Clocks(), FakeCounter("cpu:package-0")
    meter = clocks.meter([package]).start()
    for joules in (1500, 100, 2000):
        clocks.run(1)
        package.joules = joules
        meter.tick()
    assert "went back from 1500 to 100 J" in meter.read().as_dict()["domains_missing"]["cpu:package-0"]


def test_the_shares_of_two_tasks_add_up_to_what_the_counter_counted():
    """Two tasks of different length on one machine: shared out second by second, nothing is billed twice or lost."""
    package, clocks = FakeCounter("cpu:package-0"), (Clocks(), Clocks())
    first, second = (one.meter([package]).start() for one in clocks)
    for at in range(10):
        late = at >= 5
        clocks[0].run(1, threads=1, neighbours=late)
        clocks[1].run(1, threads=late, neighbours=1)
        package.joules += 30 if late else 20
        first.tick()
        second.tick()
    assert first.read().joules == pytest.approx(100 + 75)
    assert first.read().joules + second.read().joules == pytest.approx(250)


def test_several_ranks_read_each_counter_once():
    """Each rank owns its GPU, and local rank 0 alone the host: together they read every counter exactly once."""
    counters = [FakeCounter(name) for name in ("cpu:package-0", "dram:0", "gpu:0", "gpu:1")]
    read = [one.domain for rank in (0, 1) for one in of_rank(counters, rank, gpu=f"gpu:{rank}")]
    assert sorted(read) == sorted(one.domain for one in counters)


def test_gpus_are_billed_while_they_are_held():
    """GPU-seconds are those allocated, not those used."""
    clocks, gpus = Clocks(), [FakeCounter("gpu:0", "nvml"), FakeCounter("gpu:1", "nvml")]
    meter = clocks.meter(gpus).start()
    clocks.run(3)
    assert meter.read().gpu_seconds == 6


def test_measured_gpu_beside_a_modelled_cpu_is_called_modelled():
    """A sum is called by its weakest part; the parts are told apart."""
    clocks, gpu = Clocks(), FakeCounter("gpu:0", "nvml")
    meter = clocks.meter([gpu]).start()
    clocks.run(1, threads=1, neighbours=1)
    gpu.joules += 300
    told = meter.read().as_dict()
    assert told["domains"] == {"gpu:0": 300, "cpu": 4}
    assert told["provenance"] == "modelled"
    assert told["interval"] == [301.6, 310]


def test_only_packages_and_memory_are_read_once(tmp_path):
    """Core lies in the package and psys holds it again: neither is read, nor a zone reached by a second path."""
    zone(tmp_path, "intel-rapl:0", "package-0", 10)
    zone(tmp_path, "intel-rapl:0:0", "core", 10)
    zone(tmp_path, "intel-rapl:0:1", "dram", 10)
    zone(tmp_path, "intel-rapl:1", "psys", 10)
    (tmp_path / "intel-rapl:2").symlink_to(tmp_path / "intel-rapl:0")
    assert [counter.domain for counter in rapl_counters(tmp_path)[0]] == ["cpu:package-0", "dram:intel-rapl:0:1"]
    assert rapl_counters(tmp_path / "nowhere") == ([], [])


def test_wraps_are_counted(tmp_path):
    """A counter that starts again at 0 after 262 kJ goes on counting."""
    file = zone(tmp_path, "intel-rapl:0", "package-0", 262_000)
    (counter,) = rapl_counters(tmp_path)[0]
    before = counter.read_j()
    file.write_text(f"{int(100e6)}\n")
    assert counter.read_j() - before == pytest.approx(243)
    file.write_text(f"{int(50e6)}\n")
    assert counter.read_j() - before == pytest.approx(243 - 50 + 262_143)


def test_unreadable_counter_is_left_out(tmp_path):
    """A zone that cannot be read gives no counter but a reason, so the CPU is modelled."""
    zone(tmp_path, "intel-rapl:0", "package-0", 10).unlink()
    assert rapl_counters(tmp_path) == ([], ["intel-rapl:0: No such file or directory"])


def test_live_children_are_billed():
    """CPU time of a child counts while it lives, and stays when it has ended."""
    program = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nprint(flush=True); input()"
    before = tree_cpu_s()
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        assert tree_cpu_s() - before >= 0.28
        child.communicate(b"\n")
    assert tree_cpu_s() - before >= 0.28


def test_real_meter_runs_here():
    """On this machine, a tenth of a second of work costs about that much CPU time and some joules of known origin."""
    with Meter() as meter:
        end = time.process_time() + 0.1
        while time.process_time() < end:
            pass
    told = meter.read()
    assert 0.09 < told.cpu_s < 1
    assert told.seconds >= 0.09
    assert told.joules > 0
    assert told.provenance in {"measured", "modelled"}
    assert machine_cpu_s() > 0


@pytest.mark.gpu
@pytest.mark.skipif(ctypes.util.find_library("nvidia-ml") is None, reason="there is no NVIDIA driver on this machine")
def test_gpu_counter_moves():
    """On a GPU machine the counter of GPU 0 is there and grows."""
    counter = Nvml(0)
    before = counter.read_j()
    time.sleep(1)
    assert counter.read_j() > before
