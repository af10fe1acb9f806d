"""One recording from its files into the store; runs in a worker process."""

import errno
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from slimaffect.data.hashes import Hashes, sha256, stamp
from slimaffect.data.labels import LabelError, Labels, check_length, read_labels
from slimaffect.data.layout import DatasetFacts, Source
from slimaffect.data.problems import Problem
from slimaffect.data.settings import DataSettings
from slimaffect.data.store import stored
from slimaffect.errors import DataError, VideoError

if TYPE_CHECKING:
    from slimaffect.video.faces import Detector

VERSION = 2  # raised whenever the same files and settings would give other crops, times or labels


@dataclass(frozen=True)
class Task:
    """One recording to prepare, how, and where to."""

    source: Source
    facts: DatasetFacts
    settings: DataSettings
    folder: Path


@dataclass(frozen=True)
class Outcome:
    """What became of one recording: its folder, or None with the problem that kept it out."""

    source: Source
    folder: Path | None
    problems: tuple[Problem, ...] = ()
    frames: int = 0
    faces: int = 0
    hashes: tuple[tuple[Path, str, list[int]], ...] = ()


def found(task: Task, hashes: Hashes) -> Outcome | None:
    """A recording that is prepared already, by hashes that are remembered."""
    remembered = [digest for file in _files(task) if (digest := hashes.get(file))]
    return _in_store(task, _content(task, remembered)) if len(remembered) == len(_files(task)) else None


def _files(task: Task) -> list[Path]:
    """The files on whose content the prepared recording depends."""
    source = task.source
    boxes = [source.boxes] if task.settings.detector == "boxes" and source.boxes else []
    labels = [source.labels] if source.labels else []
    return [source.video, *labels, *boxes]


def _in_store(task: Task, digest: str, hashes: tuple = ()) -> Outcome | None:
    kept = stored(task.folder)
    if kept is None or kept.digest != digest:
        return None
    return Outcome(task.source, task.folder, kept.problems, kept.frames, kept.faces, hashes)


def _content(task: Task, files: list[str]) -> str:
    facts = (task.facts.affect_range, task.facts.annotation_delay_s, task.facts.label_gap_s)
    return digest_of(*files, task.settings.reading, facts, VERSION)


def digest_of(*parts: object) -> str:
    """sha256 of plain values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def read(task: Task) -> Outcome:
    """Prepare one recording (in a worker process); what is wrong with it comes back as a problem."""
    try:
        labels = _labels(task)
        files = [(path, stamp(path)) for path in _files(task)]
        hashes = tuple((path, sha256(path), at) for path, at in files)
        digest = _content(task, [found for _, found, _ in hashes])
        return _in_store(task, digest, hashes) or _decode(task, labels, digest, hashes)
    except LabelError as error:
        return Outcome(task.source, None, (Problem(where(task.source, "labels"), error.what, error.next),))
    except VideoError as error:
        return Outcome(task.source, None, (_unreadable(task.source, str(error)),))
    except OSError as error:
        if error.filename in {str(file) for file in _files(task)}:
            problem = Problem(task.source.where, f"cannot be read: {error.strerror}", "Check who may read its files")
            return Outcome(task.source, None, (problem,))
        if error.errno != errno.ENOSPC:
            raise
        raise DataError(
            f"{task.folder}: the disk is full. Free some space and start again: what is done stays."
        ) from error


def _labels(task: Task) -> Labels | None:
    """Read a recording's annotation; None where it has to have none."""
    if task.source.labels is None:
        return None
    return read_labels(task.source.labels, affect_range=task.facts.affect_range, gap_s=task.facts.label_gap_s)


def _decode(task: Task, labels: Labels | None, digest: str, hashes: tuple) -> Outcome:
    import cv2

    from slimaffect.data.write import write
    from slimaffect.video.decode import probe
    from slimaffect.video.faces import faces

    cv2.setNumThreads(1)  # one process per video; threads of OpenCV would fight over the same cores
    source, settings = task.source, task.settings
    if labels is not None:
        check_length(labels.times[-1], probe(source.video).length_s)
    noticed: list[Problem] = []
    seen = faces(
        source.video,
        finder(task),
        settings.faces,
        rate=settings.rate,
        pixels=settings.pixels,
        complain=lambda what: noticed.append(_incomplete(source, what)),
    )
    delay_s = task.facts.annotation_delay_s
    done = write(task.folder, seen, labels, digest=digest, pixels=settings.pixels, delay_s=delay_s, problems=noticed)
    return Outcome(source, task.folder, done.problems, done.frames, done.faces, hashes)


def finder(task: Task) -> "Detector":
    """The detector that a recording is read with.

    Raises:
        ModelError: yunet's file is not declared, missing, or another one.
        VideoError: its boxes are missing or cannot be used.
    """
    from slimaffect.video.faces import detector

    source, settings = task.source, task.settings
    if settings.detector == "boxes" and source.boxes is None:
        raise VideoError(
            f"{source.video}: has no {source.name}.boxes.csv beside it, which detector: boxes reads. "
            "Write one with time,x,y,width,height for every face, or choose another detector."
        )
    return detector(settings.detector, settings.faces, boxes=source.boxes)


def where(source: Source, which: Literal["video", "labels", "boxes"]) -> str:
    """The place of a recording's file inside the dataset."""
    return f"{source.site}/{source.subject}/{getattr(source, which).name}"


def _unreadable(source: Source, message: str) -> Problem:
    """What a video's or its boxes' error says, as a problem at that file."""
    which = "boxes" if source.boxes and message.startswith(f"{source.boxes}: ") else "video"
    what, _, next_ = message.removeprefix(f"{getattr(source, which)}: ").partition(". ")
    return Problem(where(source, which), what, next_)


def _incomplete(source: Source, what: str) -> Problem:
    return Problem(where(source, "video"), what, "Its good frames are used; copy it again for the rest", "warning")


def crashed(source: Source) -> Problem:
    """What to say of a video on which the decoder dies."""
    return Problem(where(source, "video"), "kills the process that decodes it", "Convert it, e.g. to H.264 in mp4")
