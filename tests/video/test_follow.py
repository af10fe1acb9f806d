"""Promises of following: one face, smoothly, through misses, across short gaps and never across long ones."""

import numpy as np
import pytest

from slimaffect.video.box import Box
from slimaffect.video.decode import Frame
from slimaffect.video.detect import GreyDetector
from slimaffect.video.follow import Sighting, follow, settle, smooth
from slimaffect.video.picture import Picture
from slimaffect.video.settings import FaceSettings

RATE = 10.0


class Script(GreyDetector):
    """A detector that sees what the test says at each detection."""

    longest = 100

    def __init__(self, *seen):
        self.seen = list(seen)

    def find(self, grey, near=None):  # noqa: ARG002 - as the protocol has it
        """The next line of the script."""
        return self.seen.pop(0)


def clock(seconds):
    """Empty pictures, ten a second."""
    image = Picture.of_rgb(np.zeros((100, 100, 3), np.uint8))
    return [Frame(i / RATE, image) for i in range(round(seconds * RATE))]


def track(seconds, *seen, **settings):
    """Boxes at ten a second for a script of one detection a second, smoothing switched off."""
    chosen = FaceSettings(**{"centre_weight": 1, "size_weight": 1, **settings})
    followed = list(follow(clock(seconds), Script(*seen), chosen, rate=RATE))
    assert [frame.time_s for frame, _ in followed] == [frame.time_s for frame in clock(seconds)]
    return [box for _, box in followed]


A, B = Box(10.0, 10.0, 40.0, 1.0), Box(20.0, 14.0, 40.0, 1.0)


def test_between_detections_the_box_moves_in_a_straight_line():
    """Half-way in time is half-way in place."""
    boxes = track(2, [A], [B])
    assert boxes[0] == A
    assert (boxes[5].x, boxes[5].y) == pytest.approx((15, 12))
    assert boxes[10] == B


def test_a_missed_detection_is_bridged():
    """One miss between two sightings leaves no frame without a box."""
    boxes = track(3, [A], [], [B])
    assert boxes[10].x == pytest.approx(15)
    assert None not in boxes


def test_a_long_gap_is_not_filled():
    """Someone who is away for four seconds is held for one second at either end, and masked in between."""
    boxes = track(6, [A], [], [], [], [B], [B])
    seen = [box is not None for box in boxes]
    assert seen == [True] * 11 + [False] * 19 + [True] * 30
    assert boxes[10] == A
    assert boxes[30] == B


def test_nobody_is_masked_throughout():
    """Without any detection there is no box."""
    assert track(5, [], [], [], [], []) == [None] * 50


def test_a_face_that_enters_is_held_back_for_a_moment():
    """Frames up to a second before the first sighting take its box, earlier ones take none."""
    boxes = track(4, [], [], [A], [A])
    assert boxes[:10] == [None] * 10
    assert boxes[10:21] == [A] * 11


def test_the_end_is_held_for_a_second_at_most():
    """After the last sighting the box stands for a second."""
    boxes = track(4, [A], [A], [], [])
    assert boxes[20] == A
    assert boxes[21:] == [None] * 19


def test_the_face_that_continues_is_followed_not_the_largest():
    """A bigger face that comes in elsewhere does not take over."""
    other = Box(55.0, 40.0, 45.0, 1.0)
    boxes = track(3, [A], [other, B], [other, B])
    assert boxes[10] == B
    assert boxes[20] == B


def test_the_largest_face_begins_the_track():
    """At the beginning the detector's first box, its largest, is taken."""
    assert track(1, [B, A])[0] == B


def test_another_face_takes_over_when_the_first_is_gone():
    """A face elsewhere is no continuation; after the longest bridge it begins a new track."""
    other = Box(60.0, 50.0, 30.0, 1.0)
    boxes = track(7, [A], [other], [other], [other], [other], [other], [other])
    assert boxes[10] == A
    assert boxes[15:30] == [None] * 15
    assert boxes[40] == other


def test_frames_wait_for_a_few_seconds_only():
    """Memory is bounded: no frame waits longer than bridge and hold together, whatever the detector sees."""
    settings = FaceSettings()
    given, taken = 0, 0

    def counted():
        nonlocal given
        for frame in clock(30):
            given += 1
            yield frame

    script = Script([A], *[[]] * 9, [A], *[[]] * 19)
    for _ in follow(counted(), script, settings, rate=RATE):
        taken += 1
        assert given - taken <= RATE * (settings.bridge_s + settings.hold_s) + RATE
    assert taken == 300


def test_smoothing_weighs_the_past():
    """The centre is an exponential mean; the size begins as a plain mean of what was seen."""
    settings = FaceSettings(centre_weight=0.5, size_weight=0.1)
    first = smooth(0.0, Box(0.0, 0.0, 40.0, 1.0), None, settings)
    second = smooth(1.0, Box(10.0, 0.0, 60.0, 1.0), first, settings)
    assert second.box.size == pytest.approx(50)
    assert second.box.x + 25 == pytest.approx((20 + 40) / 2)
    third = smooth(2.0, Box(0.0, 0.0, 80.0, 1.0), second, settings)
    assert third.box.size == pytest.approx(60)
    assert third.count == 3


def test_settling_prefers_neighbours_of_one_track():
    """Two sightings of different tracks are never joined by a line."""
    before, after = Sighting(0.0, A, A, 4), Sighting(2.0, B, B, 1)
    settings = FaceSettings()
    assert settle(0.5, before, after, settings) == A
    assert settle(1.5, before, after, settings) == B
    assert settle(1.0, before, Sighting(2.0, B, B, 5), settings).x == pytest.approx(15)
    assert settle(1.0, None, None, settings) is None


def test_boxes_are_in_shown_pixels():
    """What a detector finds in a small grey picture is scaled to the picture's own size."""
    image = Picture.of_rgb(np.zeros((200, 400, 3), np.uint8))
    followed = follow([Frame(0.0, image)], Script([A]), FaceSettings(), rate=RATE)
    assert next(followed)[1] == Box(40.0, 40.0, 160.0, 1.0)


LEFT, RIGHT = Box(5.0, 30.0, 30.0, 1.0), Box(60.0, 20.0, 38.0, 1.0)


@pytest.mark.parametrize(
    ("prefer", "chosen"), [("track", RIGHT), ("largest", RIGHT), ("left", LEFT), ("right", RIGHT), ("centre", LEFT)]
)
def test_a_position_chooses_among_several(prefer, chosen):
    """Two people: the one in the wished place is followed from the first frame to the last."""
    boxes = track(3, *[[RIGHT, LEFT]] * 3, prefer=prefer)
    assert boxes == [chosen] * 30


def test_a_moments_miss_does_not_hand_over_to_a_neighbour():
    """The person on the left is missed once: the gap is bridged, the other person is never cropped."""
    boxes = track(4, [RIGHT, LEFT], [RIGHT], [RIGHT, LEFT], [RIGHT, LEFT], prefer="left")
    assert boxes == [LEFT] * 40


def test_who_comes_to_the_preferred_place_is_followed_after_the_longest_bridge():
    """The track began with the only person there; when somebody sits down on the left it changes to them."""
    boxes = track(9, [RIGHT], [RIGHT], *[[RIGHT, LEFT]] * 7, prefer="left")
    assert boxes[:11] == [RIGHT] * 11
    assert boxes[-30:] == [LEFT] * 30


def test_the_turn_of_a_face_is_smoothed_with_its_centre():
    """Angles are exponential means like centres, across the half turn too."""
    settings = FaceSettings(centre_weight=0.5)
    first = smooth(0.0, Box(0.0, 0.0, 40.0, 1.0, 170.0), None, settings)
    assert smooth(1.0, Box(0.0, 0.0, 40.0, 1.0, -170.0), first, settings).box.angle == pytest.approx(180)
