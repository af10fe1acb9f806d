"""A worker: takes a task, does it, seals it in the cache, and tells what it cost."""

import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from slimaffect.data.clips import Clips
from slimaffect.data.store import refuse_changed
from slimaffect.errors import LeaseError
from slimaffect.execute.attempt import Attempt, total
from slimaffect.execute.cache import Cache
from slimaffect.execute.deploy import deploy
from slimaffect.execute.elastic import train_together
from slimaffect.execute.execution import Execution
from slimaffect.execute.faults import explained
from slimaffect.execute.heartbeat import STOPPED, Heartbeat
from slimaffect.execute.lease import Lease, wait_for
from slimaffect.execute.lifeline import die_with_parent
from slimaffect.execute.log import task_log
from slimaffect.execute.schedule import asked_to_leave
from slimaffect.execute.store import first_candidate, load_candidate, save_candidate
from slimaffect.execute.task import Task
from slimaffect.select.units import labelled
from slimaffect.train.candidate import Candidate
from slimaffect.train.device import computing_on
from slimaffect.train.journal import Journal, Leaving, journal, keeping

Say = Callable[[str, int, int, float | None], None]
"""Hears of every epoch: what was said, epochs done, epochs in all, joules so far."""

ATTEMPTS, CHECKPOINT = "attempts", "checkpoint"


def work(pipe: Connection, clips: Clips, cache: Cache, settings: Execution, place: str) -> None:
    """Serve tasks until the driver hangs up. The main function of a worker process."""
    import torch

    driver = parent_process()
    die_with_parent(driver.pid if driver else None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the driver decides
    torch.set_num_threads(settings.threads)
    with computing_on(place):
        _serve(pipe, clips, cache, settings)


def _serve(pipe: Connection, clips: Clips, cache: Cache, settings: Execution) -> None:
    while True:
        try:
            task: Task = pipe.recv()
        except EOFError:
            return
        pipe.send(answered(task, clips, cache, settings, lambda *said: pipe.send(("epoch", *said))))


def answered(
    task: Task, clips: Clips, cache: Cache, settings: Execution, say: Say = lambda *_: None
) -> tuple[str, ...]:
    """Do a task; answer `done`, or `failed` and why. Whatever a task raises must reach the person who waits for it.

    Raises:
        SystemExit: the process was asked to leave, or had lost the task.
    """
    try:
        with task_log(cache.log(task.key)):
            perform(task, clips, cache, say, settings)
    except Leaving:
        sys.exit(STOPPED)
    except LeaseError:
        sys.exit(1)  # whoever took over does the task; this try is lost
    except Exception as error:  # noqa: BLE001
        known = explained(error, task, cache.root)
        return ("failed", f"{known or f'{type(error).__name__}: {error}'} (log: {cache.log(task.key)})")
    return ("done",)


def perform(
    task: Task, clips: Clips, cache: Cache, say: Say = lambda *_: None, settings: Execution | None = None
) -> dict[str, Any]:
    """Do a task unless it is done, and return its record. The one task function of all engines.

    While it runs it holds the task's lease, so that two runs at once share the work instead of doing it twice. A parent
    whose result was damaged since the plan was made is done again first.
    """
    settings = settings or Execution()
    found: list[dict[str, Any]] = []

    def done() -> bool:
        found[:] = [record] if (record := cache.read(task.key)) is not None else []
        return bool(found)

    if done() or (lease := wait_for(cache.lease(task.key), settings.lease_s, done)) is None:
        return found[0]
    try:
        return found[0] if done() else _do(task, clips, cache, say, settings, lease)
    finally:
        lease.release()


def _do(task: Task, clips: Clips, cache: Cache, say: Say, settings: Execution, lease: Lease) -> dict[str, Any]:
    refuse_changed(clips)
    start = _start(task, clips, cache, settings)
    folder = cache.partial(task.key)
    attempt = Attempt(folder / ATTEMPTS)
    checkpoint = folder / CHECKPOINT
    checkpoint.mkdir(exist_ok=True)
    print(f"{task.name}: attempt {attempt.number + 1}", flush=True)  # noqa: T201  (the task's log)
    with asked_to_leave() as leaving:
        billed = BilledJournal(checkpoint, attempt, say, lease.check, leaving)
        with keeping(billed), Heartbeat(lease, settings.lease_s / 6, settings.hung_after_s, lambda: billed.examples):
            if task.ranks > 1 and not task.deploy:
                do = partial(train_together, task, clips, cache, folder, settings, lease, billed)
            else:
                do = (
                    partial(_deploy, task, start, clips, folder) if task.deploy else partial(_step, task, start, folder)
                )
            figures = _figures(do, attempt)
            attempt.note(billed, ended="finished")
            shutil.rmtree(checkpoint)  # a finished task keeps none
            kept = {"frames": labelled(start.clips), "curve": billed.curve}
            return cache.finish(task.key, _record(task, attempt.all(), figures) | kept, lease.check)


def _start(task: Task, clips: Clips, cache: Cache, settings: Execution) -> Candidate:
    """Load what the task starts from, and look afterwards whether that was intact; if not, it is done again first."""
    while task.parent is not None:
        perform(task.parent, clips, cache, settings=settings)
        start = given(task, clips, cache)
        if cache.read(task.parent.key) is not None:
            return start
    return given(task, clips, cache)


def _figures(do: Callable[[], dict[str, Any]], attempt: Attempt) -> dict[str, Any]:
    """Do what the task asks for; a try that ends otherwise is billed as what it was."""
    try:
        return do()
    except Exception as error:
        if not isinstance(error, LeaseError):
            attempt.note(journal(), ended="stopped" if isinstance(error, Leaving) else "failed")
            traceback.print_exc()
        raise


def _step(task: Task, start: Candidate, folder: Path) -> dict[str, Any]:
    candidate = task.steps[-1].apply(start)
    journal().may_write()
    save_candidate(candidate, folder)
    return journal().figures


def _deploy(task: Task, start: Candidate, clips: Clips, folder: Path) -> dict[str, Any]:
    held_out = clips.of_sites([task.held_out]) if task.held_out else None
    return deploy(start, held_out, folder, threads=task.threads, engine=task.engine)


def given(task: Task, clips: Clips, cache: Cache) -> Candidate:
    """Load what the task's parent made; the first step is given a fresh model."""
    training = task.training(clips)
    if task.parent is None:
        return first_candidate(task.model, training, task.seed)
    return load_candidate(cache.folder(task.parent.key), training, task.seed)


class BilledJournal(Journal):
    """A journal that bills every epoch, keeps its figures, and shows it to whoever watches.

    Attributes:
        curve: stage -> figure -> its value after each epoch of this attempt, `epoch` counting them.
    """

    def __init__(
        self,
        checkpoint: Path,
        attempt: Attempt,
        say: Say = lambda *_: None,
        may_write: Callable[[], None] = lambda: None,
        leaving: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(checkpoint)
        self._attempt, self._say, self._may_write, self._leaving = attempt, say, may_write, leaving
        self.curve: dict[str, dict[str, list[float]]] = {}

    def epoch(self, stage: str, done: int, total: int, **figures: float) -> None:
        """Bill what the attempt cost so far, keep the figures, and tell how far it is."""
        joules = self._attempt.note(self)
        for name, value in {"epoch": done, **figures}.items():
            self.curve.setdefault(stage, {}).setdefault(name, []).append(float(f"{value:.6g}"))
        told = " ".join(f"{name} {value:.3f}" for name, value in figures.items())
        print(f"{stage} {done}/{total} {told}", flush=True)  # noqa: T201  (the task's log)
        self._say(f"{stage} {told}".strip(), done, total, joules)

    def may_write(self) -> None:
        """Look whether this process still holds the task."""
        self._may_write()

    def leaving(self) -> bool:
        """Tell whether a scheduler wants the machine back."""
        return self._leaving()

    def report(self, sentence: str) -> None:
        """Bill a mishap with the attempt, and log it."""
        print(sentence, flush=True)  # noqa: T201  (the task's log)
        self._attempt.report(sentence)


def _record(task: Task, attempts: list[dict[str, Any]], figures: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": task.name,
        "step": task.step,
        "settings": task.settings,
        "held_out": task.held_out,
        "seed": task.seed,
        "attempts": attempts,
        "cost": total(attempts),
        "figures": figures,
    }
