"""One video to the files that are written beside it; a record, written last, tells what is finished."""

import errno
import hashlib
import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from slimaffect.errors import VideoError
from slimaffect.files import OWNER_ONLY, whole
from slimaffect.runtime.bundle import MANIFEST
from slimaffect.runtime.predictor import Predictor
from slimaffect.runtime.reading import HEADER, Reading, read_video, table_row
from slimaffect.runtime.session import Runtime

OURS = ".affect."  # every file that is written beside a video has this in its name


@dataclass(frozen=True)
class How:
    """How videos are read.

    Attributes:
        bundle: the folder.
        runtime: the one that opens it here.
        face_model: where the bundle's face model lies on this machine; its hash is the bundle's.
        plot: write a picture of affect against time.
        overlay: write the video with face and affect drawn in.
    """

    bundle: Path
    runtime: Runtime
    face_model: Path | None = None
    plot: bool = False
    overlay: bool = False


@dataclass(frozen=True)
class Job:
    """One video and where its table goes."""

    video: Path
    table: Path
    how: How

    def beside(self, suffix: str) -> Path:
        """Another file of this job: `.json`, `.png`, `.mp4`."""
        return self.table.with_suffix(suffix)

    @property
    def wanted(self) -> list[Path]:
        """What must be there when it is finished, but for the record."""
        extras = [(".png", self.how.plot), (".mp4", self.how.overlay)]
        return [self.table, *(self.beside(suffix) for suffix, asked in extras if asked)]


@dataclass(frozen=True)
class Outcome:
    """What became of one video: its figures, or why it could not be read.

    Attributes:
        ticks: rows of the table; `faces` of them have a face.
        stages: wall seconds of each stage.
        notes: what is missing or damaged in the video.
        kept: nothing was done, because a former run had finished it.
    """

    video: Path
    why_not: str = ""
    ticks: int = 0
    faces: int = 0
    video_s: float = 0.0
    wall_s: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    kept: bool = False


def finished(job: Job) -> Outcome | None:
    """What a former run wrote, if it read the same video with the same bundle and wrote all that is asked for now."""
    try:
        record = json.loads(job.beside(".json").read_text("utf-8"))
        if record["asked"] != _asked(job) or not all(file.is_file() for file in job.wanted):
            return None
        told = record["outcome"] | {"notes": tuple(record["outcome"]["notes"])}
        return Outcome(job.video, **told, kept=True)
    except (OSError, ValueError, KeyError, TypeError):  # no record, or one that is none
        return None


def do(job: Job, tick: Callable[[float], None] = lambda _: None) -> Outcome:
    """Read one video and write its files; one that cannot be read comes back with the reason.

    Raises:
        ModelError: the face model is missing or another one.
        OSError: the disk is full.
    """
    try:
        asked = _asked(job)
        job.table.parent.mkdir(parents=True, exist_ok=True)
        reading = _read(job, tick)
        _write(job, reading)
        outcome = _outcome(job, reading)
        told = {name: value for name, value in asdict(outcome).items() if name not in {"video", "why_not", "kept"}}
        with whole(job.beside(".json"), OWNER_ONLY) as file:
            file.write_text(json.dumps({"asked": asked, "outcome": told}, indent=1) + "\n", "utf-8")
    except VideoError as error:
        return Outcome(job.video, str(error))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        return Outcome(job.video, f"{error.filename or job.video}: {error.strerror or error}. Check the path.")
    return outcome


def _read(job: Job, tick: Callable[[float], None]) -> Reading:
    import cv2

    from slimaffect.runtime.overlay import Overlay

    cv2.setNumThreads(1)  # one video at a time on one core: threads of OpenCV would fight with the other videos'
    predictor = _predictor(job.how.bundle, job.how.runtime)
    asked = predictor.manifest.preprocessing
    model = {"model": str(job.how.face_model)} if job.how.face_model else {}
    with ExitStack() as stack:
        sinks = []
        if job.how.overlay:
            file = stack.enter_context(whole(job.beside(".mp4"), OWNER_ONLY))
            sinks.append(stack.enter_context(Overlay(file, asked.rate_hz)).add)
        return read_video(predictor, job.video, asked.faces.model_copy(update=model), sinks=sinks, tick=tick)


def _write(job: Job, reading: Reading) -> None:
    ticks = zip(reading.times, reading.affect, reading.scores, reading.valid, strict=True)
    rows = [table_row(time_s, affect if seen else None, score) for time_s, affect, score, seen in ticks]
    with whole(job.table, OWNER_ONLY) as file:
        file.write_text("\n".join([HEADER, *rows]) + "\n", "utf-8")
    if job.how.plot:
        from slimaffect.runtime.plot import plot

        with whole(job.beside(".png"), OWNER_ONLY) as file:
            plot(file, job.video.name, reading)


@cache
def _predictor(bundle: Path, runtime: Runtime) -> Predictor:
    return Predictor.load(bundle, runtime=runtime)


def _outcome(job: Job, reading: Reading) -> Outcome:
    return Outcome(
        job.video,
        ticks=len(reading.times),
        faces=int(reading.valid.sum()),
        video_s=reading.video_s,
        wall_s=reading.wall_s,
        stages=reading.stages,
        notes=reading.notes,
    )


def _asked(job: Job) -> dict[str, Any]:
    """What decides on the answers: the bundle, the runtime, and which file the video is."""
    stat = job.video.stat()
    manifest = hashlib.sha256((job.how.bundle / MANIFEST).read_bytes()).hexdigest()
    return {"bundle_sha256": manifest, "runtime": job.how.runtime, "video": [stat.st_size, stat.st_mtime_ns]}
