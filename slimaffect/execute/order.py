"""A run's order to other machines: a folder of plain files that says what to do, and takes the answers.

A worker there is told the folder and a task's key, and nothing else: no object is sent, so neither a pickle nor an
object store carries data, and any process that sees the folder can do the task. The result lies in the shared cache.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from pathlib import Path

from slimaffect.data.carry import NETWORK, file_system, keep_clips, kept_clips
from slimaffect.data.clips import Clips
from slimaffect.execute.cache import Cache, write_json
from slimaffect.execute.engine import Heard
from slimaffect.execute.execution import Execution
from slimaffect.execute.heartbeat import STOPPED
from slimaffect.execute.task import Task, read_task

LOOK_S = 1.0  # how often the progress of running tasks is read
LEAVE = "leave"
LOOKS = 500  # tasks whose progress is read at once: of thousands in a queue, each has its turn


class Order:
    """The driver's side."""

    def __init__(self, settings: Execution, clips: Clips, cache: Cache) -> None:
        self.folder = (cache.root.parent / "orders" / uuid.uuid4().hex).absolute()
        (self.folder / "tasks").mkdir(parents=True, mode=0o700)
        kept = keep_clips(clips, cache.root.parent.absolute() / "clips")
        told = {"clips": str(kept), "cache": str(cache.root.absolute()), "settings": settings.model_dump(mode="json")}
        write_json(self.folder / "order.json", told)
        self._cache, self._heard = cache, dict[str, tuple[int, int]]()
        self._looked, self._turn = 0.0, 0

    def place(self, task: Task) -> str:
        """Write a task down, and answer its key."""
        self._answer(task.key).unlink(missing_ok=True)
        write_json(self.folder / "tasks" / f"{task.key}.json", task.described())
        return task.key

    def outcome(self, key: str, why_lost: str) -> Heard:
        """Read what became of a task whose process has ended: the cache says done, the answer why not, else it died."""
        if self._cache.read(key) is not None:
            return Heard("done", key)
        try:
            return Heard("failed", key, (json.loads(self._answer(key).read_text())["why"],))
        except (OSError, ValueError, KeyError):
            return Heard("lost", key, (why_lost,))

    def progress(self, running: Collection[str]) -> list[Heard]:
        """Read now and then how far running tasks are, where that has changed."""
        if time.monotonic() - self._looked < LOOK_S:
            return []
        self._looked = time.monotonic()
        begin, self._turn = self._turn, self._turn + LOOKS if self._turn + LOOKS < len(running) else 0
        return [told for key in islice(running, begin, begin + LOOKS) for told in self._progress_of(key)]

    def _progress_of(self, key: str) -> list[Heard]:
        try:
            told = json.loads(self._answer(key).with_suffix(".epoch").read_text())
        except (OSError, ValueError):
            return []
        if self._heard.get(key) == (told["done"], told["total"]):
            return []
        self._heard[key] = (told["done"], told["total"])
        return [Heard("epoch", key, (told["said"], told["done"], told["total"], told["joules"]))]

    def leave(self) -> None:
        """Ask whoever is at work at it to keep its last step and end."""
        (self.folder / LEAVE).touch()

    def close(self) -> None:
        """Throw the order away when nothing is at work at it any more."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answer(self, key: str) -> Path:
        return self.folder / "tasks" / f"{key}.answer"


@lru_cache(maxsize=1)
def _given(folder: Path) -> tuple[Clips, Cache, Execution]:
    """Read the order once for all tasks that a process does; clips are only mapped."""
    told = json.loads((folder / "order.json").read_text())
    settings = Execution.model_validate(told["settings"])
    scratch = Path(settings.scratch).expanduser() if settings.scratch else None
    clips = Path(told["clips"])
    if scratch is None and (kind := file_system(clips)) in NETWORK:
        print(f"frames lie on {kind} and are mapped from there; set execution.scratch to copy them to the node's disk")  # noqa: T201
    return kept_clips(clips, scratch), Cache(Path(told["cache"])), settings


def serve(folder: str, key: str) -> None:
    """Do one task of an order. The main function of a worker on another machine.

    Raises:
        SystemExit: the process was asked to leave, or had lost the task.
    """
    if (leave := Path(folder) / LEAVE).exists():  # it waited in a queue until its driver left
        sys.exit(STOPPED)
    import torch

    from slimaffect.execute.worker import answered
    from slimaffect.train.device import computing_on

    clips, cache, settings = _given(Path(folder))
    torch.set_num_threads(settings.threads)
    told = Path(folder) / "tasks" / f"{key}.json"
    said = [0.0]

    def say(what: str, done: int, total: int, joules: float | None) -> None:
        if time.monotonic() - said[0] > LOOK_S or done == total:
            said[0] = time.monotonic()
            write_json(told.with_suffix(".epoch"), {"said": what, "done": done, "total": total, "joules": joules})

    task = read_task(json.loads(told.read_text()))
    say("begins", 0, 1, None)
    with computing_on(task.device), _listening(leave):
        word, *why = answered(task, clips, cache, settings, say)
    if word == "failed":
        write_json(told.with_suffix(".answer"), {"why": why[0], "pid": os.getpid()})


@contextmanager
def _listening(leave: Path) -> Iterator[None]:
    """Hear, inside the block, that the driver wants all to leave: it becomes the signal that a scheduler would send."""
    over = threading.Event()

    def listen() -> None:
        while not over.is_set():
            if leave.exists():
                os.kill(os.getpid(), signal.SIGTERM)
                return
            over.wait(LOOK_S)

    listener = threading.Thread(target=listen, name="listener", daemon=True)
    listener.start()
    try:
        yield
    finally:
        over.set()
        listener.join()
