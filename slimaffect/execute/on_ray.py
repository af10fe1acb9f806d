"""Ray as the engine: one Core task for each of ours, around the one task function.

Ray is told where the cluster is, because `auto` may find a stranger's on a shared machine (RLinf issue 463). Tasks are
given two strings and answer nothing: the object store never holds data. A task whose node is gone is told as lost, and
the scheduler tries it again, as on every engine: were Ray to try it too, `attempts` would multiply and nobody would
hear of it. What a node's death leaves running is ended by the parent-death signal; what is not is fenced by the lease.
Ray's own Train and Tune are not used: what they restore from is not ours to check.
"""

import os
from importlib import import_module
from typing import Any

from slimaffect.data.clips import Clips
from slimaffect.errors import RunError
from slimaffect.execute.cache import Cache
from slimaffect.execute.engine import Heard
from slimaffect.execute.execution import Execution
from slimaffect.execute.order import Order
from slimaffect.execute.surroundings import surroundings
from slimaffect.execute.task import Task

MANY = 10_000  # tasks that may queue in Ray at once


class RayEngine:
    """Tasks on a Ray cluster."""

    def __init__(self, settings: Execution, clips: Clips, cache: Cache) -> None:
        """Connect.

        Raises:
            RunError: Ray is not installed, no cluster is named, or it does not answer.
        """
        self._ray: Any = _imported()
        self.slots = MANY if settings.workers == "auto" else settings.workers
        self._opened = _connect(self._ray, settings)
        self._order = Order(settings, clips, cache)
        asked = {
            "num_cpus": settings.threads * settings.ranks,
            "num_gpus": settings.gpus,
            "max_retries": 0,
            "runtime_env": {"env_vars": surroundings(settings.threads)},
        }
        self._do = self._ray.remote(**asked)(do)
        self._running: dict[Any, str] = {}

    def submit(self, task: Task) -> None:
        """Hand the task's key to Ray."""
        self._running[self._do.remote(str(self._order.folder), self._order.place(task))] = task.key

    def hear(self, timeout_s: float) -> list[Heard]:
        """Wait for tasks that end; read the progress of the others now and then."""
        if not self._running:
            return []
        ended, others = self._ray.wait(list(self._running), num_returns=1, timeout=timeout_s)
        if others:
            ended += self._ray.wait(others, num_returns=len(others), timeout=0)[0]
        heard = self._order.progress(self._running.values())
        return heard + [self._outcome(one) for one in ended]

    def _outcome(self, reference: Any) -> Heard:
        key = self._running.pop(reference)
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return self._order.outcome(key, f"Ray gave it up: {type(error).__name__}: {str(error).splitlines()[0]}")
        return self._order.outcome(key, "it ended without a result")

    def leave(self, grace_s: float) -> None:
        """Ask what runs to keep its last step; what does not end is cancelled, and has its last epoch's checkpoint."""
        self._order.leave()
        if self._running:
            _, left = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=grace_s)
            for reference in left:
                self._ray.cancel(reference, force=True)

    def close(self) -> None:
        """Leave the cluster; Ray ends what this driver still has running."""
        if self._opened:
            self._ray.shutdown()
        if not self._running:
            self._order.close()


def do(folder: str, key: str) -> None:
    """Do one task in a Ray worker, which dies with its raylet."""
    from slimaffect.execute.lifeline import die_with_parent
    from slimaffect.execute.order import serve

    die_with_parent()
    try:
        serve(folder, key)
    except SystemExit as left:  # Ray takes it for the end of the task
        raise RuntimeError(f"the worker left with exit code {left.code}") from left


def _imported() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no telemetry
    try:
        return import_module("ray")
    except ImportError as error:
        raise RunError(
            f"execution.on is ray, and Ray cannot be imported here ({error}). Install it on every node: "
            "pip install 'slimaffect[ray]'; or run with --on local."
        ) from error


def _connect(ray: Any, settings: Execution) -> bool:
    """Connect unless the caller already has; answer whether it was done here."""
    if ray.is_initialized():
        return False
    if settings.address is None:
        raise RunError(
            "execution.on is ray, and execution.address names no cluster. Give the address that `ray start --head` "
            "told (--set execution.address=HOST:PORT), or `local` to start Ray here."
        )
    try:
        ray.init(address=settings.address, log_to_driver=False, include_dashboard=False, **_sized(settings))
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise RunError(
            f"no Ray cluster answers at {settings.address} ({error}). Is `ray start` running there?"
        ) from error
    return True


def _sized(settings: Execution) -> dict[str, int]:
    if settings.address != "local" or settings.workers == "auto":
        return {}
    return {"num_cpus": settings.workers * settings.threads * settings.ranks}
