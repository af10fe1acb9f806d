"""Frames as a camera sends them: each is due at its time, and its latency counts from then.

A loop that waits for one frame before it takes the next would hide every stall from the frames behind it
(coordinated omission).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

RATE_HZ = 30.0


@dataclass
class Schedule:
    """Runs one step for each frame at a steady rate.

    Attributes:
        step: reads one frame.
        late_ms: for each frame, from when it was due to when it was read.
        cpu_s: for each frame, CPU time of this process while it was read.
        busy_s: time spent reading.
    """

    step: Callable[[], object]
    rate_hz: float = RATE_HZ
    clock: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], object] = time.sleep
    cpu_clock: Callable[[], float] = time.process_time
    late_ms: list[float] = field(default_factory=list, init=False)
    cpu_s: list[float] = field(default_factory=list, init=False)
    busy_s: float = field(default=0.0, init=False)
    _begun: float | None = field(default=None, init=False)
    _sent: int = field(default=0, init=False)

    def restart(self, phase_s: float = 0.0) -> None:
        """Begin a new recording after `phase_s`; what was counted stays."""
        self._begun, self._sent = self.clock() + phase_s, 0

    def __call__(self) -> None:
        """Wait until the next frame is due, and read it. A frame that is late is read at once."""
        if self._begun is None:
            self.restart()
        assert self._begun is not None
        due = self._begun + self._sent / self.rate_hz
        self._sent += 1
        if (ahead := due - self.clock()) > 0:
            self.sleep(ahead)
        begun, cpu = self.clock(), self.cpu_clock()
        self.step()
        self.cpu_s.append(self.cpu_clock() - cpu)
        ended = self.clock()
        self.busy_s += ended - begun
        self.late_ms.append(1e3 * (ended - due))

    @property
    def missed(self) -> float | None:
        """Share of frames that were not read when the next one was due; None before the first."""
        late = sum(ms > 1e3 / self.rate_hz for ms in self.late_ms)
        return late / len(self.late_ms) if self.late_ms else None
