"""Runs a plan on an engine. Everything that is true of all engines is here: order, attempts, failures, leaving."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from slimaffect.data.clips import Clips
from slimaffect.errors import RunError, StoppedError
from slimaffect.execute.cache import Cache
from slimaffect.execute.engine import Engine, Heard, View
from slimaffect.execute.execution import Execution
from slimaffect.execute.plan import Plan, Sealed
from slimaffect.execute.task import Task

GRACE_S = 8.0  # schedulers kill some 10 to 30 s after they ask


def execute(plan: Plan, clips: Clips, cache: Cache, settings: Execution, view: View) -> Sealed:
    """Run what is not yet done of a plan; return the record of each task by its key.

    A task that fails takes those that start from it along; everything else still runs.

    Raises:
        RunError: at least one task failed; what finished is kept.
        StoppedError: the process was asked to leave by SIGTERM.
    """
    if plan.waiting:
        with asked_to_leave() as leaving, closing(opened(settings, clips, cache, len(plan.waiting))) as engine:
            run_plan(plan, engine, view, attempts=settings.attempts, leaving=leaving)
    if plan.failures:
        raise RunError(_summary(plan.failures))
    return plan.records


def opened(settings: Execution, clips: Clips, cache: Cache, tasks: int) -> Engine:
    """Open the engine that the settings name; what it needs is imported only here."""
    if settings.on == "ray":
        from slimaffect.execute.on_ray import RayEngine

        return RayEngine(settings, clips, cache)
    if settings.on == "slurm":
        from slimaffect.execute.on_slurm import SlurmEngine

        return SlurmEngine(settings, clips, cache, tasks)
    from slimaffect.execute.pool import Pool

    return Pool(settings, clips, cache, tasks)


def run_plan(plan: Plan, engine: Engine, view: View, *, attempts: int, leaving: Callable[[], bool]) -> None:
    """Keep the engine busy until nothing is left."""
    running: dict[str, Submitted] = {}
    while plan.waiting or running:
        if leaving():
            engine.leave(GRACE_S)
            raise StoppedError(
                "Asked to leave by SIGTERM: every task kept its last step, and the same command goes on from there. "
                "Exit code 75 asks a scheduler to queue this again."
            )
        while len(running) < engine.slots and (task := plan.next()) is not None:
            running[task.key] = Submitted(task)
            engine.submit(task)
        for heard in engine.hear(0.5):
            if heard.key in running:
                _act(heard, running, plan, engine, view, attempts)


@dataclass
class Submitted:
    """A task that an engine has."""

    task: Task
    attempt: int = 1
    begun: bool = False


def _act(heard: Heard, running: dict[str, Submitted], plan: Plan, engine: Engine, view: View, attempts: int) -> None:
    one = running[heard.key]
    if not one.begun:
        one.begun = True
        view.started(one.task)
    if heard.word == "epoch":
        view.epoch(one.task, *heard.told)
    elif heard.word == "lost" and one.attempt < attempts:
        one.attempt += 1
        view.lost(one.task, *heard.told)
        engine.submit(one.task)
    elif heard.word != "started":
        del running[heard.key]
        _end(heard, one.task, plan, view)


def _end(heard: Heard, task: Task, plan: Plan, view: View) -> None:
    if heard.word == "done":
        plan.done(task)
        view.finished(task, plan.records[task.key])
    else:
        plan.fail(task, *heard.told)
        view.failed(task, *heard.told)


@contextmanager
def asked_to_leave() -> Iterator[Callable[[], bool]]:
    """Answer, inside the block, whether SIGTERM has come; the signal's old handler comes back afterwards."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set  # only the main thread may listen to signals
        return

    def note(number: int, frame: FrameType | None) -> Any:
        del number, frame
        asked.set()

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGTERM, before)


def _summary(failures: list[tuple[Task, str]]) -> str:
    told = "\n".join(f"  {task.name}: {why}" for task, why in failures[:5])
    more = f"\n  ... and {len(failures) - 5} more" if len(failures) > 5 else ""
    return (
        f"{len(failures)} task(s) failed:\n{told}{more}\n"
        "What finished is kept: run the same command again to retry the rest, with --retry-failed to begin these anew."
    )
