"""Where faces are in a picture: what a detector is, OpenCV's own, and the one that need not look."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import UInt8

from slimaffect.errors import VideoError
from slimaffect.video.box import Box
from slimaffect.video.boxes import SUFFIX, BoxesDetector
from slimaffect.video.decode import Frame
from slimaffect.video.settings import DetectorName, FaceSettings
from slimaffect.video.yunet import YunetDetector

Grey = UInt8[np.ndarray, "rows columns"]

# Haar features expect eyes darker than cheeks. In dark faces the whites of the eyes, and in any face glints on glasses,
# are brighter. A second look at a picture without such small bright spots (morphological opening) with a finer
# pyramid found 99.6 % of 990 pictures of the synthetic dataset, and 91 % of the worst-served person's, where the
# plain look found 96.3 % and 45 %; the cascade OpenCV calls default added nothing to it.
BRIGHT_SPOTS = (0.05, 0.025)  # their size as a share of the picture's shorter side: large faces first, then small
SPOT_IN_FACE = 0.1  # their size as a share of a face
CASCADE = "haarcascade_frontalface_alt2.xml"
SURROUNDINGS = 2.0  # a face is first looked for in a window this much larger than its last box
SHRUNK = 1.4  # and at no less than its last size by this factor: small sizes take most of the time


@runtime_checkable
class Detector(Protocol):
    """Finds face crops in a picture."""

    def see(self, frame: Frame, near: Box | None = None) -> list[Box]:
        """Boxes to crop in shown pixels, largest first; `near` is where the face was last, a place to look first."""
        ...


class GreyDetector(ABC):
    """A detector that needs no more than a small grey picture."""

    longest: int
    """Longer side in pixels of the grey pictures that this detector wants at most."""

    @abstractmethod
    def find(self, grey: Grey, near: Box | None = None) -> list[Box]:
        """Boxes in the grey picture's pixels, largest first."""

    def see(self, frame: Frame, near: Box | None = None) -> list[Box]:
        """Boxes to crop in shown pixels, largest first."""
        grey = frame.picture.grey(self.longest)
        enlarged = frame.picture.width / grey.shape[1]
        found = self.find(grey, near.scaled(1 / enlarged) if near else None)
        return [box.scaled(enlarged) for box in found]


class WholeFrame(GreyDetector):
    """For video that shows a cropped face already: the smallest square that holds the whole picture."""

    longest = 16

    def find(self, grey: Grey, near: Box | None = None) -> list[Box]:  # noqa: ARG002 - as the protocol has it
        """The picture itself."""
        rows, columns = grey.shape
        side = float(max(rows, columns))
        return [Box((columns - side) / 2, (rows - side) / 2, side, 1.0)]


class HaarDetector(GreyDetector):
    """Frontal faces by a cascade that OpenCV brings along (Viola and Jones 2001, doi:10.1109/CVPR.2001.990517)."""

    longest = 320

    def __init__(self, settings: FaceSettings) -> None:
        """Load the cascade."""
        self.settings = settings
        self.cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / CASCADE))

    def find(self, grey: Grey, near: Box | None = None) -> list[Box]:
        """Faces, framed by `grow` and `drop`; the surroundings of `near` are searched before the whole picture."""
        if near is not None:
            side = near.size / self.settings.grow
            left, top, window = _window(grey, near.around(SURROUNDINGS))
            if found := self._search(window, smallest=side / SHRUNK, spots=[side * SPOT_IN_FACE]):
                return [self._framed(x + left, y + top, size, votes) for x, y, size, votes in found]
        shorter = min(grey.shape)
        spots = [share * shorter for share in BRIGHT_SPOTS]
        return [self._framed(*face) for face in self._search(grey, self.settings.smallest * shorter, spots)]

    def _search(self, grey: Grey, smallest: float, spots: list[float]) -> list[tuple[float, float, float, int]]:
        """(x, y, size, votes) of faces, largest first: a quick look, then thorough ones without bright spots."""
        side = max(1, round(smallest))
        if min(grey.shape) < side:
            return []
        if found := self._look(grey, 1.15, side):
            return found
        thorough = (self._look(_without_bright_spots(grey, spot), 1.05, side) for spot in spots)
        return next((found for found in thorough if found), [])

    def _look(self, grey: Grey, step: float, side: int) -> list[tuple[float, float, float, int]]:
        faces, votes = self.cascade.detectMultiScale2(grey, scaleFactor=step, minNeighbors=3, minSize=(side, side))
        found = [(float(x), float(y), float(w), int(n)) for (x, y, w, _), n in zip(faces, votes, strict=True)]
        return sorted(found, key=lambda face: -face[2])

    def _framed(self, x: float, y: float, side: float, votes: int) -> Box:
        return Box(x, y, side, votes / (votes + 10)).framed(self.settings.grow, self.settings.drop)


def _window(grey: Grey, box: Box) -> tuple[int, int, UInt8[np.ndarray, "_ _"]]:
    """The part of a picture inside a box, and its upper left corner."""
    left, top = max(0, int(box.x)), max(0, int(box.y))
    right, bottom = max(0, int(box.x + box.size)), max(0, int(box.y + box.size))
    return left, top, grey[top:bottom, left:right]


def _without_bright_spots(grey: Grey, size: float) -> Grey:
    side = max(3, round(size) | 1)
    return cv2.morphologyEx(grey, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))


def detector(name: DetectorName, settings: FaceSettings, *, boxes: Path | None = None) -> Detector:
    """The detector of this name; `boxes` is the recording's table, for the one that reads it.

    Raises:
        ModelError: yunet's file is not declared, missing, or another one.
        VideoError: there is no table of boxes, or it cannot be used.
    """
    if name == "yunet":
        return YunetDetector(settings)
    if name == "boxes":
        if boxes is None:
            raise VideoError(f"detector: boxes needs a file <recording>{SUFFIX} beside the video, and none is given.")
        return BoxesDetector(boxes, settings)
    return WholeFrame() if name == "none" else HaarDetector(settings)
