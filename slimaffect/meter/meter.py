"""A meter for long blocks of code: it looks every second, so that counters neither wrap nor reset unseen.

A package counter bills all that runs on the machine. In every second its joules are shared out by this process tree's
part of the busy CPU time, so that the shares of several workers add up to what the counter counted.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from slimaffect.meter.counter import Counter, Guarded, of_rank
from slimaffect.meter.cpu import BAND, WATTS_PER_THREAD, cpu_power, machine_cpu_s, tree_cpu_s
from slimaffect.meter.nvml import NoGpu, nvml_counters
from slimaffect.meter.rapl import rapl_counters
from slimaffect.meter.reading import Domain, Reading

POLL_S = 1.0
SHARED = 0.95  # below this part of the machine's busy CPU time the figure is flagged as a share


@dataclass
class _Sum:
    """What one counter counted so far, and our part of it."""

    guard: Guarded
    begun_j: float
    last_j: float
    ours_j: float = 0.0


@dataclass
class Meter:
    """Measures from `start` (or entering `with`) to any `read`.

    Attributes:
        watts_per_thread: power of one busy thread where no counter covers the CPU; None: no model, joules are missing.
        band: factors by which that constant may be wrong; give (0.8, 1.2) after calibrating it on this machine.
        counters: what to read; `found_counters()` by default.
        missing: domains that are used and cannot be read, with the reason.
        clock, cpu_clock, busy_clock: seconds; of the wall, of this process tree, of the whole machine's CPUs.
    """

    watts_per_thread: float | None = WATTS_PER_THREAD
    band: tuple[float, float] = BAND
    counters: Sequence[Counter] | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    clock: Callable[[], float] = time.perf_counter
    cpu_clock: Callable[[], float] = field(default_factory=lambda: tree_cpu_s)
    busy_clock: Callable[[], float] = field(default_factory=lambda: machine_cpu_s)
    _begun: tuple[float, float, float] | None = field(default=None, init=False, repr=False)
    _last: tuple[float, float] = field(default=(0.0, 0.0), init=False, repr=False)  # CPU and busy seconds
    _sums: list[_Sum] = field(default_factory=list, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    def start(self) -> "Meter":
        """Begin; what was measured before is forgotten."""
        if self.counters is None:
            self.counters = found_counters()
        guards = [Guarded(counter) for counter in self.counters]
        self._begun = (self.clock(), self.cpu_clock(), self.busy_clock())
        self._last = self._begun[1:]
        self._sums = [_Sum(guard, now, now) for guard in guards for now in [guard.read_j()]]
        if self.counters:
            threading.Thread(target=self._keep_looking, daemon=True).start()
        return self

    def tick(self) -> None:
        """Look at the counters, and share out what they counted since the last look. A thread does so every second."""
        with self._lock:
            cpu, busy = self.cpu_clock(), self.busy_clock()
            spent, all_spent = cpu - self._last[0], busy - self._last[1]
            share = min(1.0, spent / max(all_spent, spent, 1e-9))
            for one in self._sums:
                now = one.guard.read_j()
                whole = one.guard.counter.domain.startswith("gpu:")  # a GPU is held by one task
                one.ours_j += (now - one.last_j) * (1.0 if whole else share)
                one.last_j = now
            self._last = (cpu, busy)

    def read(self) -> Reading:
        """Tell what was spent since the start; may be called again and again."""
        assert self._begun is not None, "start the meter first"
        self.tick()
        begun, cpu, busy = self._begun
        spent, wall = self._last[0] - cpu, self.clock() - begun
        domains = [_measured(one) for one in self._sums]
        domains += [Domain(name, "nvml", "missing", None, why=why) for name, why in self.missing.items()]
        shared = any(not one.guard.counter.domain.startswith("gpu:") for one in self._sums)
        ours = spent / max(self._last[1] - busy, spent, 1e-9)
        flags = sorted({flag for one in self._sums for flag in one.guard.counter.flags})
        if not any(d.name.startswith(("cpu", "soc")) and d.joules is not None for d in domains):
            domains.append(self._modelled(spent))
        return Reading(wall, spent, tuple(domains), (*flags, *(("shared_by_cpu_time",) * (shared and ours < SHARED))))

    def __enter__(self) -> "Meter":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def _modelled(self, cpu_s: float) -> Domain:
        """Joules of the CPU as CPU-seconds times a constant; no idle power, no memory."""
        if self.watts_per_thread is None:
            return Domain("cpu", "cpu_seconds_model", "missing", None, why="no counter is readable and no model is set")
        joules = self.watts_per_thread * cpu_s
        return Domain("cpu", "cpu_seconds_model", "modelled", joules, (joules * self.band[0], joules * self.band[1]))

    def _keep_looking(self) -> None:
        while not self._stop.wait(POLL_S):
            self.tick()


def _measured(one: _Sum) -> Domain:
    counter, spent = one.guard.counter, one.last_j - one.begun_j
    if one.guard.broken:
        return Domain(counter.domain, counter.source, "missing", None, why=one.guard.broken)
    if spent <= 0:
        why = f"the counter moved by {spent:g} J: too short a time, or it stands still"
        return Domain(counter.domain, counter.source, "missing", None, why=why)
    return Domain(counter.domain, counter.source, counter.provenance, one.ours_j)


def meter_of(device: str, *, local_rank: int = 0, nvml: Any = None) -> Meter:
    """Make the meter of a task that computes on `cpu`, `cuda` or `cuda:1`.

    Each task owns the GPU it computes on; only local rank 0 owns what all processes of a node share. A GPU that cannot
    be read is missing, with the reason, and then so are the joules of the whole.
    """
    power = cpu_power()
    counters, missing, kind = found_counters(), {}, device.partition(":")
    if kind[0] == "cuda":
        try:
            gpus = nvml_counters(nvml=nvml)
            counters.append(gpus[int(kind[2] or 0)])
        except (NoGpu, IndexError) as fault:
            missing[f"gpu:{kind[2] or 0}"] = str(fault)
    owned = of_rank(counters, local_rank, next((one.domain for one in counters if one.domain.startswith("gpu:")), None))
    return Meter(power.watts, power.band, owned, missing)


def found_counters() -> list[Counter]:
    """Open what counts for every task on this machine: RAPL's packages and memory.

    A GPU is not opened unasked: `Nvml(index)` is for those who use it, and it would bill a neighbour's work.
    """
    return rapl_counters()[0]
