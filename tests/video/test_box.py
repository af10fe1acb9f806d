"""Promises of boxes: squares are compared, joined, framed and turned rightly."""

import pytest

from slimaffect.video.box import Box, between, overlap, turn


@pytest.mark.parametrize(
    ("other", "share"),
    [
        (Box(0.0, 0.0, 10.0, 1.0), 1),
        (Box(5.0, 0.0, 10.0, 1.0), 1 / 3),
        (Box(20.0, 0.0, 10.0, 1.0), 0),
        (Box(2.5, 2.5, 5.0, 1.0), 0.25),
    ],
)
def test_overlap_is_shared_over_joint_area(other, share):
    """Equal, shifted, apart, and one inside the other."""
    assert overlap(Box(0.0, 0.0, 10.0, 1.0), other) == pytest.approx(share)
    assert overlap(other, Box(0.0, 0.0, 10.0, 1.0)) == pytest.approx(share)


def test_between_two_boxes_lies_a_straight_line():
    """A quarter of the way is a quarter of every number."""
    assert between(Box(0.0, 0.0, 10.0, 0.0), Box(8.0, 4.0, 20.0, 1.0), 0.25) == Box(2.0, 1.0, 12.5, 0.25)


def test_a_box_turns_the_shorter_way():
    """From 170 degrees to -170 it is 20 degrees, not 340."""
    assert between(Box(0.0, 0.0, 10.0, 1.0, 170.0), Box(0.0, 0.0, 10.0, 1.0, -170.0), 0.5).angle == pytest.approx(180)
    assert [turn(-10, 20), turn(20, -10), turn(350, 10)] == [30, -30, 20]


@pytest.mark.parametrize(("angle", "moved"), [(0, (0, 10)), (90, (-10, 0)), (180, (0, -10)), (-90, (10, 0))])
def test_down_is_where_the_chin_is(angle, moved):
    """A face that lies on its side drops sideways; growing does not move the centre."""
    box = Box(0.0, 0.0, 100.0, 1.0, angle).framed(1.5, 0.1)
    assert box.size == 150
    assert box.centre == pytest.approx((50 + moved[0], 50 + moved[1]))
