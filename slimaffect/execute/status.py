"""What a run is doing, told from its ledger."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from slimaffect.errors import ResultError
from slimaffect.execute.lease import process_lives
from slimaffect.execute.ledger import FOLDER, newest, read_ledger

TAIL = 15  # lines of a log that are shown


@dataclass
class One:
    """One task, as the ledger tells it."""

    name: str
    expected_s: float
    state: str = "waiting"
    since: float = 0.0
    share: float = 0.0
    said: str = ""
    joules: float | None = None
    tries: int = 0
    why: str = ""


@dataclass
class Status:
    """A run, as its ledger tells it."""

    tasks: dict[str, One] = field(default_factory=dict)
    reused: int = 0
    on: str = "local"
    begun: float = 0.0
    last: float = 0.0
    pid: int = 0
    ended: str | None = None  # None: goes on, or was killed; "": ended well; else why

    def count(self, state: str) -> int:
        """Count the tasks in a state."""
        return sum(one.state == state for one in self.tasks.values())

    @property
    def joules(self) -> float | None:
        """Joules of all tasks that have a figure; None where none has."""
        known = [one.joules for one in self.tasks.values() if one.joules is not None]
        return sum(known) if known else None

    def left_s(self, now: float) -> float | None:
        """Seconds left, at the pace so far; None before anything was done."""
        everything = sum(one.expected_s for one in self.tasks.values())
        done = sum(one.expected_s * one.share for one in self.tasks.values())
        return (now - self.begun) * (everything - done) / done if done else None


def read_status(result: Path) -> Status:
    """Read the ledger of the last run into a result's folder; in memory is one row for each task, however many lines.

    Raises:
        ResultError: there is no ledger.
    """
    path = newest(result / FOLDER)
    if path is None:
        raise ResultError(f"{result}: no run has written a ledger here. Give the folder that `slim run` writes to.")
    status = Status()
    for line in read_ledger(path):
        status.last = line.get("at", status.last)
        _tell(status, line)
    return status


def _tell(status: Status, line: dict[str, Any]) -> None:
    what = line["what"]
    if what == "begun":
        status.begun, status.reused, status.on, status.pid = line["at"], line["reused"], line["on"], line["pid"]
    elif what == "ended":
        status.ended = line["why"]
    elif what == "planned":
        status.tasks[line["key"]] = One(line["name"], line["expected_s"])
    elif (one := status.tasks.get(line.get("key", ""))) is not None:
        _of_task(one, what, line)


def _of_task(one: One, what: str, line: dict[str, Any]) -> None:
    one.since = line["at"]
    if what == "started":
        one.state, one.tries = "running", max(1, one.tries)
    elif what == "epoch":
        one.share, one.said = line["done"] / max(1, line["total"]), line["said"]
        one.joules = line["joules"] if line["joules"] is not None else one.joules
    elif what == "finished":
        one.state, one.share, one.joules = "done", 1.0, line["joules"]
    elif what == "lost":
        one.tries, one.why = one.tries + 1, line["why"]
    elif what == "failed":
        one.state, one.share, one.why = "failed", 1.0, line["why"]


def show_status(status: Status, console: Console, *, logs: Callable[[str], Path] | None = None) -> None:
    """Print counts, what runs and what failed; with `logs`, the ends of the failed tasks' logs."""
    counts = ", ".join(f"{status.count(state)} {state}" for state in ("running", "waiting", "done", "failed"))
    console.print(f"{_headline(status)}: {counts}; {status.reused} were done before.", highlight=False)
    left = status.left_s(status.last)
    spent = "-" if status.joules is None else f"{status.joules:,.0f} J"
    if status.ended is None:
        console.print(f"left: {'-' if left is None else f'{left / 60:.0f} min'}; so far: {spent}", highlight=False)
    else:
        console.print(f"spent: {spent}", highlight=False)
    table = Table("task", "state", "how far", "joules", "tries", box=None, pad_edge=False)
    for key, one in status.tasks.items():
        if one.state in {"running", "failed"}:
            joules = "-" if one.joules is None else f"{one.joules:,.0f}"
            table.add_row(one.name, one.state, one.why or f"{one.share:.0%} {one.said}", joules, str(one.tries))
            if one.state == "failed" and logs is not None:
                console.print(_tail(logs(key)), markup=False, highlight=False)
    if table.rows:
        console.print(table)


def _headline(status: Status) -> str:
    if status.ended:
        return f"ended ({status.ended.splitlines()[0][:100]})"
    if status.ended == "":
        return f"ended well after {(status.last - status.begun) / 60:.0f} min on {status.on}"
    quiet = time.time() - status.last
    gone = process_lives(status.pid) is False
    alive = "; its driver is not a process of this machine: elsewhere, or killed" if gone else ""
    return f"on {status.on} for {(status.last - status.begun) / 60:.0f} min, last word {quiet:.0f} s ago{alive}"


def _tail(path: Path) -> str:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        return f"{path}: {error.strerror}"
    return "\n".join([f"{path}:", *lines[-TAIL:]])
