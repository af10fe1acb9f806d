"""The video with what was read from it drawn in: the crop's square, and valence and arousal as bars."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from jaxtyping import Float, UInt8

from slimaffect.video.box import Box
from slimaffect.video.faces import Face

COLOURS = {"valence": (0, 114, 178), "arousal": (213, 94, 0)}  # of Okabe and Ito, which the colour-blind tell apart
WHITE, GREY = (255, 255, 255), (150, 150, 150)
LONGEST = 960  # pixels; it is for a person to look at


class Overlay:
    """Writes one picture a tick, as H.264 in mp4; it shows faces, so it is a private file."""

    def __init__(self, file: Path, rate_hz: float) -> None:
        """Open the file, whose stream begins with the first picture."""
        self._container = av.open(str(file.absolute()), "w")
        self._rate = Fraction(rate_hz).limit_denominator(1001)
        self._stream: VideoStream | None = None

    def __enter__(self) -> "Overlay":
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is None and self._stream is not None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def add(self, face: Face, affect: Float[np.ndarray, " 2"]) -> None:
        """Draw and write the next tick."""
        image = drawn(face, affect)
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._rate)
            self._stream.height, self._stream.width = image.shape[:2]
            self._stream.pix_fmt, self._stream.thread_count = "yuv420p", 1
        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))


def drawn(face: Face, affect: Float[np.ndarray, " 2"]) -> UInt8[np.ndarray, "rows columns 3"]:
    """The picture at a moderate and even size, with the square and a bar for each part of affect."""
    small = face.frame.picture.small(LONGEST)
    image = np.ascontiguousarray(small[: small.shape[0] // 2 * 2, : small.shape[1] // 2 * 2])  # H.264 halves chroma
    if face.box is None:
        _text(image, 0, "no face", GREY)
        return image
    cv2.polylines(image, [_corners(face.box.scaled(len(small) / face.frame.picture.height))], True, WHITE, 2)
    for row, (name, value) in enumerate(zip(COLOURS, affect.tolist(), strict=True)):
        _text(image, row, f"{name} {value:+.2f}", COLOURS[name])
        _bar(image, row, value, COLOURS[name])
    return image


def _corners(box: Box) -> np.ndarray:
    return cv2.boxPoints((box.centre, (box.size, box.size), box.angle)).round().astype(np.int32)


def _text(image: np.ndarray, row: int, words: str, colour: tuple[int, int, int]) -> None:
    place = (8, 24 * (row + 1))
    for thickness, ink in ((4, WHITE), (1, colour)):
        cv2.putText(image, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, ink, thickness, cv2.LINE_AA)


def _bar(image: np.ndarray, row: int, value: float, colour: tuple[int, int, int]) -> None:
    """A bar from the middle, where affect is 0, to the left or right."""
    middle, top, half = 230, 24 * (row + 1) - 12, 60
    cv2.rectangle(image, (middle - half, top), (middle + half, top + 12), WHITE, 1)
    cv2.rectangle(image, (middle, top), (middle + round(half * value), top + 12), colour, -1)
