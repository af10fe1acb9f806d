"""Prepared recordings on disk: a folder each, complete or not there at all, readable by their owner only."""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from slimaffect.data.clips import Clips, Recording
from slimaffect.data.problems import Problem
from slimaffect.errors import DataError

PARTIAL = ".partial"


@dataclass(frozen=True)
class Stored:
    """What a prepared recording's folder says about itself (meta.json).

    Attributes:
        digest: sha256 of the video, its labels and how they were prepared.
        frames: ticks of the clock.
        faces: ticks with a face, with or without a label.
        problems: what was noticed while it was prepared.
    """

    digest: str
    frames: int
    faces: int
    problems: tuple[Problem, ...]


def stored(folder: Path) -> Stored | None:
    """Read a prepared recording's meta.json; None where it or a file that it lists is missing or cut short."""
    try:
        meta = json.loads((folder / "meta.json").read_text("utf-8"))
        if any((folder / name).stat().st_size != size for name, size in meta["bytes"].items()):
            return None
        problems = tuple(Problem(**problem) for problem in meta["problems"])
        return Stored(meta["digest"], meta["frames"], meta["faces"], problems)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def load(folder: Path, site: str, subject: str, name: str) -> Recording:
    """Map a prepared recording into memory: its frames are read from disk only when they are used.

    Raises:
        DataError: its files are damaged.
    """
    try:
        frames, index, digest = _read(folder)
    except (OSError, ValueError, KeyError, BadZipFile) as fault:
        raise DataError(
            f"{folder}: this prepared recording is damaged ({fault}). Delete the folder and run again: it is made anew."
        ) from fault
    return Recording(site, subject, name, frames, index["affect"], index["valid"], index["times"], digest)


def _read(folder: Path) -> tuple[np.ndarray, dict[str, np.ndarray], str]:
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    frames = np.load(folder / "frames.npy", mmap_mode="r", allow_pickle=False)
    with (folder / "index.npz").open("rb") as file, np.load(file, allow_pickle=False) as opened:
        index = {name: opened[name] for name in ("times", "affect", "valid")}
    count = len(index["times"])
    if not len(frames) == count == meta["frames"]:
        raise ValueError(f"{len(frames)} crops and {count} times where {meta['frames']} are declared")
    return frames, index, meta["digest"]


def refuse_changed(clips: Clips) -> None:
    """Refuse clips of recordings that were prepared anew, from other files, since they were mapped.

    Raises:
        DataError: one was.
    """
    for recording in (*clips.recordings, *(clips.unlabelled.recordings if clips.unlabelled else ())):
        path = getattr(recording.frames, "filename", None)
        kept = stored(Path(path).parent) if path else None
        if kept is not None and kept.digest != recording.digest:
            raise DataError(
                f"{recording.site}/{recording.subject}/{recording.name}: its video or labels were changed and prepared "
                "anew while this run used them. Start it again: it keeps what was trained on unchanged data."
            )


def private_folder(folder: Path) -> None:
    """Make a folder and its missing parents, for the owner only: face crops are biometric data."""
    for missing in reversed([f for f in (folder, *folder.parents) if not f.exists()]):
        with contextlib.suppress(FileExistsError):
            missing.mkdir(mode=0o700)


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold a folder that is being written; the system lets go of it however the process ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sweep(root: Path) -> None:
    """Remove what killed processes left unfinished, and nothing that a living one still writes."""
    for partial in root.glob(f"*/*/{PARTIAL}-*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(partial, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(partial)
            finally:
                os.close(descriptor)
