"""Writing a prepared recording: crops as they come, then the index, then the name."""

import json
import os
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from slimaffect.data.labels import Labels
from slimaffect.data.problems import Problem
from slimaffect.data.store import PARTIAL, Stored, claimed, private_folder
from slimaffect.video.faces import Face


def write(
    folder: Path,
    faces: Iterable[Face],
    labels: Labels | None,
    *,
    digest: str,
    pixels: int,
    delay_s: float,
    problems: list[Problem],
) -> Stored:
    """Prepare a recording into a folder that appears under its name only when it is complete.

    `problems` is read after the last face: decoding adds to it. Without labels every moment with a face is valid.
    """
    private_folder(folder.parent)
    partial = folder.parent / f"{PARTIAL}-{uuid.uuid4().hex}"
    partial.mkdir(mode=0o700)
    try:
        with claimed(partial):
            times, boxes = _write_frames(partial / "frames.npy", faces, pixels)
            faces_found = _write_index(partial, times, boxes, labels.at(times, delay_s=delay_s) if labels else None)
            done = Stored(digest, len(times), faces_found, tuple(problems))
            _write_meta(partial / "meta.json", done)
            _put(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return done


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write_frames(
    path: Path, faces: Iterable[Face], pixels: int
) -> tuple[Float[np.ndarray, " time"], Float[np.ndarray, "time 5"]]:
    """Write crops as they come, and their number into the header at last; returns times and boxes.

    A box is x, y, size, score and angle in degrees; NaN where there is no face.
    """
    times, boxes = [], []
    with open(path, "wb", opener=_private) as file:
        header = {"descr": "|u1", "fortran_order": False}
        np.lib.format.write_array_header_1_0(file, {**header, "shape": (0, 3, pixels, pixels)})
        for face in faces:
            file.write(np.ascontiguousarray(face.crop).data)
            times.append(face.frame.time_s)
            box = face.box
            boxes.append((np.nan,) * 5 if box is None else (box.x, box.y, box.size, box.score, box.angle))
        file.seek(0)  # numpy leaves room in the header for the first axis to grow
        np.lib.format.write_array_header_1_0(file, {**header, "shape": (len(times), 3, pixels, pixels)})
    return np.array(times), np.array(boxes).reshape(-1, 5)


def _write_index(
    folder: Path,
    times: Float[np.ndarray, " time"],
    boxes: Float[np.ndarray, "time 5"],
    affect: Float[np.ndarray, "time 2"] | None,
) -> int:
    """Write times, boxes, scores, angles, affect and validity; returns the number of ticks with a face."""
    seen = np.isfinite(boxes[:, 0])
    with open(folder / "index.npz", "wb", opener=_private) as file:
        np.savez(
            file,
            times=times,
            box=boxes[:, :3].astype(np.float32),
            score=boxes[:, 3].astype(np.float32),
            angle=boxes[:, 4].astype(np.float32),
            face=seen,
            affect=np.full((len(times), 2), np.nan, np.float32) if affect is None else affect.astype(np.float32),
            valid=seen if affect is None else seen & np.isfinite(affect).all(axis=1),
        )
    return int(seen.sum())


def _write_meta(path: Path, done: Stored) -> None:
    meta = {
        "digest": done.digest,
        "frames": done.frames,
        "faces": done.faces,
        "bytes": {name: path.with_name(name).stat().st_size for name in ("frames.npy", "index.npz")},
        "problems": [problem.as_dict() for problem in done.problems],
    }
    with open(path, "w", encoding="utf-8", opener=_private) as file:
        json.dump(meta, file, indent=1)


def _put(partial: Path, folder: Path) -> None:
    """Rename into place; an outdated folder of that name is moved out of the way first."""
    if folder.exists():
        outdated = partial.with_name(f"{partial.name}-old")
        folder.rename(outdated)
        partial.rename(folder)
        shutil.rmtree(outdated, ignore_errors=True)
    else:
        partial.rename(folder)
