"""How long a clip takes: contenders side by side in one process, in ABBA order, with honest percentiles."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from slimaffect.callbacks import Watch, ignore

P90_FLOOR, P99_FLOOR = 64, 662  # queries below which a percentile is not told (MLPerf, mlcommons/endpoints #417)
BLOCK_S = 0.01  # a contender runs this long at a stretch: its own data is then in the caches, as in deployment
WARM_UP_SHARE = 0.2  # of the time budget
STEADY = (20, 0.05)  # the last 20 clips vary by less than 5 %
SHARES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)  # of the quantiles that show a distribution
CONTENDED = 0.9  # CPU time per wall time below which other work held the core


@dataclass(frozen=True)
class Percentile:
    """A percentile in milliseconds with its 95 % interval by order statistics."""

    ms: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Latency:
    """What one contender took per clip.

    Attributes:
        n: timed clips.
        p50, p90, p99: wall time; None where n is too small.
        cpu_s_per_clip: median over stretches of process CPU time per clip, which other work hardly moves.
        cpu_s_interval: its 95 % interval by order statistics.
        cpu_per_wall: share of the wall time that this process computed.
        flags: `warm_up_not_steady`, `contended`, `several_threads`.
        quantiles: milliseconds at `SHARES`; the outer ones are None where too few clips tell them.
    """

    n: int
    p50: Percentile | None
    p90: Percentile | None
    p99: Percentile | None
    cpu_s_per_clip: float
    cpu_per_wall: float
    flags: tuple[str, ...]
    quantiles: tuple[float | None, ...] = ()
    cpu_s_interval: tuple[float, float] | None = None

    def record(self) -> dict[str, Any]:
        """Write as JSON can hold it."""
        return asdict(self)


@dataclass
class _Contender:
    run: Callable[[], object]
    block: int = 1
    steady: bool = False
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)  # per clip, one figure per stretch


def measure_clips(
    contenders: Mapping[str, Callable[[], object]],
    *,
    budget_s: float = 30.0,
    most_clips: int = 2000,
    watch: Watch = ignore,
    clock: Callable[[], float] = time.perf_counter,
    cpu_clock: Callable[[], float] = time.process_time,
) -> dict[str, Latency]:
    """Time contenders against each other on one machine in one process.

    Rounds go forwards and backwards in turn, so that a steady drift of the machine's speed falls on all alike.
    At least one pair of rounds is run, whatever the budget.

    Args:
        contenders: by name what runs one clip; each must be pinned to its threads already.
        budget_s: wall time for everything, warm-up included.
        most_clips: enough clips for each; reached by all, the measurement ends early.
        watch: told the share of the budget spent, in percent.
        clock: seconds of the wall.
        cpu_clock: seconds of this process.
    """
    start, competing = clock(), {name: _Contender(run) for name, run in contenders.items()}
    for contender in competing.values():
        _warm_up(contender, budget_s * WARM_UP_SHARE / len(competing), clock)
    rounds = 0
    while rounds < 2 or (clock() - start < budget_s and min(len(c.wall_s) for c in competing.values()) < most_clips):
        for order in (1, -1):
            for contender in list(competing.values())[::order]:
                _stretch(contender, clock, cpu_clock)
            rounds += 1
        watch("time clips", min(100, int(100 * (clock() - start) / budget_s)), 100)
    return {name: _summary(contender) for name, contender in competing.items()}


def _warm_up(contender: _Contender, cap_s: float, clock: Callable[[], float]) -> None:
    """Run until the last clips take alike, then choose how many make a stretch."""
    count, allowed = STEADY
    start, taken = clock(), [_timed(contender.run, clock)]
    while not contender.steady and clock() - start < cap_s:
        taken.append(_timed(contender.run, clock))
        last = np.asarray(taken[-count:])
        contender.steady = len(last) == count and float(last.std()) < allowed * float(last.mean())
    contender.block = max(1, round(BLOCK_S / max(float(np.median(taken)), 1e-9)))


def _stretch(contender: _Contender, clock: Callable[[], float], cpu_clock: Callable[[], float]) -> None:
    contender.run()  # brings its weights back into the caches; not counted
    before = cpu_clock()
    contender.wall_s += [_timed(contender.run, clock) for _ in range(contender.block)]
    contender.cpu_s.append((cpu_clock() - before) / contender.block)


def _timed(run: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    run()
    return clock() - start


def _summary(contender: _Contender) -> Latency:
    wall, n = np.sort(contender.wall_s) * 1e3, len(contender.wall_s)
    busy = contender.block * sum(contender.cpu_s) / max(float(wall.sum()) / 1e3, 1e-9)
    flags = {
        "warm_up_not_steady": not contender.steady,
        "contended": busy < CONTENDED,
        "several_threads": busy > 2 - CONTENDED,
    }
    return Latency(
        n,
        percentile(wall, 0.5),
        percentile(wall, 0.9) if n >= P90_FLOOR else None,
        percentile(wall, 0.99) if n >= P99_FLOOR else None,
        float(np.median(contender.cpu_s)),
        busy,
        tuple(name for name, raised in flags.items() if raised),
        tuple(float(np.quantile(wall, share)) if n >= _enough_for(share) else None for share in SHARES),
        cpu_s_interval=percentile(np.sort(contender.cpu_s), 0.5).interval if len(contender.cpu_s) > 5 else None,
    )


def _enough_for(share: float) -> int:
    outer = max(share, 1 - share)
    return P99_FLOOR if outer > 0.95 else P90_FLOOR if outer > 0.75 else 1


def percentile(ordered_ms: np.ndarray, share: float) -> Percentile:
    """Take a percentile of values in order, with its interval.

    >>> percentile(np.arange(1.0, 301.0), 0.9).interval
    (259.0, 281.0)
    """
    low, high = interval_ranks(len(ordered_ms), share)
    return Percentile(float(np.quantile(ordered_ms, share)), (float(ordered_ms[low - 1]), float(ordered_ms[high - 1])))


def interval_ranks(n: int, share: float) -> tuple[int, int]:
    """Ranks, from 1, of the values that bound a percentile with 95 % confidence (binomial, normal approximation).

    >>> interval_ranks(1000, 0.99)
    (983, 997)
    """
    spread = 1.96 * math.sqrt(n * share * (1 - share))
    return max(1, math.floor(n * share - spread)), min(n, math.ceil(n * share + spread))
