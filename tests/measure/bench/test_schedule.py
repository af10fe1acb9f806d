"""Frames are due when the camera sends them: a stall makes all frames behind it late."""

import pytest

from slimaffect.measure.bench.schedule import Schedule


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def stream(work):
    clock = Clock()
    schedule = Schedule(lambda: clock.sleep(next(work)), clock=clock, sleep=clock.sleep, cpu_clock=clock)
    return clock, schedule


def test_one_stall_makes_fourteen_frames_late():
    """500 ms once in a second: at least 14 of 30 frames miss the next one's time, as for a person before the camera."""
    _, schedule = stream(iter([0.5] + [0.005] * 29))
    for _ in range(30):
        schedule()
    assert sum(ms > 1000 / 30 for ms in schedule.late_ms) >= 14
    assert schedule.missed >= 14 / 30


def test_frames_in_time_are_never_late():
    """5 ms a frame: each waits for its time, latency is the 5 ms, and a second takes a second."""
    clock, schedule = stream(iter([0.005] * 60))
    assert schedule.missed is None
    for _ in range(60):
        schedule()
    assert schedule.missed == 0
    assert max(schedule.late_ms) == pytest.approx(5)
    assert clock.now == pytest.approx(59 / 30 + 0.005)
    assert schedule.busy_s == pytest.approx(0.3)
    assert sum(schedule.cpu_s) == pytest.approx(0.3)


def test_a_restart_begins_a_recording_of_its_own_phase():
    """After a restart the first frame is due after the phase: what came before is not made up for."""
    clock, schedule = stream(iter([1.0, 0.001]))
    schedule()
    schedule.restart(phase_s=0.02)
    schedule()
    assert schedule.late_ms[-1] == pytest.approx(1)
    assert clock.now == pytest.approx(1.021)
