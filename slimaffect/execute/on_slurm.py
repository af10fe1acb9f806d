"""Slurm as the engine, through submitit: one job of an array for each task, around the one task function.

submitit hands its call over as a pickle in a folder that only you can write, and so do its answers come back; ours are
two strings and no answer: `slim` itself reads no pickle, and takes results from the cache alone. A job that is
preempted or reaches its time limit is queued again by submitit and goes on from the last checkpoint.
"""

import time
from importlib import import_module
from typing import Any

from slimaffect.data.clips import Clips
from slimaffect.errors import RunError
from slimaffect.execute.cache import Cache
from slimaffect.execute.engine import Heard
from slimaffect.execute.execution import Execution
from slimaffect.execute.order import Order, serve
from slimaffect.execute.surroundings import surrounded
from slimaffect.execute.task import Task

MANY = 1000  # jobs of one array


class Call:
    """What a job calls. It can be queued again as it is, because all its state lies in the task's checkpoint."""

    def __init__(self, folder: str, key: str) -> None:
        self.folder, self.key = folder, key

    def __call__(self) -> None:
        """Do the task."""
        serve(self.folder, self.key)

    def checkpoint(self) -> Any:
        """Answer submitit, which asks before Slurm takes the node away: do the same again."""
        return import_module("submitit").helpers.DelayedSubmission(self)


class SlurmEngine:
    """Tasks as Slurm jobs."""

    def __init__(self, settings: Execution, clips: Clips, cache: Cache, tasks: int) -> None:
        """Make ready to submit.

        Raises:
            RunError: submitit is not installed, or there is no Slurm here.
        """
        here = settings.slurm.cluster == "local"
        self.slots = settings.processes(tasks) if here else MANY if settings.workers == "auto" else settings.workers
        self._threads = settings.threads
        self._order = Order(settings, clips, cache)
        self._executor = _executor(settings, str(self._order.folder / "jobs"))
        self._waiting: list[str] = []
        self._running: dict[str, Any] = {}

    def submit(self, task: Task) -> None:
        """Line the task up; tasks that are submitted together become one array."""
        self._waiting.append(self._order.place(task))

    def hear(self, timeout_s: float) -> list[Heard]:
        """Hand over what lines up, and look which jobs have ended."""
        self._hand_over()
        ends = time.monotonic() + timeout_s
        while True:
            over = [key for key, job in self._running.items() if job.done()]
            if over or time.monotonic() > ends:
                break
            time.sleep(0.1)
        heard = self._order.progress(self._running)
        return heard + [self._order.outcome(key, _why(self._running.pop(key))) for key in over]

    def _hand_over(self) -> None:
        if not self._waiting:
            return
        keys, self._waiting = self._waiting, []
        # sbatch hands the environment it was called in to the jobs, and so does submitit on this machine.
        with surrounded(self._threads), self._executor.batch():
            jobs = [self._executor.submit(Call(str(self._order.folder), key)) for key in keys]
        self._running |= dict(zip(keys, jobs, strict=True))

    def leave(self, grace_s: float) -> None:
        """Leave the jobs to Slurm: they go on, and the same command finds what they finished."""

    def close(self) -> None:
        """End processes of this machine; jobs in a queue stay there."""
        for job in self._running.values():
            if hasattr(job, "_process"):
                job.cancel()
        if not self._running:
            self._order.close()


def _why(job: Any) -> str:
    told = job.stderr() or ""
    last = told.strip().splitlines()[-1][:300] if told.strip() else "no word"
    return f"job {job.job_id} ended as {job.state} ({last})"


def _executor(settings: Execution, folder: str) -> Any:
    try:
        submitit = import_module("submitit")
    except ImportError as error:
        raise RunError(
            f"execution.on is slurm, and submitit cannot be imported here ({error}). Install it: "
            "pip install 'slimaffect[slurm]'; or run with --on local."
        ) from error
    asked = settings.slurm
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=asked.cluster)
    except RuntimeError as error:
        raise RunError(f"there is no Slurm here ({error}). Run this on a node that has `sbatch`.") from error
    executor.update_parameters(
        timeout_min=asked.minutes,
        cpus_per_task=settings.threads * settings.ranks,
        gpus_per_node=settings.gpus,
        name="slim",
    )
    wanted = {"slurm_partition": asked.partition, "slurm_account": asked.account}
    memory = {"mem_gb": asked.memory_gb} if asked.memory_gb else {}
    if asked.cluster == "slurm":
        executor.update_parameters(**{name: value for name, value in wanted.items() if value}, **memory)
    return executor
