"""The embedded engine: processes of this machine, each with its own share of the cores. The default."""

import time
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

from slimaffect.data.clips import Clips
from slimaffect.execute.cache import Cache
from slimaffect.execute.engine import Heard
from slimaffect.execute.execution import Execution
from slimaffect.execute.faults import of_exit
from slimaffect.execute.lease import Watched, holder
from slimaffect.execute.surroundings import surrounded
from slimaffect.execute.task import Task

Hire = Callable[[str], tuple[Any, Connection]]
"""Start a worker on a processor (`cpu`, `cuda:1`); answer its process and our end of its pipe."""


class AtWork(NamedTuple):
    """A worker and its task."""

    process: Any
    task: Task
    place: str


class Pool:
    """The workers and what each is doing. A worker that dies is replaced; its task has its checkpoint."""

    def __init__(
        self, settings: Execution, clips: Clips | None, cache: Cache, tasks: int, *, hire: Hire | None = None
    ) -> None:
        self._hire = hire or _hiring(settings, clips, cache)
        self.slots = settings.processes(tasks)
        self._settings, self._cache = settings, cache
        with surrounded(settings.threads):
            places = cycle(settings.places())
            self._idle = [(*self._hire(place), place) for place, _ in zip(places, range(self.slots), strict=False)]
        self._busy: dict[Connection, AtWork] = {}
        self._deaths: dict[str, int] = {}
        self._watched: dict[str, Watched] = {}
        self._looked, self._begun = time.monotonic(), list[Heard]()

    def submit(self, task: Task) -> None:
        """Give the task to an idle worker."""
        process, pipe, place = self._idle.pop()
        self._busy[pipe] = AtWork(process, task, place)
        self._begun.append(Heard("started", task.key))
        with suppress(OSError):  # it died while it was idle: its pipe says so when we listen
            pipe.send(task)

    def hear(self, timeout_s: float) -> list[Heard]:
        """Wait for the workers' next words."""
        self._end_the_stuck()
        heard, self._begun = self._begun, []
        for pipe in wait(list(self._busy), timeout=0 if heard else timeout_s):
            assert isinstance(pipe, Connection)
            try:
                word, *told = pipe.recv()
            except (EOFError, OSError):
                heard.append(self._replace(pipe))
                continue
            key = self._busy[pipe].task.key
            if word != "epoch":
                self._free(pipe)
            heard.append(Heard(word, key, tuple(told)))
        return heard

    def _free(self, pipe: Connection) -> None:
        process, task, place = self._busy.pop(pipe)
        self._watched.pop(task.key, None)
        self._idle.append((process, pipe, place))

    def _replace(self, pipe: Connection) -> Heard:
        """Hire a new worker for one that died."""
        process, task, place = self._busy.pop(pipe)
        process.join(timeout=5)
        pipe.close()
        self._watched.pop(task.key, None)
        with surrounded(self._settings.threads):
            self._idle.append((*self._hire(place), place))
        self._deaths[task.key] = self._deaths.get(task.key, 0) + 1
        return Heard("lost", task.key, (of_exit(process.exitcode, self._deaths[task.key]),))

    def _end_the_stuck(self) -> None:
        """Kill a worker that does nothing though its process is there: it was stopped, or swaps to death.

        One that holds its task is known by its heart. One that does not may be about to begin, or have just ended: it
        is given as long as a task that passes no frame. Where somebody else holds the task, it waits, and may.
        """
        if time.monotonic() - self._looked < self._settings.lease_s / 10:
            return
        self._looked = time.monotonic()
        for process, task, _ in self._busy.values():
            folder = self._cache.lease(task.key)
            path, patience_s = folder / "nobody", self._settings.hung_after_s
            if (found := holder(folder)) is not None:
                path, patience_s = found[1], self._settings.lease_s
            if found is not None and found[0].get("pid") != process.pid:
                self._watched.pop(task.key, None)
            elif self._watch(task.key, path).still_s() > patience_s:
                process.kill()

    def _watch(self, key: str, path: Path) -> Watched:
        if (watched := self._watched.get(key)) is None or watched.path != path:
            watched = self._watched[key] = Watched(path)
        return watched

    def leave(self, grace_s: float) -> None:
        """Ask every worker to keep its state, and give all of them together so long."""
        for process, *_ in self._busy.values():
            process.terminate()
        ends = time.monotonic() + grace_s
        for process, *_ in self._busy.values():
            process.join(timeout=max(0.0, ends - time.monotonic()))

    def close(self) -> None:
        """Stop every worker; one at work loses what it did since its last checkpoint."""
        at_work = [(one.process, pipe, one.place) for pipe, one in self._busy.items()]
        for process, pipe, _ in [*self._idle, *at_work]:
            process.kill()
            process.join()
            pipe.close()


def _hiring(settings: Execution, clips: Clips | None, cache: Cache) -> Hire:
    from slimaffect.execute.worker import work  # a spawned worker imports this name, and torch with it

    context = get_context("spawn")  # a forked torch deadlocks in its thread pool

    def hire(place: str) -> tuple[Any, Connection]:
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, clips, cache, settings, place), daemon=True)
        process.start()
        theirs.close()
        return process, ours

    return hire
