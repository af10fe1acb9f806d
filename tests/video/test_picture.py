"""Promises of pictures: crops are exact to a fraction of a pixel, and big pictures stay small in memory."""

import av
import cv2
import numpy as np
import pytest

from slimaffect.video.picture import LARGEST, Picture, crop, picture


def test_a_crop_averages_the_area_it_covers():
    """Every crop pixel is the mean of the block that it shows."""
    image = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    seen = crop(Picture.of_rgb(image), 16, 32, 48, 16)
    blocks = image[32:80, 16:64].reshape(16, 3, 16, 3, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    assert seen.shape == (3, 16, 16)
    assert np.abs(seen - blocks).max() <= 1


def test_a_crop_moves_by_fractions_of_a_pixel():
    """On a slope of 2 grey levels a pixel, half a pixel to the right is one level more."""
    slope = np.repeat(np.tile(np.arange(0, 200, 2, np.uint8), (100, 1))[..., None], 3, axis=2)
    one, other = (crop(Picture.of_rgb(slope), x, 20.0, 48.0, 16).astype(int) for x in (20.0, 20.5))
    assert np.abs(other - one - 1).max() <= 1
    assert (other - one).mean() == pytest.approx(1, abs=0.3)


def test_outside_the_picture_the_border_is_repeated():
    """A face at the edge is not framed in black."""
    seen = crop(Picture.of_rgb(np.full((40, 40, 3), 90, np.uint8)), -20, -20, 40, 16)
    assert (seen == 90).all()


def test_crops_from_planes_equal_crops_from_rgb(films):
    """Turning only the crop into RGB gives what turning the whole picture would."""
    image = films.face(320, 240, 160, 120, 150)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
    planes = crop(picture(frame), 70.3, 40.8, 180, 48).astype(int)
    whole = crop(Picture.of_rgb(frame.to_ndarray(format="rgb24")), 70.3, 40.8, 180, 48)
    assert np.abs(planes - whole).mean() < 1.5


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


def test_a_leaning_crop_stands_upright():
    """A picture turned by 30 degrees and cropped at 30 degrees is what it was, but for interpolation."""
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8), (0, 0), 4)
    leaning = cv2.warpAffine(image, cv2.getRotationMatrix2D((99.5, 99.5), -30, 1), (200, 200))
    upright = crop(Picture.of_rgb(image), 60, 60, 80, 40).astype(int)
    turned = crop(Picture.of_rgb(leaning), 60, 60, 80, 40, angle=30.0)
    assert np.abs(turned - upright).mean() < 1.5
    assert np.abs(crop(Picture.of_rgb(leaning), 60, 60, 80, 40) - upright).mean() > 5


def test_a_small_picture_keeps_its_colours(films):
    """What a detector in colour sees is the picture, made smaller."""
    frame = av.VideoFrame.from_ndarray(films.still((200, 60, 30), 640, 360), format="rgb24").reformat(format="yuv420p")
    small = picture(frame).small(320)
    assert small.shape == (180, 320, 3)
    assert small.mean(axis=(0, 1)) == pytest.approx([200, 60, 30], abs=3)


@pytest.mark.parametrize("x", [300, 303, 333])
def test_a_large_face_is_averaged_all_the_same(films, x):
    """A crop of 9 x 9 picture pixels to a pixel is their mean, though the picture is halved on the way."""
    image = cv2.GaussianBlur(films.face(1280, 720, 520, 350, 400), (0, 0), 1.5)
    seen = crop(Picture.of_rgb(image), x, 130, 9 * 48, 48).astype(int)
    blocks = image[130 : 130 + 432, x : x + 432].reshape(48, 9, 48, 9, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    assert np.abs(seen - blocks).mean() < 0.8


def test_a_large_crop_far_outside_is_the_border():
    """A box that left the picture is no error, however large it is."""
    image = np.full((720, 1280, 3), 90, np.uint8)
    for x, y in ((-5000, 0), (9000, 9000), (0, -9000)):
        assert (crop(Picture.of_rgb(image), x, y, 700, 16) == 90).all()
