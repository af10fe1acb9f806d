"""The ledger of a run while it runs: one line for each thing that happened, only ever added to.

One process writes (the driver of the run), each line in one write, so that there is nothing to lock; a line that a
crash cut off is left out by the reader. `slim status` reads it, also on another machine. The truth about what is done
is the cache's; losing a ledger loses the story and no work.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from slimaffect.execute.task import Task

FOLDER = "ledger"


class Ledger:
    """Adds lines to a file of its own: two runs into one folder never share a file."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{time.time_ns()}-{os.getpid()}.jsonl"
        self._file, self._torn = self.path.open("ab", buffering=0), False

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say how the run ended; a ledger without this line is of a run that goes on, or was killed."""
        self.add("ended", why="" if error is None else f"{kind.__name__ if kind else ''}: {error}"[:500])
        self._file.close()

    def add(self, what: str, **told: Any) -> None:
        """Add one line."""
        self._write(json.dumps({"what": what, "at": time.time(), **told}) + "\n")

    def _write(self, lines: str) -> None:
        """Write in one call. A full disk ends no run for the sake of its story; a line that it cut is closed later."""
        content = (b"\n" if self._torn else b"") + lines.encode()
        try:
            self._torn = self._file.write(content) != len(content)
        except OSError:
            self._torn = True

    def begun(self, tasks: Iterable[tuple[Task, float]], *, reused: int, on: str) -> None:
        """List what is to be done and how long each is expected to take."""
        self.add("begun", pid=os.getpid(), reused=reused, on=on)
        lines = ({"what": "planned", "key": t.key, "name": t.name, "expected_s": s} for t, s in tasks)
        chunk: list[str] = []
        for line in lines:
            chunk.append(json.dumps(line) + "\n")
            if len(chunk) == 256:
                self._write("".join(chunk))
                chunk.clear()
        self._write("".join(chunk))

    def started(self, task: Task) -> None:
        """Note that a task began."""
        self.add("started", key=task.key)

    def epoch(self, task: Task, said: str, done: int, total: int, joules: float | None = None) -> None:
        """Note how far a task is, and what it has cost."""
        self.add("epoch", key=task.key, said=said, done=done, total=total, joules=joules)

    def finished(self, task: Task, record: dict[str, Any]) -> None:
        """Note what a task cost."""
        cost = record.get("cost", {})
        told = {name: cost.get(name) for name in ("seconds", "joules", "provenance")}
        self.add("finished", key=task.key, attempts=len(record.get("attempts", ())), **told)

    def lost(self, task: Task, why: str) -> None:
        """Note that a task's process died; it is tried again."""
        self.add("lost", key=task.key, why=why)

    def failed(self, task: Task, why: str) -> None:
        """Note that a task failed."""
        self.add("failed", key=task.key, why=why)


def read_ledger(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a ledger; what is no whole line is left out."""
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if isinstance(told, dict) and isinstance(told.get("what"), str):
                yield told


def newest(folder: Path) -> Path | None:
    """Find the ledger of the last run."""
    return max(folder.glob("*.jsonl"), key=lambda path: int(path.stem.partition("-")[0]), default=None)
