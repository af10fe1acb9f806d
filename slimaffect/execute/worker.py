"""A worker: takes a task, does it, seals it in the cache, and tells what it cost."""

import json
import shutil
import signal
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from slimaffect.data.clips import Clips
from slimaffect.errors import SlimError
from slimaffect.execute.cache import Cache, write_json
from slimaffect.execute.deploy import deploy
from slimaffect.execute.lifeline import die_with_parent
from slimaffect.execute.store import first_candidate, load_candidate, save_candidate
from slimaffect.execute.task import Task
from slimaffect.meter import Meter
from slimaffect.select.units import labelled
from slimaffect.train.candidate import Candidate
from slimaffect.train.device import computing_on
from slimaffect.train.journal import Journal, journal, keeping

Say = Callable[[str, int, int], None]
ATTEMPTS, CHECKPOINT = "attempts", "checkpoint"


def work(pipe: Connection, clips: Clips, cache: Cache, threads: int, device: str) -> None:
    """Serve tasks until the driver hangs up. The main function of a worker process."""
    import torch

    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the driver decides
    torch.set_num_threads(threads)
    with computing_on(device):
        _serve(pipe, clips, cache)


def _serve(pipe: Connection, clips: Clips, cache: Cache) -> None:
    while True:
        try:
            task: Task = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(("done", perform(task, clips, cache, lambda *said: pipe.send(("epoch", *said)))))
        except SlimError as error:
            pipe.send(("failed", str(error)))
        except Exception as error:  # noqa: BLE001  whatever a task raises must reach the person who waits for it
            pipe.send(("failed", f"{type(error).__name__}: {error} (traceback: {_log(cache, task)})"))


def perform(task: Task, clips: Clips, cache: Cache, say: Say = lambda *_: None) -> dict[str, Any]:
    """Do a task unless it is done, and return its record.

    While it runs it holds the task's lock, so that two runs at once share the work instead of doing it twice.
    """
    with cache.lock(task.key):
        return cache.read(task.key) or _do(task, clips, cache, say)


def _do(task: Task, clips: Clips, cache: Cache, say: Say) -> dict[str, Any]:
    folder = cache.partial(task.key)
    attempt = Attempt(folder / ATTEMPTS)
    checkpoint = folder / CHECKPOINT
    checkpoint.mkdir(exist_ok=True)

    with keeping(BilledJournal(checkpoint, attempt, say)) as billed:
        given = _given(task, clips, cache)
        figures = _deploy(task, given, clips, folder) if task.deploy else _step(task, given, folder)
    attempt.note(billed, finished=True)
    _sweep(checkpoint)
    kept = {"frames": labelled(given.clips), "curve": billed.curve}
    return cache.finish(task.key, _record(task, attempt.all(), figures) | kept)


def _step(task: Task, given: Candidate, folder: Path) -> dict[str, Any]:
    save_candidate(task.steps[-1].apply(given), folder)
    return journal().figures


def _deploy(task: Task, given: Candidate, clips: Clips, folder: Path) -> dict[str, Any]:
    held_out = clips.of_sites([task.held_out]) if task.held_out else None
    return deploy(given, held_out, folder, threads=task.threads, engine=task.engine)


def _given(task: Task, clips: Clips, cache: Cache) -> Candidate:
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

    def __init__(self, checkpoint: Path, attempt: "Attempt", say: Say) -> None:
        super().__init__(checkpoint)
        self._attempt, self._say = attempt, say
        self.curve: dict[str, dict[str, list[float]]] = {}

    def epoch(self, stage: str, done: int, total: int, **figures: float) -> None:
        """Bill what the attempt cost so far, keep the figures, and tell how far it is."""
        self._attempt.note(self)
        for name, value in {"epoch": done, **figures}.items():
            self.curve.setdefault(stage, {}).setdefault(name, []).append(float(f"{value:.6g}"))
        told = " ".join(f"{name} {value:.3f}" for name, value in figures.items())
        self._say(f"{stage} {told}".strip(), done, total)


class Attempt:
    """What one try at a task cost so far, on disk after every epoch: a killed try is billed too."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._file = folder / f"{len(list(folder.glob('*.json')))}.json"
        self._meter = Meter().start()
        self._started = datetime.now(UTC).isoformat(timespec="seconds")

    def note(self, journal: Journal, *, finished: bool = False) -> None:
        """Write the cost so far."""
        spent = self._meter.read()
        write_json(
            self._file,
            {
                "started": self._started,
                "finished": finished,
                "examples": journal.examples,
                "trainings": journal.trainings,
                "seconds": spent.seconds,
                "cpu_s": spent.cpu_s,
                "joules": spent.joules,
                "provenance": spent.provenance,
            },
        )

    def all(self) -> list[dict[str, Any]]:
        """Read every try, the oldest first."""
        files = sorted(self._folder.glob("*.json"), key=lambda file: int(file.stem))
        return [json.loads(file.read_text()) for file in files]


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


def total(costs: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up costs; a sum with a missing part is missing, and joules of several origins are called by the weakest."""
    names = ("seconds", "cpu_s", "joules", "examples", "trainings")
    sums = {name: _sum([cost[name] for cost in costs]) for name in names}
    origins = [cost["provenance"] for cost in costs]
    weakest = next(
        (origin for origin in ("missing", "modelled", "sampled", "measured") if origin in origins), "missing"
    )
    return sums | {"provenance": weakest}


def _sum(values: list[float | None]) -> float | None:
    return None if any(value is None for value in values) else sum(value for value in values if value is not None)


def _sweep(checkpoint: Path) -> None:
    """A finished task keeps no checkpoint."""
    shutil.rmtree(checkpoint)


def _log(cache: Cache, task: Task) -> Path:
    log = cache.folder(task.key).with_suffix(".log")
    log.write_text(traceback.format_exc())
    return log
