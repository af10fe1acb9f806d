"""What a power sensor is like, asked before it is believed: its period, and whether counter and power agree."""

import itertools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from slimaffect.meter.counter import Counter

ALLOWED = 0.1  # counter and integrated power may differ by so much


@dataclass(frozen=True)
class Sensor:
    """How a counter behaves.

    Attributes:
        update_s: median time between two of its steps; None where it did not move.
        updates: steps seen.
        read_s: what one look costs.
    """

    update_s: float | None
    updates: int
    read_s: float


def sensor_of(counter: Counter, *, seconds: float = 2.0, clock: Callable[[], float] = time.perf_counter) -> Sensor:
    """Look at a counter as fast as it answers, and time its steps."""
    steps: list[float] = []
    begun, looks, last = clock(), 0, counter.read_j()
    while clock() - begun < seconds:
        now = counter.read_j()
        looks += 1
        if now != last:
            steps.append(clock())
            last = now
    apart = [later - earlier for earlier, later in itertools.pairwise(steps)]
    update_s = statistics.median(apart) if apart else None
    return Sensor(update_s, len(steps), (clock() - begun) / max(looks, 1))


@dataclass(frozen=True)
class CrossCheck:
    """The same stretch of work by the energy counter and by integrated power."""

    counter_j: float
    power_j: float

    @property
    def apart(self) -> float:
        """By which share the integrated power exceeds the counter."""
        return self.power_j / self.counter_j - 1 if self.counter_j > 0 else float("inf")

    @property
    def flags(self) -> tuple[str, ...]:
        """`counter_off_power` where the two do not agree."""
        return ("counter_off_power",) if abs(self.apart) > ALLOWED else ()


def cross_check(
    counter: Counter,
    power_w: Callable[[], float],
    run: Callable[[], object],
    *,
    seconds: float = 3.0,
    clock: Callable[[], float] = time.perf_counter,
) -> CrossCheck:
    """Work steadily, and compare the counter with the power integrated by trapezoids, from a step to a step.

    The work should have gone on for more than a second already: many GPUs tell the mean power of the last second.
    """
    before = counter.read_j()
    while (start := counter.read_j()) == before:
        run()
    begun = last_s = clock()
    watts, power_j, last = power_w(), 0.0, start
    while True:
        run()
        now_s, now_w = clock(), power_w()
        power_j += (watts + now_w) / 2 * (now_s - last_s)
        watts, last_s, now = now_w, now_s, counter.read_j()
        if (now_s - begun >= seconds and now != last) or now_s - begun > 2 * seconds:
            return CrossCheck(now - start, power_j)
        last = now
