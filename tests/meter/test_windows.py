"""Windows on machines of known power: the truth is known, and each guard has a test that fails without it."""

import random
from statistics import fmean, pstdev

import pytest

from slimaffect.meter.counter import Guarded
from slimaffect.meter.estimate import above_idle_mj, estimate, idle_of, ratio, total_mj
from slimaffect.meter.sensor import cross_check, sensor_of
from slimaffect.meter.windows import Windows


def windows_of(device, min_s=0.33, seed=0, **more):
    return Windows(
        [device.counter],
        min_s=min_s,
        clock=device.clock,
        cpu_clock=device.clock,
        randomness=random.Random(seed),
        **more,
    )


def test_known_power_gives_known_joules(machines):
    """300 W for 2 ms a clip, 100 W at rest: 600 mJ in all and 400 mJ above idle, within 1 %."""
    device = machines.Busy()
    windows = windows_of(device, min_s=2.0)
    before = windows.idle(device.sleep)
    taken = [windows.take(lambda: device.run(0.002)) for _ in range(5)]
    idle = idle_of(before, windows.idle(device.sleep))
    assert idle.mean_w == pytest.approx(100, rel=0.01)
    assert idle.flags == ()
    assert all(window.aligned and window.updates >= 10 for window in taken)
    assert estimate([total_mj(one) for one in taken]).mean == pytest.approx(600, rel=0.01)
    assert estimate([above_idle_mj(one, idle) for one in taken]).mean == pytest.approx(400, rel=0.01)


def test_edges_beat_plain_windows(machines):
    """Windows of 0.33 s on a counter of 0.1 s: cut at its steps they scatter less than a quarter as much."""
    device, plain = machines.Busy(busy_w=300), []
    windows = windows_of(device)
    edged = [total_mj(windows.take(lambda: device.run(0.002))) for _ in range(20)]
    draw = random.Random(1)
    for _ in range(20):
        device.run(draw.random() * 0.1)
        begun, start = device.clock(), device.counter.read_j()
        while device.clock() - begun < 0.33:
            device.run(0.002)
        plain.append((device.counter.read_j() - start) / (device.clock() - begun) * 2)
    assert 4 * pstdev(edged) < pstdev(plain)
    assert fmean(edged) == pytest.approx(600, rel=0.01)


def test_a_counter_that_stands_is_missing(machines):
    """No step in all the patience: no joules, a reason, and not 0."""
    device = machines.Busy()
    device.counter.read_j = lambda: 5.0
    window = windows_of(device).take(lambda: device.run(0.01))
    assert window.total_j is None
    assert not window.aligned
    assert window.missing == {"gpu:0": "the counter moved by 0 J: too short a time, or it stands still"}
    assert window.units > 0


def test_a_reset_inside_a_window_voids_it(machines):
    """The driver is loaded anew in the middle: the ends alone look right, the looks between them tell."""
    device = machines.Busy(busy_w=1000)
    window_of, seen = windows_of(device, min_s=2.0), []
    honest = device.counter.read_j

    def told():
        seen.append(honest())
        at = device.clock()
        return seen[-1] - (900 if 1.2 < at < 1.4 else 0)

    device.counter.read_j = told

    def run():
        device.watts = 1000
        device.clock.now += 0.002
        device.counter.integrate()

    window = window_of.take(run)
    assert window.total_j is None
    assert "went back" in window.missing["gpu:0"]


def test_guard_remembers_the_first_step_back(machines):
    """A reading below the one before is kept, whatever follows."""
    device = machines.Busy()
    values = iter([5.0, 7.0, 1.0, 9.0])
    device.counter.read_j = lambda: next(values)
    guard = Guarded(device.counter)
    for _ in range(4):
        guard.read_j()
    assert guard.broken == "gpu:0 went back from 7 to 1 J: it was reset"


def test_abba_cancels_a_steady_drift_and_aabb_does_not(machines):
    """The machine draws 0.2 % more each second: A against itself in ABBA order is 1 within 0.1 %, in AABB order not."""
    del machines
    at = [100 * (1 + 0.002 * 5 * turn) for turn in range(40)]
    order = [turn % 4 in (0, 3) for turn in range(40)]
    abba = ratio([w for w, a in zip(at, order, strict=True) if a], [w for w, a in zip(at, order, strict=True) if not a])
    assert abs(abba.mean - 1) < 0.001
    assert abs(ratio(at[:20], at[20:]).mean - 1) > 0.01


def test_t_intervals_hold_the_truth():
    """Means of five noisy windows: their 95 % intervals hold the truth in 91 to 98.5 % of 300 runs."""
    draw = random.Random(0)
    held = 0
    for _ in range(300):
        low, high = estimate([draw.gauss(600, 20) for _ in range(5)]).interval
        held += low <= 600 <= high
    assert 0.91 <= held / 300 <= 0.985


def test_processes_and_not_their_windows_are_independent():
    """Ten windows in two processes are two figures: what differs between processes is not averaged away."""
    values = [1.0, 1.1, 1.0, 1.1, 1.05, 2.0, 2.1, 2.0, 2.1, 2.05]
    alone, grouped = estimate(values), estimate(values, [0] * 5 + [1] * 5)
    assert grouped.n == 2
    assert grouped.mean == pytest.approx(alone.mean)
    assert grouped.interval[0] < alone.interval[0]
    assert estimate([1.0]).interval is None


def test_a_part_time_sensor_needs_a_new_phase_for_each_window(machines):
    """A sensor that sees 25 of each 100 ms, frames each 33.3 ms: one phase is wrong by over 10 %, drawn ones average out."""
    truth = 100 + 200 * 0.3

    def energy(phase_s, seconds=2.0, step=0.001):
        """A load of 10 ms in each frame; the sensor stretches what it saw over the whole period."""
        joules, at = 0.0, 0.0
        while at < seconds:
            if at % 0.1 < 0.025:
                joules += 4 * step * (300 if (at + phase_s) % (1 / 30) < 0.01 else 100)
            at += step
        return joules / seconds

    draw = random.Random(0)
    fixed = energy(0.0)
    drawn = fmean(energy(draw.random() / 30) for _ in range(40))
    assert abs(fixed / truth - 1) > 0.1
    assert abs(drawn / truth - 1) < 0.06
    assert machines is not None


def test_idle_that_drifts_is_flagged(machines):
    """Idle power 15 % apart before and after says that what lies between is doubtful."""
    device = machines.Busy()
    windows = windows_of(device, min_s=1.0)
    before = windows.idle(device.sleep)
    device.idle_w = 118
    idle = idle_of(before, windows.idle(device.sleep))
    assert idle.flags == ("idle_drifted",)


def test_windows_without_a_counter_time_the_work(machines):
    """No counter: units and CPU-seconds are told, joules are none."""
    device = machines.Busy()
    window = Windows([], min_s=0.5, clock=device.clock, cpu_clock=device.clock).take(lambda: device.run(0.01))
    assert window.units == 50
    assert window.cpu_s == pytest.approx(0.5)
    assert window.total_j is None


def test_the_period_of_a_counter_is_measured(machines):
    """A counter that steps each 100 ms is found to, and a standing one has no period."""
    device = machines.Busy()

    class Asked:
        def read_j(self):
            device.run(0.001)
            return device.counter.read_j()

    for name in ("domain", "source", "provenance", "scope", "update_s", "rel_sys", "flags"):
        setattr(Asked, name, getattr(device.counter, name))
    told = sensor_of(Asked(), seconds=1.0, clock=device.clock)
    assert told.update_s == pytest.approx(0.1, abs=0.003)
    assert told.updates in (9, 10)


@pytest.mark.parametrize(("said_w", "flags"), [(300, ()), (350, ("counter_off_power",))])
def test_counter_and_power_are_compared(machines, said_w, flags):
    """Power readings that integrate to 17 % more than the counter are flagged, equal ones are not."""
    device = machines.Busy(busy_w=300)
    device.run(0.2)
    check = cross_check(device.counter, lambda: said_w, lambda: device.run(0.005), seconds=1.0, clock=device.clock)
    assert check.flags == flags
    assert check.apart == pytest.approx(said_w / 300 - 1, abs=0.02)
