"""One video to affect at every tick: decoded, followed and cropped as preparation does it, then read by the model."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from slimaffect.runtime.predictor import Predictor
from slimaffect.runtime.session import CHUNK_FRAMES
from slimaffect.video.boxes import boxes_beside
from slimaffect.video.faces import Face, detector, faces
from slimaffect.video.settings import FaceSettings
from slimaffect.video.stopwatch import Stopwatch

Sink = Callable[[Face, Float[np.ndarray, " 2"]], None]
"""Is given each tick's face and affect in turn."""


HEADER = "time,valence,arousal,face_score,valid"


def table_row(time_s: float, affect: Sequence[float] | np.ndarray | None, score: float) -> str:
    """Write one tick under HEADER; without a face affect and score stay empty, because nothing was measured.

    >>> table_row(0.08, (0.5, -0.25), 0.9), table_row(0.16, None, float("nan"))
    ('0.0800,0.500000,-0.250000,0.9000,1', '0.1600,,,,0')
    """
    said = ",,,0" if affect is None else f"{affect[0]:.6f},{affect[1]:.6f},{score:.4f},1"
    return f"{time_s:.4f},{said}"


@dataclass(frozen=True, eq=False)
class Reading:
    """What a bundle read from one video.

    Attributes:
        times: seconds from the first frame, at the rate that the model was trained at.
        affect: valence and arousal, both in [-1, 1]; where there is no face they come from the state alone.
        scores: how sure the detector was of the face, 0 to 1; NaN where there is none.
        rate_hz: ticks per second.
        wall_s: wall time of everything.
        stages: wall seconds of `decode`, `faces`, `crop`, `model` and what else was asked for.
        notes: what is missing or damaged in the video, in sentences.
    """

    times: Float[np.ndarray, " time"]
    affect: Float[np.ndarray, "time 2"]
    scores: Float[np.ndarray, " time"]
    rate_hz: float
    wall_s: float
    stages: dict[str, float]
    notes: tuple[str, ...]

    @property
    def valid(self) -> Bool[np.ndarray, " time"]:
        """Where there is a face."""
        return np.isfinite(self.scores)

    @property
    def video_s(self) -> float:
        """Length of the video as it was read, in seconds."""
        return len(self.times) / self.rate_hz


def read_video(
    predictor: Predictor,
    video: Path,
    settings: FaceSettings,
    *,
    sinks: Sequence[Sink] = (),
    tick: Callable[[float], None] = lambda _: None,
) -> Reading:
    """Read a whole video from its start.

    A tick without a face reaches the model as a black crop, and the state goes on: so it was when the bundle was
    trained and scored, and its scores hold for no other way. What the model says there is no finding.

    Args:
        predictor: the opened bundle.
        video: the file.
        settings: the bundle's, with the place of a face model on this machine.
        sinks: are given each tick.
        tick: is told the seconds of video that are read.

    Raises:
        VideoError: the file is missing, empty, no video, or breaks off before its first frame.
        ModelError: the file of the face model is missing, or another one.
    """
    began, stopwatch, notes = time.perf_counter(), Stopwatch(), []
    asked = predictor.manifest.preprocessing
    finder = detector(asked.detector, settings, boxes=boxes_beside(video) if asked.detector == "boxes" else None)
    seen = faces(
        video, finder, settings, rate=asked.rate_hz, pixels=asked.pixels, complain=notes.append, stopwatch=stopwatch
    )
    rows = []
    for face, affect in _answered(predictor, seen, stopwatch):
        with stopwatch.of("write"):
            for sink in sinks:
                sink(face, affect)
        rows.append((face.frame.time_s, *affect.tolist(), np.nan if face.box is None else face.box.score))
        tick(len(rows) / asked.rate_hz)
    table = np.array(rows, np.float64).reshape(-1, 4)
    wall_s = time.perf_counter() - began
    return Reading(table[:, 0], table[:, 1:3], table[:, 3], asked.rate_hz, wall_s, stopwatch.seconds, tuple(notes))


def _answered(
    predictor: Predictor, seen: Iterable[Face], stopwatch: Stopwatch
) -> Iterator[tuple[Face, Float[np.ndarray, " 2"]]]:
    """Let the model read a chunk of crops at a time, with the state carried on."""
    state, rest = None, iter(seen)
    while chunk := list(islice(rest, CHUNK_FRAMES)):
        with stopwatch.of("model"):
            affect, state = predictor.session.clip(np.stack([face.crop for face in chunk])[None], state)
        yield from zip(chunk, affect[0], strict=True)
