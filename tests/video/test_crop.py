"""Promises of crops: close to the exact mean of the area they show, at any size, place and angle."""

import av
import cv2
import numpy as np
import pytest

from slimaffect.video.crop import crop
from slimaffect.video.picture import Picture, picture

ROUNDED = 1 / np.sqrt(12)  # the root mean square error of rounding alone, in grey levels


def exact(plane, left, top, size, pixels):
    """The means of the squares of a grid over a plane of square pixels, in double precision."""

    def bands(values, start):
        edges = start + np.arange(pixels + 1) * size / pixels
        sums = np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
        at = np.floor(edges).astype(int)
        return np.diff(sums[at] + (edges - at)[:, None] * values[at], axis=0) * pixels / size

    return bands(bands(plane.astype(float), top).T, left).T


def error(plane, left, top, size, pixels):
    """Root mean square difference of a crop from the exact means, in grey levels."""
    seen = crop(Picture.of_rgb(np.repeat(plane[..., None], 3, axis=2)), left, top, size, pixels)[1]
    return np.sqrt(np.mean((seen - exact(plane, left, top, size, pixels)) ** 2))


@pytest.mark.parametrize("ratio", [1.0, 1.2, 1.5, 1.9, 2.4, 2.6, 3.0, 3.5, 4.2, 5.7])
def test_a_crop_of_a_film_is_near_the_exact_mean(films, ratio):
    """As sharp as cameras are, every size of face is met within a grey level, of which 0.29 is rounding."""
    film = cv2.GaussianBlur(films.face(640, 480, 320, 240, 400), (0, 0), 1.0)[..., 1]
    places = np.random.default_rng(0).uniform(40, 60, (4, 2))
    errors = [error(film, x, y, 64 * ratio, 64) for x, y in places]
    assert max(errors) < 0.7, errors


@pytest.mark.parametrize("ratio", [1.5, 1.9, 2.4, 2.6, 3.0, 3.5, 4.2, 5.7])
def test_what_is_too_fine_for_a_crop_is_averaged_away(ratio):
    """White noise, the worst there is: what one sample per pixel would show as noise of 74 grey levels is a tenth."""
    noise = np.random.default_rng(0).integers(0, 256, (480, 480), np.uint8)
    errors = [error(noise, x, y, 64 * ratio, 64) for x, y in ((30.0, 40.0), (31.3, 40.8))]
    single = np.sqrt(np.mean((noise[40 : 40 + 64, 30 : 30 + 64] - exact(noise, 30, 40, 64 * ratio, 64)) ** 2))
    assert max(errors) < 0.13 * single, errors


def test_an_even_picture_stays_as_it_is():
    """No size, place or angle makes a crop lighter or darker."""
    wall = Picture.of_rgb(np.full((300, 400, 3), 201, np.uint8))
    for size in (17.3, 48.0, 70.0, 111.1, 130.5, 191.9, 400.0):
        for angle in (0.0, 12.0):
            assert (crop(wall, 33.3, 41.7, size, 48, angle=angle) == 201).all()


def test_a_crop_of_the_whole_picture_reaches_its_edges():
    """With detector none the crop is the picture: its first and last rows and columns count, odd sizes included."""
    image = np.zeros((161, 161, 3), np.uint8)
    image[:, -3:] = image[-3:] = 240
    seen = crop(Picture.of_rgb(image), 0, 0, 161, 48)
    assert seen[:, :, -1].mean() > 200
    assert seen[:, -1].mean() > 200
    assert seen[:, :-2, :-2].max() == 0


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


def test_a_leaning_crop_stands_upright():
    """A picture turned by 30 degrees and cropped at 30 degrees is what it was, but for interpolation."""
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8), (0, 0), 4)
    leaning = cv2.warpAffine(image, cv2.getRotationMatrix2D((99.5, 99.5), -30, 1), (200, 200))
    upright = crop(Picture.of_rgb(image), 60, 60, 80, 40).astype(int)
    turned = crop(Picture.of_rgb(leaning), 60, 60, 80, 40, angle=30.0)
    assert np.abs(turned - upright).mean() < 1.5
    assert np.abs(crop(Picture.of_rgb(leaning), 60, 60, 80, 40) - upright).mean() > 5


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
