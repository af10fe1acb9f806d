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
from slimaffect.execute.task import Task
from slimaffect.train.journal import Journal, Leaving

EPOCH, FIGURES, ORDER = "epoch.json", "figures.json", "ranks.json"
LOOK_S = 0.5
GRACE_S = 9.0  # for ranks that keep their last step


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
    write_json(checkpoint / ORDER, told | places | {"lease": held, "scratch": settings.scratch})
    process = _launch(task, checkpoint / ORDER, settings)
    try:
        _watch(process, checkpoint / EPOCH, journal)
    finally:
        _end(process)
    if process.returncode:
        raise RunError(
            f"the {task.ranks} ranks of {task.name} failed (torchrun ended with {process.returncode}); their words are "
            "in the log."
        )
    found = json.loads((checkpoint / FIGURES).read_text())
    journal.figures.update(found["figures"])
    journal.examples, journal.trainings = found["examples"], found["trainings"]
    return journal.figures


def _launch(task: Task, order: Path, settings: Execution) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "slimaffect.execute.agent", "--standalone"]
    command += [f"--nproc-per-node={task.ranks}", f"--max-restarts={settings.attempts - 1}"]
    command += ["-m", "slimaffect.execute.rank", str(order)]
    threads = {name: str(task.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    return subprocess.Popen(command, env=os.environ | threads)


def _watch(process: subprocess.Popen[bytes], epoch: Path, journal: Journal) -> None:
    """Pass on the first rank's words until the launcher ends."""
    heard: dict[str, Any] = {}
    while process.poll() is None:
        if journal.leaving():
            _end(process)
            raise Leaving("the ranks kept their last step")
        told = _read(epoch)
        if told and told != heard:
            heard = told
            journal.examples, journal.trainings = told["examples"], told["trainings"]
            journal.epoch(told["stage"], told["done"], told["total"], **told["figures"])
        time.sleep(LOOK_S)


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        return json.loads(path.read_text())
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
        write_json(order.with_name(EPOCH), told)

    return say
