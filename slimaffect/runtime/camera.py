"""Affect from a camera as it is seen: the newest picture is read, and what came too late is dropped."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from slimaffect.errors import VideoError
from slimaffect.runtime.predictor import Predictor
from slimaffect.runtime.stream import Affect
from slimaffect.video.decode import Frame
from slimaffect.video.detect import Detector
from slimaffect.video.faces import crop
from slimaffect.video.follow import Sighting, settle, sight
from slimaffect.video.picture import Picture
from slimaffect.video.settings import FaceSettings

Image = UInt8[np.ndarray, "rows columns 3"]


class Shot(NamedTuple):
    """A picture, and when it was taken."""

    time_s: float
    image: Image


@runtime_checkable
class Camera(Protocol):
    """What gives pictures: a camera, or what stands in for one."""

    def read(self) -> Image | None:
        """Wait for the next RGB picture; None when there are no more."""
        ...

    def close(self) -> None:
        """Let the camera go."""
        ...


class CvCamera:
    """A camera of this machine, by its number, through OpenCV."""

    def __init__(self, number: int) -> None:
        """Open it.

        Raises:
            VideoError: there is none of this number, or another program has it.
        """
        import cv2

        self._cv2, self._capture = cv2, cv2.VideoCapture(number)
        if not self._capture.isOpened():
            raise VideoError(f"camera {number} does not open. Is it plugged in, and free? Try another number.")
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a picture that waits is a picture that is late

    def read(self) -> Image | None:
        """Wait for the next picture."""
        there, image = self._capture.read()
        return self._cv2.cvtColor(image, self._cv2.COLOR_BGR2RGB) if there else None

    def close(self) -> None:
        """Let the camera go."""
        self._capture.release()


class Newest:
    """Reads a camera in a thread and keeps the newest picture only: nothing queues, so nothing lags."""

    def __init__(self, camera: Camera, clock: Callable[[], float] = time.perf_counter) -> None:
        """Begin to read."""
        self._camera, self._clock = camera, clock
        self._changed = threading.Condition()
        self._shot: Shot | None = None
        self._over, self.seen, self.taken = False, 0, 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def take(self) -> Shot | None:
        """Wait for a picture that was not taken yet; None when the camera has no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._shot is not None or self._over)
            shot, self._shot = self._shot, None
            self.taken += shot is not None
            return shot

    @property
    def dropped(self) -> int:
        """Pictures that a newer one overtook."""
        return self.seen - self.taken - (self._shot is not None)

    def close(self) -> None:
        """Stop reading, and let the camera go."""
        self._over = True
        self._thread.join(timeout=1)
        self._camera.close()

    def _read(self) -> None:
        while not self._over and (image := self._camera.read()) is not None:
            with self._changed:
                self._shot, self.seen = Shot(self._clock(), image), self.seen + 1
                self._changed.notify()
        with self._changed:
            self._over = True
            self._changed.notify()


@dataclass(frozen=True)
class Live:
    """What one tick says.

    Attributes:
        time_s: since the first picture.
        affect: None where there is no face.
        score: how sure the detector was of the face; NaN where there is none.
        latency_s: from the picture's taking to the answer.
        dropped: pictures that were overtaken so far.
        missed: ticks of the model's clock that passed unread so far.
    """

    time_s: float
    affect: Affect | None
    score: float
    latency_s: float
    dropped: int
    missed: int


@runtime_checkable
class Pictures(Protocol):
    """Gives the newest picture; `Newest`, or what stands in for it."""

    @property
    def dropped(self) -> int:
        """Pictures that were overtaken."""
        ...

    def take(self) -> Shot | None:
        """Wait for a picture."""
        ...


def watch(
    predictor: Predictor,
    pictures: Pictures,
    finder: Detector,
    settings: FaceSettings,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Live]:
    """Read affect from pictures as they come, at the model's rate at most.

    A picture is read when the model's clock has ticked since the last one that was; pictures between are passed over.
    Where reading falls behind, ticks are missed and counted: the stream goes on with the newest picture.

    A camera cannot look ahead to where a face will be, as reading a file does: the last detection's box stands until
    the next, `hold_s` seconds at most. The bundle's scores were taken with looking ahead.
    """
    stream, rate = predictor.stream(), predictor.manifest.preprocessing.rate_hz
    side = predictor.session.ports.pixels
    nothing = np.zeros((3, side, side), np.uint8)
    last: Sighting | None = None
    began, tick, read, looked_s = None, -1, 0, -np.inf
    while (shot := pictures.take()) is not None:
        began = shot.time_s if began is None else began
        time_s = shot.time_s - began
        if int(time_s * rate + 1e-6) <= tick:
            continue
        tick, read = int(time_s * rate + 1e-6), read + 1
        frame = Frame(time_s, Picture.of_rgb(shot.image))
        if time_s - looked_s >= 1 / settings.detect_hz:
            last, looked_s = sight(frame, finder, last, settings) or last, time_s
        box = settle(time_s, last, None, settings)
        said = stream.step(nothing if box is None else crop(frame.picture, box, side))
        score = np.nan if box is None else box.score
        missed = tick + 1 - read
        yield Live(time_s, said if box else None, score, clock() - shot.time_s, pictures.dropped, missed)
