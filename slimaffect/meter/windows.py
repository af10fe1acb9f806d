"""Windows that begin and end where a counter moves, while the device stays busy.

A counter that is renewed every 100 ms makes a plain window of 0.25 s wrong by 16 % (one standard deviation); a window
that is cut at its steps is wrong by the time between two looks alone.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from slimaffect.meter.counter import Counter, Guarded

FEW_UPDATES = 10  # of the counter: below, a window is flagged
PATIENCE = 20  # updates to wait for a step before a window is taken as it is
Run = Callable[[], object]


@dataclass(frozen=True)
class Window:
    """One stretch of work under the counters.

    Attributes:
        units: how many times the work was done.
        cpu_s: CPU-seconds of this process.
        joules: by domain; a domain whose counter stood still or was reset is in `missing`, with the reason.
        updates: steps of the slowest counter that were seen.
        aligned: both ends lie on such steps.
        gap_s: longest time between two looks at the ends: by so much either end may be off.
    """

    units: int
    seconds: float
    cpu_s: float
    joules: dict[str, float]
    missing: dict[str, str]
    updates: int
    aligned: bool
    gap_s: float

    @property
    def total_j(self) -> float | None:
        """All domains together; None where one of them is missing."""
        return sum(self.joules.values()) if self.joules and not self.missing else None


@dataclass
class Windows:
    """Takes windows of work under counters.

    Attributes:
        counters: all that are read; windows are cut at the steps of the slowest.
        min_s: shortest window.
        settle_s: work before the window: the device leaves its idle state, and an averaging sensor forgets.
        randomness: of the phase, drawn anew for each window: a sensor that looks at a part of each period must not
            see the same part of a regular load every time.
        clock, cpu_clock: seconds of the wall and of this process.
    """

    counters: Sequence[Counter]
    min_s: float = 5.0
    settle_s: float = 0.25
    randomness: random.Random | None = None
    clock: Callable[[], float] = time.perf_counter
    cpu_clock: Callable[[], float] = time.process_time

    def __post_init__(self) -> None:
        self._guards = [Guarded(counter) for counter in self.counters]
        self._lead = max(self._guards, key=lambda guard: guard.counter.update_s, default=None)
        self._draw = self.randomness or random.Random(0)  # noqa: S311  a phase, no secret

    def take(self, run: Run) -> Window:
        """Do the work until the window is full."""
        for guard in self._guards:
            guard.broken = ""
        update_s = self._lead.counter.update_s if self._lead else 0.0
        self._work(run, self.settle_s + self._draw.random() * update_s)
        aligned, gap = self._to_step(run)
        begun, cpu, before = self.clock(), self.cpu_clock(), [guard.read_j() for guard in self._guards]
        units, updates, ended, last_gap = self._fill(run, begun)
        seconds, spent = self.clock() - begun, self.cpu_clock() - cpu
        joules, missing = self._read(before)
        return Window(units, seconds, spent, joules, missing, updates, aligned and ended, max(gap, last_gap))

    def idle(self, sleep: Callable[[float], object] = time.sleep) -> Window:
        """Take a window in which nothing is done."""
        nap = max(self._lead.counter.update_s if self._lead else 0.0, 0.01) / 20
        return self.take(lambda: sleep(nap))

    def _work(self, run: Run, seconds: float) -> None:
        end = self.clock() + seconds
        while self.clock() < end:
            run()

    def _to_step(self, run: Run) -> tuple[bool, float]:
        """Work until the slowest counter moves; tell whether it did, and how long the last look lay back."""
        if self._lead is None:
            return False, 0.0
        end, before, looked = self.clock() + self._patience_s(), self._lead.read_j(), self.clock()
        while self.clock() < end:
            run()
            now, gap, looked = self._lead.read_j(), self.clock() - looked, self.clock()
            if now != before:
                return True, gap
        return False, 0.0

    def _fill(self, run: Run, begun: float) -> tuple[int, int, bool, float]:
        """Work through the window: rare looks inside, one after each unit when it may end."""
        every = self._lead.counter.update_s / 2 if self._lead else self.min_s
        last, looked, fine = self._look(), begun, False
        units, updates = 0, 0
        while True:
            run()
            units += 1
            now_s = self.clock()
            late = now_s - begun >= self.min_s
            if late and self._lead is None:
                return units, 0, False, 0.0
            if not late and now_s - looked < every:
                continue
            now_j, gap = self._look(), now_s - looked
            updates += now_j != last
            if (fine and now_j != last) or now_s - begun > self.min_s + self._patience_s():
                return units, updates, now_j != last, gap
            last, looked, fine = now_j, now_s, late

    def _look(self) -> float:
        """Read every counter, so that none goes back unseen; answer the slowest one's figure."""
        told = {id(guard): guard.read_j() for guard in self._guards}
        return told[id(self._lead)] if self._lead else 0.0

    def _patience_s(self) -> float:
        return PATIENCE * max(self._lead.counter.update_s if self._lead else 0.0, 0.01)

    def _read(self, before: list[float]) -> tuple[dict[str, float], dict[str, str]]:
        joules, missing = {}, {}
        for guard, start in zip(self._guards, before, strict=True):
            spent, name = guard.read_j() - start, guard.counter.domain
            if guard.broken:
                missing[name] = guard.broken
            elif spent <= 0:
                missing[name] = f"the counter moved by {spent:g} J: too short a time, or it stands still"
            else:
                joules[name] = spent
        return joules, missing
