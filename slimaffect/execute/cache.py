"""Finished tasks on disk, found again by a hash of everything that could change their result."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import slimaffect
from slimaffect.errors import RunError

DONE = "done.json"


@lru_cache
def code_version(*rooms: str) -> str:
    """Hash the source of these rooms: changed code must not find results of the old one."""
    root = Path(slimaffect.__file__).parent
    digest = hashlib.sha256()
    for room in rooms:
        files = [root / f"{room}.py"] if (root / f"{room}.py").is_file() else sorted((root / room).rglob("*.py"))
        for file in files:
            digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=1, sort_keys=True))
    temporary.replace(path)


@dataclass(frozen=True)
class Cache:
    """Finished tasks, one folder each.

    A task works in `<key>.partial`, which keeps its checkpoints when it is killed; `done.json` is written last
    and the folder renamed, so a folder without the suffix is always complete. Files are checked against the
    hashes in `done.json` when they are read: a damaged folder is set aside and its task runs again.
    """

    root: Path

    def folder(self, key: str) -> Path:
        """Return where the finished task lies."""
        return self.root / key[:2] / key

    def partial(self, key: str) -> Path:
        """Return where the task works before it is finished, made if needed."""
        folder = self.folder(key).with_suffix(".partial")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"cannot write to the cache at {self.root} ({error.strerror}). Choose another: --cache PATH."
            ) from error
        return folder

    def read(self, key: str) -> dict[str, Any] | None:
        """Return the record of a finished task, or None if it is not finished or was damaged."""
        folder = self.folder(key)
        try:
            record = json.loads((folder / DONE).read_text())
            intact = all(file_hash(folder / name) == digest for name, digest in record["files"].items())
        except FileNotFoundError:
            intact, record = not folder.exists(), None
        except (OSError, ValueError, KeyError):
            intact, record = False, None
        if not intact:
            self._set_aside(folder)
            return None
        return record

    def finish(self, key: str, record: dict[str, Any]) -> dict[str, Any]:
        """Seal the partial folder with its record; from now on the task is done."""
        partial, folder = self.partial(key), self.folder(key)
        files = sorted(file for file in partial.rglob("*") if file.is_file() and file.name != DONE)
        record = record | {
            "key": key,
            "files": {file.relative_to(partial).as_posix(): file_hash(file) for file in files},
        }
        write_json(partial / DONE, record)
        partial.replace(folder)
        return record

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Hold the task against other processes; the system lets go when its holder dies."""
        path = self.folder(key).with_suffix(".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def forget(self, keys: Iterable[str]) -> None:
        """Delete what was finished or begun of these tasks."""
        for key in keys:
            shutil.rmtree(self.folder(key), ignore_errors=True)
            shutil.rmtree(self.folder(key).with_suffix(".partial"), ignore_errors=True)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the record of every finished task, unchecked: for estimates and listings."""
        for path in self.root.glob(f"*/*/{DONE}"):
            try:
                yield json.loads(path.read_text())
            except (OSError, ValueError):
                continue

    def _set_aside(self, folder: Path) -> None:
        damaged = folder.with_suffix(".damaged")
        shutil.rmtree(damaged, ignore_errors=True)
        if folder.exists():
            folder.replace(damaged)
