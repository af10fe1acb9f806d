"""Pareto fronts, against brute force."""

from hypothesis import given
from hypothesis import strategies as st

from slimaffect.report.fronts import cpu_s, energy_axis, fronts, joules, non_dominated
from slimaffect.result import Deploy, Energy, Variant, VariantScores

LEVEL = st.one_of(st.none(), st.integers(0, 4).map(float))


@given(st.lists(st.tuples(LEVEL, LEVEL), max_size=12))
def test_a_point_is_on_the_front_when_no_other_beats_it(points):
    """Every pair is tried: at least as good on both and better on one."""
    for index, (gain, cost) in enumerate(points):
        if gain is None or cost is None:
            assert non_dominated(points)[index] is None
            continue
        rivals = [(g, c) for g, c in points if g is not None and c is not None]
        beaten = any((g > gain and c <= cost) or (g >= gain and c < cost) for g, c in rivals)
        assert non_dominated(points)[index] is not beaten


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 9)), min_size=1, max_size=9))
def test_there_is_always_a_front(points):
    """The most accurate of the cheapest is never beaten, so something is always on the front."""
    assert any(non_dominated(points))


def variant(name, ccc, cpu, origin=None, value=None):
    """One variant with CPU-seconds and perhaps joules."""
    energy = None if origin is None else Energy(value=value, provenance=origin)
    return Variant(
        name=name, scores=VariantScores(ccc=ccc), deploy=Deploy(cpu_s_per_clip=cpu, energy_j_per_clip=energy)
    )


def test_joules_of_different_origin_share_no_axis():
    """Measured and modelled joules mixed, or modelled ones alone: the axis is CPU-seconds."""
    measured = [variant("a", 0.5, 1.0, "measured", 9.0), variant("b", 0.4, 2.0, "measured", 3.0)]
    assert energy_axis(measured) is joules
    assert energy_axis([measured[0], variant("c", 0.4, 2.0, "modelled", 3.0)]) is cpu_s
    assert energy_axis([variant("c", 0.4, 2.0, "modelled", 3.0)]) is cpu_s
    assert energy_axis([measured[0], variant("d", 0.4, 2.0)]) is cpu_s
    assert [place.energy for place in fronts(measured)] == [True, True]
    assert [place.energy for place in fronts([variant("a", 0.5, 1.0), variant("b", 0.4, 2.0)])] == [True, False]


def test_what_was_not_measured_is_on_no_front(result):
    """The variant without score or time is None on both, and moves nobody else."""
    places = dict(zip([one.name for one in result.variants], fronts(result.variants), strict=True))
    assert places["micro-int8"].latency is None
    assert places["micro-int8"].energy is None
    assert places["tiny-fp32"].latency is True
    assert places["baseline"].latency is False
