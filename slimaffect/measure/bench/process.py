"""What one fresh process measures: every entry, and a second copy of the first, in ABBA order.

Where its weights and buffers come to lie makes a net up to a half slower or faster from process to process; within one
process two copies of it agree within some percent. So ratios are taken inside a process, and processes are the sample.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from slimaffect.measure.bench.contention import contention, load_now
from slimaffect.measure.bench.entries import Entry, Opener, Setting, open_entry
from slimaffect.measure.bench.schedule import Schedule
from slimaffect.meter.counter import Counter, CounterFacts
from slimaffect.meter.cpu import CONSTANT, CpuModel, CpuPower
from slimaffect.meter.estimate import Idle, idle_of
from slimaffect.meter.rapl import rapl_counters
from slimaffect.meter.windows import Window, Windows

WARM = (20, 0.05)  # the last 20 runs vary by less than 5 %
STRETCH_S = 0.02  # of one entry in one round where no counter asks for more
STREAM_S = 1.0  # likewise, of a stream: 30 frames
TWIN = "the first again"


@dataclass(frozen=True)
class Job:
    """What a process is asked to do.

    Attributes:
        entries: the first of them is the one all others are compared with.
        seconds: of measuring, after the warm-up.
        number: of the process: it decides in which order entries are opened.
        warm_s: shortest warm-up of each entry; ten times as long is the longest.
        window_s: shortest window under a hardware counter.
        idle_s: rest before and after, likewise.
        power: of the model that stands in where there is no counter.
    """

    entries: tuple[Entry, ...]
    setting: Setting
    seconds: float
    number: int
    warm_s: float = 0.3
    window_s: float = 5.0
    idle_s: float = 10.0
    power: CpuPower = CONSTANT


@dataclass
class Taken:
    """What was measured of one entry in one process.

    Attributes:
        ms: of each run.
        cpu_s: CPU time of a unit in each window: the median of its runs, because a run that is put off its core and
            comes back to cold caches costs several times as much, and says nothing of the model.
    """

    windows: list[Window] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    duty: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measured:
    """What a process brings home: by entry, its twin included; idle power; the load beside it."""

    taken: dict[str, Taken]
    idle: Idle | None
    contention: dict[str, float | None]
    flags: tuple[str, ...]
    counters: tuple[CounterFacts, ...]


def measure(job: Job, opener: Opener = open_entry, counters: Sequence[Counter] | None = None) -> Measured:
    """Open, warm up, rest, measure in rounds, rest. The main function of a fresh process."""
    read = list(rapl_counters()[0] if counters is None else counters)
    used: list[Counter] = [*read] if read else [CpuModel(job.power)]
    runs = _opened(job, opener)
    taken = {name: Taken() for name in runs}
    for name, run in runs.items():
        taken[name].flags = () if _warm_up(run, job.warm_s) else ("warm_up_not_steady",)
    paced = job.setting.scenario == "stream30"
    least_s = job.window_s if read else STREAM_S if paced else STRETCH_S
    windows = Windows(used, least_s, 0.25 if read else 0.0, random.Random(job.number))  # noqa: S311  a phase
    resting = Windows(used, job.idle_s, 0.5)
    before = resting.idle() if read else None
    begun = load_now()
    _rounds(runs, taken, windows, job)
    shares, flags = contention(begun, load_now(), paced=paced)
    idle = None if before is None else idle_of(before, resting.idle())
    return Measured(taken, idle, shares, flags, tuple(CounterFacts.of(counter) for counter in used))


def log_ratios(measured: Measured, name: str, first: str) -> float:
    """Take the logarithm of an entry's CPU time over the first's: median over rounds, which pair the two."""
    pairs = zip(measured.taken[name].cpu_s, measured.taken[first].cpu_s, strict=True)
    return float(np.median([np.log(one / other) for one, other in pairs]))


def _opened(job: Job, opener: Opener) -> dict[str, Callable[[], object]]:
    """Open all entries and the twin, in an order of this process: who is opened first may lie better in memory."""
    wanted = [(entry.name, entry) for entry in job.entries] + [(TWIN, job.entries[0])]
    turned = wanted[job.number % len(wanted) :] + wanted[: job.number % len(wanted)]
    opened = {name: opener(entry, job.setting) for name, entry in turned}
    return {name: opened[name] for name, _ in wanted}


def _warm_up(run: Callable[[], object], least_s: float) -> bool:
    """Run until the last runs take alike; tell whether they came to."""
    count, allowed = WARM
    work = run.step if isinstance(run, Schedule) else run
    begun, taken = time.perf_counter(), []
    while (spent := time.perf_counter() - begun) < 10 * least_s or len(taken) < 3:
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
        last = np.asarray(taken[-count:])
        if spent >= least_s and len(last) == count and float(last.std()) < allowed * float(last.mean()):
            return True
    return False


def _rounds(runs: dict[str, Callable[[], object]], taken: dict[str, Taken], windows: Windows, job: Job) -> None:
    """Go through all entries forwards and backwards in turn: a steady drift of the machine falls on all alike."""
    end, order, pairs = time.perf_counter() + job.seconds, list(runs), 0
    while pairs < 1 or time.perf_counter() < end:
        for names in (order, order[::-1]):
            for name in names:
                _window(runs[name], taken[name], windows, job)
        pairs += 1


def _window(run: Callable[[], object], into: Taken, windows: Windows, job: Job) -> None:
    """Take one window, and keep how long each run in it took: joules and latencies are of the same runs."""
    if isinstance(run, Schedule):
        run.restart(random.Random(len(into.windows)).random() / run.rate_hz)  # noqa: S311
        begun = run.busy_s, len(run.late_ms)
        window, ms, cpu = windows.take(run), run.late_ms, run.cpu_s
        into.duty = (run.busy_s - begun[0]) * run.rate_hz / max(len(ms) - begun[1], 1)
    else:
        ms, cpu = [], []
        window = windows.take(lambda: _timed(run, ms, cpu))
    into.ms += ms[-window.units :]
    into.cpu_s.append(float(np.median(cpu[-window.units :])) / job.setting.units)
    into.windows.append(replace(window, units=window.units * job.setting.units))


def _timed(run: Callable[[], object], ms: list[float], cpu_s: list[float]) -> None:
    start, cpu = time.perf_counter(), time.process_time()
    run()
    cpu_s.append(time.process_time() - cpu)
    ms.append(1e3 * (time.perf_counter() - start))
