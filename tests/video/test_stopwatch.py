"""Each second is billed to one stage: the innermost that runs."""

import pytest

from slimaffect.video.stopwatch import Stopwatch


class Clock:
    """Seconds that pass when somebody works."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_an_inner_stage_stops_the_outer_hand():
    """Decoding that is asked for while faces are looked for is billed as decoding."""
    clock = Clock()
    stopwatch = Stopwatch(clock)

    def decoded():
        for number in range(3):
            clock.now += 2
            yield number

    def followed(frames):
        for frame in frames:
            clock.now += 5
            yield frame

    for _ in stopwatch.each("faces", followed(stopwatch.each("decode", decoded()))):
        clock.now += 100  # the caller's own time is nobody's
        with stopwatch.of("crop"):
            clock.now += 1
    assert stopwatch.seconds == {"faces": 15, "decode": 6, "crop": 3}


def test_a_stage_that_fails_is_billed_and_left():
    """An error passes through, and what follows is not billed to the stage that failed."""
    clock = Clock()
    stopwatch = Stopwatch(clock)

    def fail():
        clock.now += 4
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"), stopwatch.of("model"):
        fail()
    clock.now += 50
    with stopwatch.of("crop"):
        clock.now += 1
    assert stopwatch.seconds == {"model": 4, "crop": 1}
