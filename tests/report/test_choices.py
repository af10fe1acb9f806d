"""What a front is worth and what to take from it: against another library, geometry, and the margin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimaffect.report.axes import axes_of, axis_named
from slimaffect.report.choices import cheapest_safe, hypervolume, knee, saved_volume
from slimaffect.result import ClipTime, Deploy, RecipeRecord, Result, Variant, VariantScores, VersusBaseline

POINT = st.lists(st.floats(-1, 2), min_size=3, max_size=3)


@given(st.lists(POINT, min_size=1, max_size=12), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_the_volume_is_that_of_moocore(points, axes):
    """Against an independent implementation, in one to three dimensions, points outside of the reference included."""
    moocore = pytest.importorskip("moocore")
    kept = np.array([point[:axes] for point in points])
    if axes == 1:  # which moocore does not offer
        assert hypervolume(kept.tolist(), (0.0,)) == pytest.approx(max(0.0, kept.max()))
        return
    theirs = moocore.hypervolume(kept, ref=np.zeros(axes), maximise=True)
    assert hypervolume(kept.tolist(), (0.0,) * axes) == pytest.approx(theirs, abs=1e-12)


def made(*rows, margin=0.03):
    """A result of (name, CCC, milliseconds, lower end of the difference); the first is the baseline."""
    variants = [
        Variant(
            name=name,
            scores=VariantScores(
                ccc=ccc,
                versus_baseline=None
                if low is None
                else VersusBaseline(delta=low + 0.01, interval=(low, low + 0.02), margin=margin, non_inferior=low > -margin),
            ),
            deploy=Deploy(clip_ms=None if ms is None else ClipTime(p50=ms)),
        )
        for name, ccc, ms, low in rows
    ]  # fmt: skip
    return Result(recipe=RecipeRecord(name="x"), baseline=rows[0][0], variants=variants)


def picked(found, function):
    """Apply one of the choices to CCC against clip time."""
    axes = axes_of(found)
    gain, cost = axis_named(axes, "ccc"), axis_named(axes, "clip_ms")
    return function(found, gain, cost) if function is knee else function(found, cost)


def test_the_cheapest_safe_one_is_within_the_margin():
    """Not the cheapest, not the most accurate: the cheapest whose interval lies within the margin."""
    found = made(("baseline", 0.60, 10.0, None), ("small", 0.61, 5.0, -0.01), ("tiny", 0.59, 2.0, -0.029), ("micro", 0.40, 1.0, -0.2))  # fmt: skip
    assert picked(found, cheapest_safe).name == "tiny"
    assert picked(made(*[("baseline", 0.6, 10.0, None), ("micro", 0.4, 1.0, -0.2)]), cheapest_safe) is None


def test_an_unmeasured_cost_is_never_the_cheapest():
    """A safe variant that was not timed is not chosen by time."""
    found = made(("baseline", 0.6, 10.0, None), ("untimed", 0.61, None, -0.01), ("timed", 0.6, 5.0, -0.01))
    assert picked(found, cheapest_safe).name == "timed"


def test_the_knee_is_where_the_front_bends():
    """Of three points of a front, the middle one lies above the line of the ends, or there is no knee."""
    bent = made(("a", 0.60, 100.0, None), ("b", 0.58, 10.0, -0.1), ("c", 0.30, 1.0, -0.4))
    assert picked(bent, knee).name == "b"
    hollow = made(("a", 0.60, 100.0, None), ("b", 0.32, 10.0, -0.1), ("c", 0.30, 1.0, -0.4))
    assert picked(hollow, knee) is None
    assert picked(made(("a", 0.6, 9.0, None), ("b", 0.5, 1.0, -0.1)), knee) is None


def test_the_volume_starts_at_the_baselines_cost():
    """The baseline alone gains nothing; half its cost at CCC 0.5 gains 0.25; dearer variants gain nothing."""
    assert picked(made(("baseline", 0.6, 10.0, None)), saved_volume) == 0.0
    found = made(("baseline", 0.6, 10.0, None), ("small", 0.5, 5.0, -0.1), ("large", 0.9, 20.0, 0.2))
    assert picked(found, saved_volume) == pytest.approx(0.25)
    assert picked(made(("baseline", 0.6, None, None), ("small", 0.5, 5.0, -0.1)), saved_volume) is None
