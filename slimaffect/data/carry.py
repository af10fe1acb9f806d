"""Clips for a process on another machine: labels and windows as files, frames by the path of their shared store.

A node that reads frames over a network file system may copy them to its own disk first, once: a page of a mapped file
that a network fails to deliver kills the process (SIGBUS), and random reads over it are slow.
"""

import json
import os
import shutil
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from slimaffect.data.clips import Clips, Recording
from slimaffect.files import OWNER_ONLY, whole

NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ncpfs", "fuse.sshfs", "fuse.glusterfs"})
CLIPS, ARRAYS, STRANGERS = "clips.json", "arrays.npz", "unlabelled"
PLAIN = ("length", "rate", "share", "spared")  # what clips are but for their arrays


def file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """Name the type of the file system that holds a path; None where the system does not tell."""
    try:
        rows = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return None
    real = os.path.realpath(path)
    over = [(len(row[1]), row[2]) for row in rows if len(row) > 2 and Path(real).is_relative_to(_unescaped(row[1]))]
    return max(over)[1] if over else None


def _unescaped(mount: str) -> str:
    return mount.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")


def keep_clips(clips: Clips, root: Path) -> Path:
    """Write clips into a folder that is named after their fingerprint, whole or not at all; frames stay where they lie.

    Frames that lie in memory only are written too.
    """
    folder = root / clips.fingerprint
    if (folder / CLIPS).is_file():
        return folder
    draft = root / f".{clips.fingerprint}-{uuid.uuid4().hex}"
    _write(clips, draft, folder)
    try:
        draft.replace(folder)
    except OSError:  # another process was quicker
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _write(clips: Clips, draft: Path, folder: Path) -> None:
    draft.mkdir(parents=True, mode=0o700)
    told = {name: getattr(clips, name) for name in PLAIN} | {"recordings": []}
    arrays: dict[str, Any] = {"windows": clips.windows}
    for number, recording in enumerate(clips.recordings):
        path = getattr(recording.frames, "filename", None)
        if path is None:
            np.save(draft / f"{number}.npy", recording.frames)
            path = folder / f"{number}.npy"
        names = {name: getattr(recording, name) for name in ("site", "subject", "name", "digest")}
        told["recordings"].append(names | {"frames": os.path.abspath(path)})  # noqa: PTH100  (links stay links)
        arrays |= {f"{kind}{number}": getattr(recording, kind) for kind in ("affect", "valid", "times")}
    np.savez(draft / ARRAYS, **arrays)
    (draft / CLIPS).write_text(json.dumps(told))
    if clips.unlabelled is not None:
        _write(clips.unlabelled, draft / STRANGERS, folder / STRANGERS)


def kept_clips(folder: Path, scratch: Path | None = None) -> Clips:
    """Read clips back. With `scratch`, frames on a network file system are copied there before they are mapped."""
    told = json.loads((folder / CLIPS).read_text())
    with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        recordings = tuple(_read(one, number, arrays, scratch) for number, one in enumerate(told["recordings"]))
        clips = Clips(recordings, arrays["windows"], **{name: told[name] for name in PLAIN})
    if not (folder / STRANGERS).is_dir():
        return clips
    return replace(clips, unlabelled=kept_clips(folder / STRANGERS, scratch))


def _read(told: dict[str, Any], number: int, arrays: Any, scratch: Path | None) -> Recording:
    path = Path(told.pop("frames"))
    if scratch is not None and file_system(path) in NETWORK:
        path = copied(path, scratch, told["digest"])
    frames = np.load(path, mmap_mode="r", allow_pickle=False)
    return Recording(
        frames=frames, **told, **{kind: arrays[f"{kind}{number}"] for kind in ("affect", "valid", "times")}
    )


def copied(path: Path, scratch: Path, digest: str) -> Path:
    """Copy a file to this node's own disk under a name that is its content's, unless it is there already."""
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    copy = scratch / f"{digest or path.parent.name}.npy"
    if not (copy.is_file() and copy.stat().st_size == path.stat().st_size):
        with whole(copy, OWNER_ONLY) as file:
            shutil.copyfile(path, file)
    return copy
