"""Several ranks for one task: torchrun launches them, restarts all when one dies, and they go on from the checkpoint.

The worker that has the task keeps its lease and its bill: the ranks are its descendants, so their processor time and
the host's joules are counted once, whatever their number. Each rank dies with its launcher, and that with the worker.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from slimaffect.data.carry import keep_clips
from slimaffect.data.clips import Clips
from slimaffect.errors import RunError
from slimaffect.execute.cache import Cache, write_json
from slimaffect.execute.execution import Execution
from slimaffect.execute.lease import Lease
from slimaffect.execute.surroundings import surroundings
from slimaffect.execute.task import Task
from slimaffect.train.device import device
from slimaffect.train.journal import Journal, Leaving

EPOCHS, FIGURES, ORDER = "epochs.jsonl", "figures.json", "ranks.json"
LOOK_S = 0.5
GRACE_S = 6.0  # for ranks that keep their last step; the worker itself is given 8
LOOPBACK = "127.0.0.1"  # a fold stays on one machine, and torchrun's ports ask nobody who they are


def train_together(
    task: Task, clips: Clips, cache: Cache, folder: Path, settings: Execution, lease: Lease, journal: Journal
) -> dict[str, Any]:
    """Do a task with `task.ranks` processes of this machine, and answer what its step found.

    Raises:
        RunError: the ranks failed more often than `execution.attempts` allows.
        Leaving: the worker was asked to leave, and the ranks kept their last step.
    """
    told = {"task": task.described(), "clips": str(keep_clips(clips, cache.root.absolute().parent / "clips"))}
    held = {"path": str(lease.path), "number": lease.number, "identity": lease.identity}
    places = {"cache": str(cache.root.absolute()), "folder": str(folder.absolute())}
    checkpoint = folder / "checkpoint"
    for name in (EPOCHS, FIGURES):  # of an earlier try
        (checkpoint / name).unlink(missing_ok=True)
    gpu = device().index or 0  # the worker's own; the ranks take it and the next ones
    write_json(checkpoint / ORDER, told | places | {"lease": held, "scratch": settings.scratch, "first_gpu": gpu})
    process, lives = _launch(task, checkpoint / ORDER, settings), Lives(journal)
    try:
        _watch(process, checkpoint / EPOCHS, journal, lives)
    finally:
        _end(process)
    if process.returncode:
        raise RunError(
            f"the {task.ranks} ranks of {task.name} failed (torchrun ended with {process.returncode}); their words are "
            "in the log."
        )
    found = json.loads((checkpoint / FIGURES).read_text())
    lives.count(found)
    journal.figures.update(found["figures"])
    return journal.figures


class Lives:
    """Counts for the journal what the ranks tell: each time torchrun starts them, they count from nought again."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self._told, self._before = journal, dict[str, Any](), Counter[str]()

    def count(self, told: dict[str, Any]) -> None:
        """Take in what was told last."""
        if self._told and self._told["life"] != told["life"]:
            self._before.update({name: self._told[name] for name in ("examples", "trainings")})
        self._told = told
        self._journal.examples = self._before["examples"] + told["examples"]
        self._journal.trainings = self._before["trainings"] + told["trainings"]


def _launch(task: Task, order: Path, settings: Execution) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "slimaffect.execute.agent", str(os.getpid())]
    command += ["--standalone", f"--local-addr={LOOPBACK}"]
    command += [f"--nproc-per-node={task.ranks}", f"--max-restarts={settings.attempts - 1}"]
    command += ["-m", "slimaffect.execute.rank", str(order)]
    return subprocess.Popen(command, env=os.environ | surroundings(task.threads))


def _watch(process: subprocess.Popen[bytes], epochs: Path, journal: Journal, lives: Lives) -> None:
    """Pass on the first rank's words until the launcher ends."""
    heard, over = 0, False
    while not over:
        over = process.poll() is not None
        if journal.leaving() and not over:
            _end(process)
            raise Leaving("the ranks kept their last step")
        for told in _told(epochs)[heard:]:
            heard += 1
            if told:
                lives.count(told)
                journal.epoch(told["stage"], told["done"], told["total"], **told["figures"])
        if not over:
            time.sleep(LOOK_S)


def _told(epochs: Path) -> list[dict[str, Any]]:
    """Read the lines so far; one that a full disk cut is empty."""
    with suppress(FileNotFoundError):
        return [_read(line) for line in epochs.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return []


def _read(line: str) -> dict[str, Any]:
    with suppress(ValueError):
        return json.loads(line)
    return {}


def _end(process: subprocess.Popen[bytes], grace_s: float = GRACE_S) -> None:
    """Ask the launcher to end, which asks its ranks; then end it, and they die with it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def rank_says(order: Path) -> Callable[..., None]:
    """Answer how the first rank tells the worker of an epoch."""

    def say(**told: Any) -> None:
        with order.with_name(EPOCHS).open("a") as file:
            file.write(json.dumps(told) + "\n")

    return say
