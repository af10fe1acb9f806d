"""Finished tasks on disk, found again by a hash of everything that could change their result."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
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


def seal(record: dict[str, Any]) -> str:
    """sha256 of a record's content, so that a changed digit in it is noticed too."""
    content = {name: value for name, value in record.items() if name != "seal"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(value, indent=1, sort_keys=True))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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
        for _ in range(2):  # another process may seal it after a look at its files and before one at the folder
            if (record := _intact(folder)) is not None or not folder.exists():
                return record
        self._set_aside(folder)
        return None

    def record(self, key: str) -> dict[str, Any]:
        """Return the record of a task that was found intact before, without reading its files again."""
        return json.loads((self.folder(key) / DONE).read_text())

    def was_damaged(self, key: str) -> bool:
        """Tell whether a damaged result of this task was set aside."""
        return self.folder(key).with_suffix(".damaged").exists()

    def log(self, key: str) -> Path:
        """Return where the task's log lies."""
        return self.folder(key).with_suffix(".log")

    def lease(self, key: str) -> Path:
        """Return the folder of the files that say who may write for the task."""
        return self.folder(key).with_suffix(".lease")

    def finish(self, key: str, record: dict[str, Any], may_write: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Seal the partial folder with its record; from now on the task is done. `may_write` objects by raising."""
        partial, folder = self.partial(key), self.folder(key)
        files = sorted(file for file in partial.rglob("*") if file.is_file() and file.name != DONE)
        record = record | {
            "key": key,
            "files": {file.relative_to(partial).as_posix(): file_hash(file) for file in files},
        }
        record |= {"seal": seal(record)}
        may_write()
        write_json(partial / DONE, record)
        partial.replace(folder)
        shutil.rmtree(folder.with_suffix(".damaged"), ignore_errors=True)
        return record

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
        with suppress(OSError):  # another process was quicker
            folder.replace(damaged)


def _intact(folder: Path) -> dict[str, Any] | None:
    """Read a record whose files are as they were sealed; None where something is amiss or missing."""
    try:
        record = json.loads((folder / DONE).read_text())
        sealed = record.get("seal") in {None, seal(record)}  # older records have none
        whole = all(file_hash(folder / name) == digest for name, digest in record["files"].items())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
    return record if sealed and whole else None
