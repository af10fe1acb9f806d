"""Latency: who is timed when, what is told, and what is kept back."""

import numpy as np
import pytest

from slimaffect.measure.latency import interval_ranks, measure_clips, percentile


def timed(clock, contenders, **more):
    return measure_clips(contenders, clock=lambda: clock.now, cpu_clock=lambda: clock.cpu, **more)


def test_medians_and_cpu_seconds(clock):
    """A contender of 2 ms is told as 2 ms and 2 ms of CPU time, one of 5 ms as 5 ms, without flags."""
    told = timed(clock, {"fast": lambda: clock.work(0.002), "slow": lambda: clock.work(0.005)}, budget_s=5)
    assert told["fast"].p50.ms == pytest.approx(2)
    assert told["slow"].p50.ms == pytest.approx(5)
    assert told["fast"].cpu_s_per_clip == pytest.approx(0.002)
    assert told["fast"].flags == told["slow"].flags == ()


def test_order_is_abba(clock):
    """After warm-up, stretches come as A B B A, and again."""
    order = []

    def contender(name):
        def run():
            order.append(name)
            clock.work(0.02)

        return run

    timed(clock, {"A": contender("A"), "B": contender("B")}, budget_s=0.5)
    stretches = "".join(order[-8:])  # one uncounted clip and one timed clip each
    assert stretches == "AABBBBAA"


def test_drift_falls_on_all_alike(clock):
    """While the machine slows down steadily, two equal contenders stay within 1 % of each other."""
    work = lambda: clock.work(0.01 * (1 + clock.now / 20))  # noqa: E731
    told = timed(clock, {"one": work, "other": work}, budget_s=10)
    assert told["one"].p50.ms == pytest.approx(told["other"].p50.ms, rel=0.01)


def test_small_n_tells_no_percentile(clock):
    """With fewer than 64 clips there is no p90, with fewer than 662 no p99; with enough there are both."""
    few = timed(clock, {"a": lambda: clock.work(0.5)}, budget_s=15)["a"]
    assert few.n < 64
    assert few.p90 is None
    assert few.p99 is None
    some = timed(clock, {"a": lambda: clock.work(0.01)}, budget_s=3)["a"]
    assert 64 <= some.n < 662
    assert some.p90 is not None
    assert some.p99 is None
    assert timed(clock, {"a": lambda: clock.work(0.001)}, budget_s=3)["a"].p99 is not None


def test_budget_and_enough_clips_end_it(clock):
    """The budget holds but for the last rounds; when all have enough clips it ends before."""
    timed(clock, {"a": lambda: clock.work(0.1), "b": lambda: clock.work(0.1)}, budget_s=10)
    assert 10 <= clock.now < 11
    before = clock.now
    timed(clock, {"a": lambda: clock.work(0.001)}, budget_s=1000, most_clips=100)
    assert clock.now - before < 10


def test_other_work_is_flagged(clock):
    """When the process gets the core for half the time it is flagged; so is one that keeps two cores busy."""
    told = timed(clock, {"half": lambda: clock.work(0.01, 0.5), "two": lambda: clock.work(0.01, 2.0)}, budget_s=2)
    assert told["half"].flags == ("contended",)
    assert told["half"].cpu_per_wall == pytest.approx(0.5)
    assert told["two"].flags == ("several_threads",)


def test_unsteady_warm_up_is_flagged(clock):
    """A contender that never settles is timed all the same, and flagged."""
    rng = np.random.default_rng(0)
    told = timed(clock, {"wild": lambda: clock.work(rng.uniform(0.001, 0.1))}, budget_s=5)
    assert "warm_up_not_steady" in told["wild"].flags


def test_watch_is_told(clock):
    """The caller hears of the progress up to 100 percent."""
    heard = []
    timed(clock, {"a": lambda: clock.work(0.05)}, budget_s=2, watch=lambda *said: heard.append(said))
    assert heard[-1] == ("time clips", 100, 100)


def test_intervals_by_order_statistics():
    """The published ranks: p90 of 300 lies between ranks 259 and 281, p99 of 1000 between 983 and 997."""
    assert interval_ranks(300, 0.9) == (259, 281)
    assert interval_ranks(1000, 0.99) == (983, 997)
    assert percentile(np.arange(1.0, 301.0), 0.9).interval == (259.0, 281.0)


def test_interval_covers_the_truth():
    """Of 400 samples of 200 values, the interval of the p90 holds the true one in 92 to 99 %."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        low, high = percentile(np.sort(rng.exponential(size=200)), 0.9).interval
        held += low <= -np.log(0.1) <= high
    assert 0.92 <= held / 400 <= 0.99
