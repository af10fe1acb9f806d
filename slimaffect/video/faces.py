"""From a video file to face crops on an even clock: the one way in, for preparation and for deployment."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from slimaffect.video.box import Box
from slimaffect.video.crop import crop as cut_out
from slimaffect.video.decode import Frame, frames
from slimaffect.video.detect import Detector, HaarDetector, WholeFrame, detector
from slimaffect.video.follow import follow
from slimaffect.video.picture import Picture
from slimaffect.video.settings import FaceSettings
from slimaffect.video.stopwatch import Stopwatch

__all__ = ["Box", "Detector", "Face", "HaarDetector", "WholeFrame", "crop", "detector", "faces", "follow"]


@dataclass(frozen=True, eq=False)
class Face:
    """The face at one tick of the clock.

    Attributes:
        frame: the tick's time and whole picture.
        crop: the face as RGB planes; zeros where there is none.
        box: where the crop was cut, in shown pixels; None where there is no face.
    """

    frame: Frame
    crop: UInt8[np.ndarray, "3 pixels pixels"]
    box: Box | None


def crop(image: Picture, box: Box, pixels: int) -> UInt8[np.ndarray, "3 pixels pixels"]:
    """Cut a box out of a picture, as RGB planes of `pixels` a side."""
    return cut_out(image, box.x, box.y, box.size, pixels, angle=box.angle)


def faces(
    path: Path,
    finder: Detector,
    settings: FaceSettings,
    *,
    rate: float,
    pixels: int,
    complain: Callable[[str], None] = lambda _: None,
    stopwatch: Stopwatch | None = None,
) -> Iterator[Face]:
    """Decode a video once and yield the followed face at every tick.

    Args:
        path: a video file.
        finder: the detector.
        settings: how to follow and smooth.
        rate: ticks per second.
        pixels: side of the square crops.
        complain: is told in a sentence which part of the video is missing or damaged.
        stopwatch: is billed for `decode`, `faces` and `crop`.

    Raises:
        VideoError: the file is missing, empty, no video, or breaks off before its first frame.
    """
    stopwatch = stopwatch or Stopwatch()
    nothing = np.zeros((3, pixels, pixels), np.uint8)
    decoded = stopwatch.each("decode", frames(path, rate=rate, complain=complain))
    for frame, box in stopwatch.each("faces", follow(decoded, finder, settings, rate=rate)):
        with stopwatch.of("crop"):
            cut = nothing if box is None else crop(frame.picture, box, pixels)
        yield Face(frame, cut, box)
