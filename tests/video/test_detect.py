"""Promises of detection: a frontal face is found and framed, nothing else is, and squares are compared rightly."""

import cv2
import pytest

from slimaffect.video.box import Box, overlap
from slimaffect.video.detect import HaarDetector, WholeFrame, detector
from slimaffect.video.settings import FaceSettings


def grey(image):
    """An RGB picture in grey."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


@pytest.mark.parametrize("size", [60, 80, 120])
def test_a_face_is_found_where_it_is(films, size):
    """The crop holds the face from brow to chin about its middle."""
    (box,) = HaarDetector(FaceSettings()).find(grey(films.face(320, 240, 170, 110, size)))
    assert box.x + box.size / 2 == pytest.approx(170, abs=0.1 * size)
    assert box.y + box.size / 2 == pytest.approx(110 + 0.1 * size, abs=0.15 * size)
    assert 0.9 * size < box.size < 1.5 * size
    assert 0 < box.score < 1


def test_growing_and_dropping_frame_the_box(films):
    """The box is enlarged about its centre after moving down by a share of its side."""
    plain = HaarDetector(FaceSettings(grow=1, drop=0)).find(grey(films.face()))[0]
    framed = HaarDetector(FaceSettings(grow=1.5, drop=0.1)).find(grey(films.face()))[0]
    assert framed.size == pytest.approx(1.5 * plain.size)
    assert framed.x + framed.size / 2 == pytest.approx(plain.x + plain.size / 2)
    assert framed.y + framed.size / 2 == pytest.approx(plain.y + 0.6 * plain.size)


def test_nobody_is_nobody(films):
    """An empty picture has no face."""
    assert HaarDetector(FaceSettings()).find(grey(films.still())) == []


def test_the_largest_face_comes_first(films):
    """Two people: the nearer one leads the list."""
    image = films.face(320, 240, 90, 120, 120)
    image[:, 200:] = films.face(120, 240, 60, 120, 60)
    first, second = HaarDetector(FaceSettings()).find(grey(image))
    assert first.x < 150 < second.x


def test_near_a_known_face_only_its_surroundings_are_searched(films):
    """The smaller face is found alone when it is the one that was there before."""
    image = films.face(320, 240, 90, 120, 120)
    image[:, 200:] = films.face(120, 240, 60, 120, 60)
    finder = HaarDetector(FaceSettings())
    larger, smaller = finder.find(grey(image))
    assert overlap(finder.find(grey(image), near=smaller)[0], smaller) > 0.8
    assert overlap(finder.find(grey(image), near=larger)[0], larger) > 0.8


def test_a_face_that_jumped_away_is_found_again(films):
    """When its surroundings are empty, the whole picture is searched."""
    found = HaarDetector(FaceSettings()).find(grey(films.face(320, 240, 240, 120, 80)), near=Box(10.0, 80.0, 70.0, 1.0))
    assert found[0].x > 150


def test_a_sliver_of_a_picture_is_no_error(films):
    """A box beyond the border leaves nothing to search around it."""
    found = HaarDetector(FaceSettings()).find(grey(films.face()), near=Box(-500.0, -500.0, 60.0, 1.0))
    assert len(found) == 1


def test_the_whole_frame_is_a_square_that_holds_it():
    """Nothing of a cropped video is cut away."""
    (box,) = WholeFrame().find(grey_of(60, 100))
    assert (box.x, box.y, box.size) == (0, -20, 100)


def grey_of(height, width):
    """A black picture."""
    import numpy as np

    return np.zeros((height, width), np.uint8)


def test_detectors_go_by_their_names():
    """The words of a recipe lead to their detectors."""
    assert isinstance(detector("none", FaceSettings()), WholeFrame)
    assert isinstance(detector("haar", FaceSettings()), HaarDetector)
