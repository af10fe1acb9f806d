"""What a model is to come down to, counted or measured."""

import pytest

from slimaffect.measure.until import Until, cpu_s_per_hour, remembered
from slimaffect.model.shapes import shape


def test_times_are_never_shares() -> None:
    """A quarter of the MACs, a quarter of a millisecond, a quarter of a CPU second."""
    assert [Until.model_validate({name: 0.25}).asked(8) for name in ("macs", "parameters", "clip_ms", "cpu_s")] == [
        2,
        2,
        0.25,
        0.25,
    ]
    assert [Until.model_validate({name: 1}).counted for name in ("macs", "parameters", "clip_ms", "cpu_s")] == [
        True,
        True,
        False,
        False,
    ]


def test_an_hour_of_faces() -> None:
    """At 25 frames a second 5625 clips of 16 frames, 2 ms each."""
    assert cpu_s_per_hour(2.0, 25) == pytest.approx(5625 * 0.002)


def test_each_shape_is_measured_once() -> None:
    """A bisection comes back to the same shapes."""
    asked = []
    figure = remembered(lambda spec: asked.append(spec) or len(asked))
    assert [figure(shape(name)) for name in ("micro", "tiny", "micro")] == [1, 2, 1]
    assert len(asked) == 2
