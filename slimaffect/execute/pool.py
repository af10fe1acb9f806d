"""The local process pool: every worker is one process with its own share of the cores."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import PositiveInt

from slimaffect.data.clips import Clips
from slimaffect.errors import RunError
from slimaffect.execute.cache import Cache
from slimaffect.execute.task import Task
from slimaffect.settings import Settings

ATTEMPTS = 3  # of a task whose worker dies: once may be the machine, three times is the task
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Execution(Settings):
    """Where and how tasks run."""

    workers: PositiveInt | Literal["auto"] = "auto"
    """Processes at once; `auto` takes one per GPU, or without GPUs one per share of `threads` cores."""
    threads: PositiveInt = 1
    """Threads of one task. Sums depend on it: change it and the scores change in the last digits."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """What trains: `auto` takes NVIDIA GPUs where there are some. Scores on a GPU differ in the last digits."""

    @property
    def processor(self) -> Literal["cpu", "cuda"]:
        """What trains on this machine.

        Raises:
            RunError: a GPU is asked for, and there is none.
        """
        if self.device == "cpu":
            return "cpu"
        if gpus():
            return "cuda"
        if self.device == "cuda":
            raise RunError(
                "execution.device is cuda, but torch sees no GPU here (torch.cuda.device_count() is 0). Install a "
                "CUDA build of torch and the driver, or set execution.device=auto."
            )
        return "cpu"

    def processes(self, tasks: int) -> int:
        """Count the workers for this many tasks on this machine."""
        if self.workers == "auto" and self.processor == "cuda":
            return min(gpus(), tasks)  # one has a GPU to itself; small models leave room for several
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        wanted = max(1, cores // self.threads) if self.workers == "auto" else self.workers
        return min(wanted, tasks)


@runtime_checkable
class View(Protocol):
    """Who is told what happens: the terminal, or a test."""

    def started(self, task: Task) -> None:
        """Note that a task began."""

    def epoch(self, task: Task, said: str, done: int, total: int) -> None:
        """Note that a task got this far."""

    def finished(self, task: Task, record: dict[str, Any]) -> None:
        """Note that a task is done."""

    def failed(self, task: Task, why: str) -> None:
        """Note that a task failed."""


def gpus() -> int:
    """Count the NVIDIA GPUs that torch sees."""
    import torch

    return torch.cuda.device_count()


def execute(plan: "Plan", clips: Clips, cache: Cache, settings: Execution, view: View) -> dict[str, dict[str, Any]]:
    """Run what is not yet done of a plan; return the record of each task by its key.

    A task that fails takes those that start from it along; everything else still runs.

    Raises:
        RunError: at least one task failed; what finished is kept.
    """
    if plan.waiting:
        with _crew(settings, clips, cache, len(plan.waiting)) as crew:
            while plan.waiting or crew.unfinished:
                crew.employ(plan, view)
                crew.listen(plan, view)
    if plan.failures:
        raise RunError(_summary(plan.failures))
    return plan.records


class Plan:
    """What is done, what waits and what failed. Order: a task never before its parent, else as listed."""

    def __init__(self, tasks: Sequence[Task], cache: Cache) -> None:
        everything = {link.key: link for task in tasks for link in task.chain}
        self.records = {key: record for key in everything if (record := cache.read(key)) is not None}
        needed = self._needed(tasks)
        self.waiting = {key: task for key, task in everything.items() if key in needed}
        self.failures: list[tuple[Task, str]] = []

    def _needed(self, tasks: Sequence[Task]) -> set[str]:
        """Leave out what is done, and what only leads to things that are done."""
        needed: set[str] = set()
        for task in tasks:
            for link in reversed(task.chain):
                if link.key in self.records:
                    break
                needed.add(link.key)
        return needed

    def next(self) -> Task | None:
        """Take the first task whose parent is done; long chains first, so that no core idles at the end."""
        for key, task in self.waiting.items():
            if task.parent is None or (task.parent.key not in self.waiting and task.parent.key in self.records):
                return self.waiting.pop(key)
        return None

    def done(self, task: Task, record: dict[str, Any]) -> None:
        """Keep the record: tasks that start from this one may run now."""
        self.records[task.key] = record

    def fail(self, task: Task, why: str) -> None:
        """Give up the task and all that start from it."""
        self.failures.append((task, why))
        doomed = {key for key, other in self.waiting.items() if task.key in {link.key for link in other.chain}}
        for key in doomed:
            del self.waiting[key]


class Crew:
    """The workers and what each is doing."""

    def __init__(self, hire: Callable[[], tuple[Any, Connection]], size: int) -> None:
        self._hire = hire
        self._idle = [hire() for _ in range(size)]
        self.busy: dict[Connection, tuple[Any, Task, int]] = {}
        self._again: list[tuple[Task, int]] = []

    @property
    def unfinished(self) -> bool:
        """Tell whether a task runs or waits to be tried again."""
        return bool(self.busy or self._again)

    def employ(self, plan: Plan, view: View) -> None:
        """Give every idle worker a task, as long as there is one that can start."""
        while self._idle:
            task, attempt = self._again.pop() if self._again else (plan.next(), 1)
            if task is None:
                return
            process, pipe = self._idle.pop()
            self.busy[pipe] = (process, task, attempt)
            view.started(task)
            pipe.send(task)

    def listen(self, plan: Plan, view: View) -> None:
        """Wait for the workers' next words and act on them."""
        for pipe in wait(list(self.busy), timeout=0.5):
            assert isinstance(pipe, Connection)
            try:
                word, *what = pipe.recv()
            except (EOFError, ConnectionResetError):
                self._replace(pipe, plan, view)
                continue
            self._hear(pipe, word, what, plan, view)

    def _hear(self, pipe: Connection, word: str, what: list[Any], plan: Plan, view: View) -> None:
        process, task, _ = self.busy[pipe]
        if word == "epoch":
            view.epoch(task, *what)
            return
        del self.busy[pipe]
        self._idle.append((process, pipe))
        if word == "done":
            plan.done(task, *what)
            view.finished(task, *what)
        else:
            plan.fail(task, *what)
            view.failed(task, *what)

    def _replace(self, pipe: Connection, plan: Plan, view: View) -> None:
        """Hire a new worker for one that died, and try its task again."""
        process, task, attempt = self.busy.pop(pipe)
        process.join(timeout=5)
        self._idle.append(self._hire())
        if attempt < ATTEMPTS:
            self._again.append((task, attempt + 1))
            return
        why = (
            f"its process died {ATTEMPTS} times, last with exit code {process.exitcode}; "
            "-9 usually means out of memory. Try --workers 1."
        )
        plan.fail(task, why)
        view.failed(task, why)

    def dismiss(self) -> None:
        """Stop every worker; one at work loses what it did since its last checkpoint."""
        for process, pipe in [*self._idle, *((process, pipe) for pipe, (process, _, _) in self.busy.items())]:
            process.kill()
            process.join()
            pipe.close()


@contextmanager
def _crew(settings: Execution, clips: Clips, cache: Cache, tasks: int) -> Iterator[Crew]:
    from slimaffect.execute.worker import work  # a spawned worker imports this name, and torch with it

    context = get_context("spawn")  # a forked torch deadlocks in its thread pool

    places = cycle([f"cuda:{number}" for number in range(gpus())] if settings.processor == "cuda" else ["cpu"])

    def hire() -> tuple[Any, Connection]:
        ours, theirs = context.Pipe()
        given = (theirs, clips, cache, settings.threads, next(places))
        process = context.Process(target=work, args=given, daemon=True)
        process.start()
        theirs.close()
        return process, ours

    with _threads(settings.threads):
        crew = Crew(hire, settings.processes(tasks))
        try:
            yield crew
        finally:
            crew.dismiss()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Set the thread variables that a worker reads when it starts, and put the old ones back."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(count)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _summary(failures: list[tuple[Task, str]]) -> str:
    told = "\n".join(f"  {task.name}: {why}" for task, why in failures[:5])
    more = f"\n  ... and {len(failures) - 5} more" if len(failures) > 5 else ""
    return (
        f"{len(failures)} task(s) failed:\n{told}{more}\n"
        "What finished is kept: run the same command again to retry the rest."
    )
