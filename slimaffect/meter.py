"""Seconds, CPU-seconds and joules of a block of code, and where the joules come from.

A hardware counter makes a joule `measured`; CPU-seconds times a constant make it `modelled`; otherwise it is
`missing`, and never 0.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

Provenance = Literal["measured", "modelled", "missing"]

WATTS_PER_THREAD = 4.0  # a busy hardware thread of a server; published constants span 1 ... 30 W
BAND = (0.4, 2.5)  # the factor by which that constant may be wrong on bare metal; more on a virtual machine
POWERCAP, PROC = Path("/sys/class/powercap"), Path("/proc")
POLL_S = 30.0  # a 262 kJ counter wraps after some 260 s at 1 kW: look well before
TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def peak_mb() -> float | None:
    """Peak resident memory of this process in 1e6 bytes; None where the system keeps no such mark (it is Linux's).

    Of the program itself: `ru_maxrss` would begin at that of the process it was forked from.
    """
    try:
        told = (PROC / "self/status").read_text()
    except OSError:
        return None
    return int(told.split("VmHWM:")[1].split()[0]) * 1024 / 1e6 if "VmHWM:" in told else None


@runtime_checkable
class Counter(Protocol):
    """A cumulative hardware energy counter."""

    domain: str  # "cpu:package-0", "dram:0", "gpu:0"
    source: str  # "rapl", "nvml"

    def read_j(self) -> float:
        """Joules since some moment; never goes back."""
        ...


@dataclass(frozen=True)
class Domain:
    """The joules of one part of the machine. `joules` is None where they are missing, and `why` says why."""

    name: str
    source: str
    provenance: Provenance
    joules: float | None
    interval: tuple[float, float] | None = None
    why: str = ""


@dataclass(frozen=True)
class Reading:
    """What a block of code cost so far.

    Attributes:
        seconds: wall time.
        cpu_s: CPU-seconds of this process and its children, live ones included.
        domains: joules by part of the machine.
        flags: what a reader of the figures should know.
    """

    seconds: float
    cpu_s: float
    domains: tuple[Domain, ...]
    flags: tuple[str, ...] = ()

    @property
    def provenance(self) -> Provenance:
        """The weakest origin among the domains that add up."""
        origins = {domain.provenance for domain in self.domains if domain.joules is not None}
        return "modelled" if "modelled" in origins else "measured" if origins else "missing"

    @property
    def joules(self) -> float | None:
        """Sum of all domains that have a figure; None when none has."""
        found = [domain.joules for domain in self.domains if domain.joules is not None]
        return sum(found) if found else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Band of the modelled part plus the measured part as it is; None when nothing is modelled."""
        if self.provenance != "modelled":
            return None
        bands = [domain.interval or (domain.joules,) * 2 for domain in self.domains if domain.joules is not None]
        return sum(low for low, _ in bands), sum(high for _, high in bands)

    def as_dict(self) -> dict[str, Any]:
        """Write as JSON can hold it."""
        return {
            "schema": "slimaffect.energy/1",
            "seconds": self.seconds,
            "cpu_s": self.cpu_s,
            "joules": self.joules,
            "interval": None if self.interval is None else list(self.interval),
            "provenance": self.provenance,
            "source": "+".join(sorted({domain.source for domain in self.domains if domain.joules is not None})) or None,
            "domains": {domain.name: domain.joules for domain in self.domains if domain.joules is not None},
            "domains_missing": {domain.name: domain.why for domain in self.domains if domain.joules is None},
            "flags": list(self.flags),
        }


@dataclass
class Meter:
    """Measures from `start` (or entering `with`) to any `read`.

    Attributes:
        watts_per_thread: power of one busy thread where no counter covers the CPU; None: no model, joules are missing.
        band: factors by which that constant may be wrong; give (0.8, 1.2) after calibrating it on this machine.
        counters: what to read; `found_counters()` by default. A package counter bills all that runs on the machine,
            so its joules are shared out by this process tree's part of the busy CPU time.
        clock, cpu_clock, busy_clock: seconds; of the wall, of this process tree, of the whole machine's CPUs.
    """

    watts_per_thread: float | None = WATTS_PER_THREAD
    band: tuple[float, float] = BAND
    counters: Sequence[Counter] | None = None
    clock: Callable[[], float] = time.perf_counter
    cpu_clock: Callable[[], float] = field(default_factory=lambda: tree_cpu_s)
    busy_clock: Callable[[], float] = field(default_factory=lambda: machine_cpu_s)
    _begun: tuple[float, float, float, list[float]] | None = field(default=None, init=False, repr=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    def start(self) -> "Meter":
        """Begin; what was measured before is forgotten."""
        if self.counters is None:
            self.counters = found_counters()
        self._begun = (self.clock(), self.cpu_clock(), self.busy_clock(), [c.read_j() for c in self.counters])
        if self.counters:
            threading.Thread(target=self._keep_alive, daemon=True).start()
        return self

    def read(self) -> Reading:
        """Tell what was spent since the start; may be called again and again."""
        assert self._begun is not None, "start the meter first"
        begun, cpu, busy, joules = self._begun
        spent, wall = self.cpu_clock() - cpu, self.clock() - begun
        share = min(1.0, spent / max(self.busy_clock() - busy, spent, 1e-9))
        domains = [_measured(c, j, share) for c, j in zip(self.counters or (), joules, strict=True)]
        flags = ("shared_by_cpu_time",) if domains and share < 0.95 else ()
        if not any(d.name.startswith("cpu") and d.joules is not None for d in domains):
            domains.append(self._modelled(spent))
        return Reading(wall, spent, tuple(domains), flags)

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

    def _keep_alive(self) -> None:
        """Read the counters often enough that none wraps twice unseen."""
        while not self._stop.wait(POLL_S):
            for counter in self.counters or ():
                counter.read_j()


def _measured(counter: Counter, before_j: float, share: float) -> Domain:
    spent = counter.read_j() - before_j
    if spent <= 0:
        why = f"the counter moved by {spent:g} J: too short a time, or it was reset"
        return Domain(counter.domain, counter.source, "missing", None, why=why)
    return Domain(counter.domain, counter.source, "measured", spent * (1.0 if counter.source == "nvml" else share))


class Rapl:
    """A zone of Linux powercap, in microjoules; counts its wraps."""

    source = "rapl"

    def __init__(self, folder: Path) -> None:
        """Open a zone.

        Raises:
            OSError: the counter cannot be read (root, or a udev rule on energy_uj, cures that).
        """
        kind = (folder / "name").read_text().strip()
        self.domain = f"cpu:{kind}" if kind.startswith("package") else f"{kind}:{folder.name}"
        self._file = folder / "energy_uj"
        self._range = int((folder / "max_energy_range_uj").read_text())
        self._lock, self._last, self._wraps = threading.Lock(), self._now(), 0

    def read_j(self) -> float:
        """Joules, monotone across wraps."""
        with self._lock:
            now = self._now()
            self._wraps += now < self._last
            self._last = now
            return (now + self._wraps * self._range) / 1e6

    def _now(self) -> int:
        return int(self._file.read_text())


class Nvml:
    """The energy counter of one NVIDIA GPU (Volta and later), in millijoules since its driver was loaded."""

    source = "nvml"

    def __init__(self, index: int) -> None:
        """Open a GPU.

        Raises:
            pynvml.NVMLError: there is no driver, no such GPU, or no counter on it.
        """
        import pynvml

        pynvml.nvmlInit()
        self.domain = f"gpu:{index}"
        self._read = pynvml.nvmlDeviceGetTotalEnergyConsumption
        self._handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        self.read_j()

    def read_j(self) -> float:
        """Joules of the whole GPU, whoever uses it."""
        return self._read(self._handle) / 1e3


def found_counters(powercap: Path = POWERCAP) -> list[Counter]:
    """Open the readable RAPL zones `package-*` and `dram`: core lies inside package, and psys holds it again.

    A GPU is not opened unasked: `Nvml(index)` is for those who use it, and it would bill a neighbour's work.
    """
    counters: dict[Path, Counter] = {}
    for folder in sorted(powercap.glob("intel-rapl:*")):
        try:
            kind = (folder / "name").read_text().strip()
            if kind.startswith("package") or kind == "dram":
                counters.setdefault(folder.resolve(), Rapl(folder))  # one zone is reachable by two paths
        except OSError:
            continue
    return list(counters.values())


def tree_cpu_s(proc: Path = PROC) -> float:
    """CPU-seconds of this process, its ended children, and its live descendants (in ticks of 10 ms)."""
    ended = os.times()
    return time.process_time() + ended.children_user + ended.children_system + _descendants_cpu_s(proc, os.getpid())


def _descendants_cpu_s(proc: Path, root: int) -> float:
    children: dict[int, list[tuple[int, float]]] = {}
    for file in proc.glob("[0-9]*/stat"):
        try:
            numbers = file.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile, and now counts among the ended children
            continue
        ticks = sum(map(int, numbers[11:15]))  # user and system time, its own and of its ended children
        children.setdefault(int(numbers[1]), []).append((int(file.parent.name), ticks / TICKS_PER_S))
    total, waiting = 0.0, [root]
    while waiting:
        for pid, seconds in children.get(waiting.pop(), []):
            total += seconds
            waiting.append(pid)
    return total


def machine_cpu_s(proc: Path = PROC) -> float:
    """CPU-seconds that all processes of this machine used since it started; 0 where that cannot be read."""
    try:
        numbers = (proc / "stat").read_text().splitlines()[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _, _, irq, softirq = map(int, numbers[:7])
    return (user + nice + system + irq + softirq) / TICKS_PER_S
