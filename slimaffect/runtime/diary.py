"""What a camera's reading leaves: a table as it goes, and at the end how late it was."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from slimaffect.runtime.camera import Live, Pictures, watch
from slimaffect.runtime.predictor import Predictor
from slimaffect.runtime.reading import HEADER, table_row
from slimaffect.video.detect import Detector
from slimaffect.video.settings import FaceSettings


@dataclass
class Diary:
    """The answers so far, as far as a summary needs them."""

    latency_s: list[float] = field(default_factory=list)
    faces: int = 0
    last: Live | None = None

    def add(self, live: Live) -> None:
        """Count an answer."""
        self.latency_s.append(live.latency_s)
        self.faces += live.affect is not None
        self.last = live

    def summary(self) -> str:
        """Say how long, how late, and what was left out."""
        if self.last is None:
            return "The camera gave no picture."
        p50, p90 = (1e3 * float(np.quantile(self.latency_s, share)) for share in (0.5, 0.9))
        return (
            f"{self.last.time_s:.1f} s, {len(self.latency_s)} answers, {self.faces / len(self.latency_s):.0%} with a "
            f"face; from picture to answer {p50:.1f} ms (p90 {p90:.1f} ms); {self.last.dropped} pictures overtaken, "
            f"{self.last.missed} ticks missed"
        )


def kept(
    predictor: Predictor,
    pictures: Pictures,
    finder: Detector,
    settings: FaceSettings,
    diary: Diary,
    *,
    seconds: float | None = None,
    out: Path | None = None,
) -> Iterator[str]:
    """Read a camera, write each answer as it comes into `camera.affect.csv` under `out`, and yield a line to show.

    Raises:
        VideoError: the camera cannot be read.
    """
    with ExitStack() as stack:
        table = None
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            place = out / "camera.affect.csv"
            place.touch(0o600)
            table = stack.enter_context(place.open("w", encoding="utf-8", buffering=1))
            table.write(f"{HEADER},latency_ms\n")
        for live in watch(predictor, pictures, finder, settings):
            if seconds is not None and live.time_s >= seconds:
                return
            diary.add(live)
            if table is not None:
                table.write(f"{table_row(live.time_s, live.affect, live.score)},{live.latency_s * 1e3:.2f}\n")
            yield _line(live)


def _line(live: Live) -> str:
    said = f"valence {live.affect.valence:+.2f}  arousal {live.affect.arousal:+.2f}" if live.affect else "no face"
    return f"{live.time_s:7.1f} s  {said}  {live.latency_s * 1e3:.0f} ms late, {live.dropped} pictures overtaken"
