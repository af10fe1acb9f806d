"""Promises of pictures: upright, in their own colours, and big ones stay small in memory."""

import av
import cv2
import numpy as np
import pytest

from slimaffect.video.crop import crop
from slimaffect.video.picture import LARGEST, picture


def test_high_definition_without_a_tag_is_read_as_bt709():
    """An untagged frame of 720 lines takes the equations of high definition, as players do."""
    image = np.full((720, 1280, 3), (200, 60, 30), np.uint8)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
    frame.colorspace = 2  # unspecified
    assert picture(frame).rgb().mean(axis=(0, 1)) == pytest.approx([200, 60, 30], abs=3)


def test_a_very_large_picture_is_halved():
    """Frames wait in memory for the next detection: 4K pictures wait at half their size."""
    frame = av.VideoFrame(3840, 2160, "yuv420p")
    image = picture(frame)
    assert (image.width, image.height) == (1920, 1080)
    assert max(image.planes[0].shape) <= LARGEST


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_quarter_turns_are_clockwise(films, turns):
    """Each turn equals OpenCV's own rotation."""
    image = films.face(60, 40, 20, 20, 30)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    codes = [None, cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE]
    expected = image if turns == 0 else cv2.rotate(image, codes[turns])
    seen = picture(frame, turns=turns)
    assert (seen.rgb() == expected).all()
    assert (seen.height, seen.width) == expected.shape[:2]


def test_oblong_pixels_are_stretched():
    """Pixels twice as wide as high make the picture twice as wide; a square on the screen crops as a square."""
    image = np.zeros((40, 40, 3), np.uint8)
    image[10:30, 10:20] = 200  # shown as a square of 20
    seen = picture(av.VideoFrame.from_ndarray(image, format="rgb24"), pixel_aspect=2.0)
    assert (seen.width, seen.height) == (80, 40)
    assert (crop(seen, 20, 10, 20, 16) > 150).mean() > 0.85


def test_grey_is_small():
    """Detection sees the luma plane at no more than the size asked for."""
    frame = av.VideoFrame.from_ndarray(np.full((240, 480, 3), 128, np.uint8), format="rgb24")
    assert picture(frame).grey(320).shape == (160, 320)
    assert picture(frame).grey(900).shape == (240, 480)


def test_a_small_picture_keeps_its_colours(films):
    """What a detector in colour sees is the picture, made smaller."""
    frame = av.VideoFrame.from_ndarray(films.still((200, 60, 30), 640, 360), format="rgb24").reformat(format="yuv420p")
    small = picture(frame).small(320)
    assert small.shape == (180, 320, 3)
    assert small.mean(axis=(0, 1)) == pytest.approx([200, 60, 30], abs=3)
