"""An engine runs tasks somewhere. There are three, and they differ in nothing else."""

from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from slimaffect.execute.task import Task


class Heard(NamedTuple):
    """What an engine has heard of a task.

    Whatever is heard first tells that it began: a cluster may have lined it up long before.

    `started`: nothing more. `epoch`: told is what was said, epochs done, epochs in all, joules so far or None.
    `done`: nothing more. `lost`: its process died, told is why; it may be tried again. `failed`: told is why; it may
    not.
    """

    word: Literal["started", "epoch", "done", "lost", "failed"]
    key: str
    told: tuple[Any, ...] = ()


@runtime_checkable
class Engine(Protocol):
    """Where tasks run."""

    slots: int
    """Tasks that may be submitted at once."""

    def submit(self, task: Task) -> None:
        """Begin a task, or line it up."""

    def hear(self, timeout_s: float) -> list[Heard]:
        """Wait for news until some come or the time is over."""
        ...

    def leave(self, grace_s: float) -> None:
        """Ask what runs to keep its state and end, and wait that long at most."""

    def close(self) -> None:
        """End everything, at once."""


@runtime_checkable
class View(Protocol):
    """Who is told what happens: the terminal, the ledger, or a test."""

    def started(self, task: Task) -> None:
        """Note that a task began."""

    def epoch(self, task: Task, said: str, done: int, total: int, joules: float | None = None) -> None:
        """Note that a task got this far, and what it has cost."""

    def finished(self, task: Task, record: dict[str, Any]) -> None:
        """Note that a task is done."""

    def lost(self, task: Task, why: str) -> None:
        """Note that a task's process died and that it is tried again."""

    def failed(self, task: Task, why: str) -> None:
        """Note that a task failed."""


class Views:
    """Several who are told the same."""

    def __init__(self, *views: View) -> None:
        self._views = views

    def started(self, task: Task) -> None:
        """Tell all."""
        for view in self._views:
            view.started(task)

    def epoch(self, task: Task, said: str, done: int, total: int, joules: float | None = None) -> None:
        """Tell all."""
        for view in self._views:
            view.epoch(task, said, done, total, joules)

    def finished(self, task: Task, record: dict[str, Any]) -> None:
        """Tell all."""
        for view in self._views:
            view.finished(task, record)

    def lost(self, task: Task, why: str) -> None:
        """Tell all."""
        for view in self._views:
            view.lost(task, why)

    def failed(self, task: Task, why: str) -> None:
        """Tell all."""
        for view in self._views:
            view.failed(task, why)
