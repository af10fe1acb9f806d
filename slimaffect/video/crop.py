"""A square cut out of a picture: every pixel of the crop is close to the mean of the area that it shows."""

from functools import lru_cache
from math import ceil

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from slimaffect.video.picture import Picture, Plane

# By picture pixels per crop pixel (and axis), what costs least for an error against the exact mean near that of
# rounding: up to 1.25 one sample, up to 2.5 the mean of two by two; above, one sample of the smoothed picture, which
# takes a third of the time of many samples. A larger face than 6 is halved first.
ONE_SAMPLE, FOUR_SAMPLES, HALVED = 1.25, 2.5, 6.0


def crop(
    picture: Picture, x: float, y: float, size: float, pixels: int, *, angle: float = 0.0
) -> UInt8[np.ndarray, "3 pixels pixels"]:
    """Cut out a square (upper left corner and side in shown pixels) as RGB planes.

    The square is turned by `angle` degrees clockwise about its centre, so that a face which leans stands upright.

    Averages over areas at sub-pixel positions, so that slow boxes do not jump by whole pixels.
    Outside the picture the border is repeated.
    """
    cut = [_window(plane, picture, x=x, y=y, size=size, pixels=pixels, angle=angle) for plane in picture.planes]
    return np.ascontiguousarray(cv2.transform(cv2.merge(cut), picture.to_rgb).transpose(2, 0, 1))


def _window(
    plane: Plane, picture: Picture, *, x: float, y: float, size: float, pixels: int, angle: float
) -> UInt8[np.ndarray, "pixels pixels"]:
    across, down = plane.shape[1] / picture.width, plane.shape[0] / picture.height
    left, top = x * across, y * down
    while size * max(across, down) / pixels > HALVED and min(plane.shape) > 1:
        plane, cut_left, cut_top = _halved(plane, left, top, size * across, size * down)
        across, down, left, top = across / 2, down / 2, (left - cut_left) / 2, (top - cut_top) / 2
    finer = 2 if ONE_SAMPLE < size / pixels <= FOUR_SAMPLES else 1
    step_x, step_y = size * across / (pixels * finer), size * down / (pixels * finer)
    if finer == 1 and max(step_x, step_y) > 1:
        spare = ceil(max(step_x, step_y)) + 2 + (size * max(across, down) / 4 if angle else 0)
        plane, cut_left, cut_top = _cut(plane, left, top, size * across, size * down, spare)
        plane = cv2.sepFilter2D(plane, -1, _taps(step_x), _taps(step_y), borderType=cv2.BORDER_REPLICATE)
        left, top = left - cut_left, top - cut_top
    to_plane = np.array([[step_x, 0, left + step_x / 2 - 0.5], [0, step_y, top + step_y / 2 - 0.5]])
    fine = _sampled(plane, to_plane, pixels * finer, angle)
    return fine if finer == 1 else cv2.resize(fine, (pixels, pixels), interpolation=cv2.INTER_AREA)


def _sampled(
    plane: Plane, to_plane: Float[np.ndarray, "2 3"], count: int, angle: float
) -> UInt8[np.ndarray, "count count"]:
    """Samples on a square grid that is turned by an angle about its centre."""
    if angle:
        middle = (count - 1) / 2
        turned = cv2.getRotationMatrix2D((middle, middle), -angle, 1.0)
        to_plane = to_plane @ np.vstack([turned, [0, 0, 1]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(plane, to_plane, (count, count), flags=flags, borderMode=cv2.BORDER_REPLICATE)


@lru_cache(maxsize=64)  # both chroma planes ask for the same, and so does a face that keeps its size
def _taps(width: float) -> Float[np.ndarray, " taps"]:
    """The weights of a mean over so many pixels about one: an odd number whole, and a part of the next two."""
    whole = 2 * int((max(1.0, width) - 1) / 2) + 1
    end = (max(1.0, width) - whole) / 2
    return np.array([end, *[1.0] * whole, end]) / max(1.0, width)


def _halved(plane: Plane, left: float, top: float, width: float, height: float) -> tuple[Plane, int, int]:
    """The surroundings of a box, large enough for the box to turn in, at half the size; and where they were cut."""
    cut, first_x, first_y = _cut(plane, left, top, width, height, 0.25 * max(width, height) + 2)
    rows, columns = cut.shape[0] // 2, cut.shape[1] // 2
    return cv2.resize(cut[: 2 * rows, : 2 * columns], (columns, rows), interpolation=cv2.INTER_AREA), first_x, first_y


def _cut(plane: Plane, left: float, top: float, width: float, height: float, spare: float) -> tuple[Plane, int, int]:
    """The part of a plane about a box, and where it begins; the plane's edge if the box lies outside."""
    first_x, last_x = _inside(left - spare, left + width + spare, plane.shape[1])
    first_y, last_y = _inside(top - spare, top + height + spare, plane.shape[0])
    return plane[first_y:last_y, first_x:last_x], first_x, first_y


def _inside(low: float, high: float, length: int) -> tuple[int, int]:
    """Whole pixels from `low` to `high` inside a plane, two at least where it has two."""
    first = min(max(0, int(low)), max(0, length - 2))
    return first, max(min(length, int(high) + 1), min(length, first + 2))
