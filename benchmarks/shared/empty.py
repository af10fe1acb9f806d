"""Tasks that compute nothing, and a real pool whose workers do them: what is left is what running a task costs."""

from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from slimaffect.execute.attempt import Attempt
from slimaffect.execute.cache import Cache
from slimaffect.execute.execution import Execution
from slimaffect.execute.heartbeat import Heartbeat
from slimaffect.execute.lease import wait_for
from slimaffect.execute.log import task_log
from slimaffect.execute.pool import Pool
from slimaffect.execute.task import Task
from slimaffect.model.shapes import shape
from slimaffect.steps import STEPS
from slimaffect.train.journal import Journal


class Nobody:
    """A view that shows nothing."""

    def started(self, task: Task) -> None:
        """Do nothing."""

    def epoch(self, task: Task, said: str, done: int, total: int, joules: float | None = None) -> None:
        """Do nothing."""

    def finished(self, task: Task, record: dict[str, Any]) -> None:
        """Do nothing."""

    def lost(self, task: Task, why: str) -> None:
        """Do nothing."""

    def failed(self, task: Task, why: str) -> None:
        """Do nothing."""


def tasks(count: int) -> list[Task]:
    """List ends of chains of two that have so many tasks together: a training, and a choice after it."""
    spec, train = shape("micro"), STEPS["train"].model_validate({"epochs": 1})
    last = STEPS["quantise"].model_validate({"to": "fp16"})
    common = {"threads": 1, "data": "nothing"}
    return [Task(spec, (train, last), f"site{n % 4}", n // 4, **common) for n in range(count // 2)]


def empty_pool(settings: Execution, cache: Cache) -> Pool:
    """Open a pool whose workers do nothing but what every task costs."""
    context = get_context("spawn")

    def hire(_: str) -> tuple[Any, Connection]:
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, cache, settings), daemon=True)
        process.start()
        theirs.close()
        ours.poll(60)
        ours.recv()  # it is there
        return process, ours

    return Pool(settings, None, cache, tasks=settings.processes(10**6), hire=hire)


def _work(pipe: Connection, cache: Cache, settings: Execution) -> None:
    pipe.send("ready")
    while True:
        try:
            task: Task = pipe.recv()
        except (EOFError, ConnectionResetError):
            return
        lease = wait_for(cache.lease(task.key), settings.lease_s, lambda: False)
        assert lease is not None
        with task_log(cache.log(task.key)), Heartbeat(lease, settings.lease_s / 6, 900.0, lambda: 0):
            attempt = Attempt(cache.partial(task.key) / "attempts")
            attempt.note(Journal(), ended="finished")
            cache.finish(task.key, {"cost": {}, "attempts": attempt.all()}, lease.check)
        lease.release()
        pipe.send(("done",))
