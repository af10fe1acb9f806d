"""The verdict is silent where there is nothing, and speaks where there is a tenth."""

import random
from math import expm1, log

import pytest

from slimaffect.measure.bench.verdict import compare


def logs_of(draw, *, shift=0.0, processes=7, spread=0.02):
    return [draw.gauss(shift, spread) for _ in range(processes)]


def test_equals_differ_in_one_bench_of_twenty_at_most():
    """400 simulated benches of 7 processes: a copy is called different in under 5 %, by its interval and its band."""
    draw = random.Random(0)
    said = [compare("copy", logs_of(draw), logs_of(draw)).said for _ in range(400)]
    assert sum(one != "no measurable difference" for one in said) <= 20


def test_a_tenth_is_seen_in_nineteen_of_twenty():
    """Processes that stray by 2 %, 10 % more cost: called dearer in over 95 % of 400 simulated benches."""
    draw = random.Random(1)
    said = [compare("slow", logs_of(draw, shift=log(1.1)), logs_of(draw)).said for _ in range(400)]
    assert said.count("dearer") >= 380
    assert "cheaper" not in said


def test_inside_the_band_nothing_is_said():
    """A sure 2 % is no difference where the first differs from itself by 3 %."""
    steady = [0.02 + one for one in (-0.001, 0.0, 0.001, 0.0, 0.0005, -0.0005)]
    shifted = [0.03 + one for one in (-0.001, 0.0, 0.001, 0.0, 0.0005, -0.0005)]
    told = compare("other", steady, shifted)
    assert told.said == "no measurable difference"
    assert told.band > expm1(0.03)
    assert "differs from itself by up to 3." in told.sentence
    assert compare("other", [5 * one for one in steady], shifted).said == "dearer"


def test_more_entries_ask_more_of_each():
    """One of twenty entries needs a wider interval than one alone."""
    draw = random.Random(3)
    logs, null = logs_of(draw, shift=0.03), logs_of(draw, spread=0.001)
    alone, among = compare("one", logs, null), compare("one", logs, null, compared=20)
    assert among.ratio.interval[0] < alone.ratio.interval[0]


@pytest.mark.parametrize("processes", [1, 4])
def test_few_processes_give_no_verdict(processes):
    """Fewer than five fresh processes: a ratio, no interval, no verdict."""
    told = compare("x", [0.3] * processes, [0.0] * processes)
    assert told.said == "too few processes"
    assert told.ratio.interval is None
    assert told.sentence == f"no verdict: {processes} process(es), 5 are needed"
