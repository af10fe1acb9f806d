"""What a recipe can set about where tasks run. None of it but `threads`, `device` and `ranks` can change a score."""

import os
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from slimaffect.errors import RunError
from slimaffect.settings import Settings

On = Literal["local", "ray", "slurm"]


class Slurm(Settings):
    """What is asked of Slurm for each task."""

    cluster: Literal["slurm", "local"] = "slurm"
    """`local` runs the jobs as processes here, as Slurm would: to try a recipe before it queues."""
    partition: str | None = None
    """Partition; none leaves the choice to the cluster."""
    account: str | None = None
    """Account that pays."""
    minutes: PositiveInt = 720
    """Time limit of a job; one that reaches it goes on in the next."""
    memory_gb: PositiveInt | None = None
    """Memory of a job; none leaves it to the cluster."""


class Execution(Settings):
    """Where and how tasks run."""

    on: On = "local"
    """`local`: processes of this machine; `ray`: a Ray cluster (extra `ray`); `slurm`: Slurm jobs (extra `slurm`)."""
    workers: PositiveInt | Literal["auto"] = "auto"
    """Tasks at once; `auto` takes one per GPU, or without GPUs one per share of `threads` cores, `ranks` times as many
    of either where a task has several ranks; on a cluster, all."""
    threads: PositiveInt = 1
    """Threads of one task. Sums depend on it: change it and the scores change in the last digits."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """What trains: `auto` takes NVIDIA GPUs where there are some. Scores on a GPU differ in the last digits."""
    ranks: PositiveInt = 1
    """Processes that train one fold together, on one machine: for a fold that is too slow for one GPU."""
    gpus: NonNegativeInt = 0
    """GPUs that a cluster sets aside for one task."""
    address: str | None = None
    """The Ray cluster, `HOST:PORT`, or `local` to start one here: named, for a wrong one might be found."""
    slurm: Slurm = Slurm()
    """What is asked of Slurm."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    """How often a task is tried whose process dies: once may be the machine, three times is the task."""
    hung_after_s: PositiveFloat = 900.0
    """A task that passes no frame and uses no processor for so long is ended and tried again."""
    lease_s: PositiveFloat = 60.0
    """A holder whose heartbeat stands still for so long has lost its task to whoever waits for it."""
    scratch: str | None = None
    """Folder of a node's own disk for copies of frames that lie on a network file system."""

    @property
    def processor(self) -> Literal["cpu", "cuda"]:
        """What trains: on this machine, or on a cluster that was asked for GPUs.

        Raises:
            RunError: a GPU is asked for, and there is none.
        """
        if self.device == "cpu":
            return "cpu"
        if self.on != "local":
            return "cuda" if self.device == "cuda" or self.gpus else "cpu"
        if gpus_here():
            return "cuda"
        if self.device == "cuda":
            raise RunError(
                "execution.device is cuda, but torch sees no GPU here (torch.cuda.device_count() is 0). Install a "
                "CUDA build of torch and the driver, or set execution.device=auto."
            )
        return "cpu"

    def places(self) -> tuple[str, ...]:
        """Name the processors that workers of this machine share out among themselves.

        Raises:
            RunError: more ranks than GPUs.
        """
        if self.processor == "cpu":
            return ("cpu",)
        firsts = range(0, gpus_here() - self.ranks + 1, self.ranks)  # the ranks of a task take the next ones
        if not firsts:
            raise RunError(
                f"execution.ranks is {self.ranks}, but torch sees {gpus_here()} GPU(s) here, and a fold stays on one "
                "machine. Set execution.ranks to that number or less."
            )
        return tuple(f"cuda:{number}" for number in firsts)

    def processes(self, tasks: int) -> int:
        """Count the workers for this many tasks on this machine."""
        if self.workers == "auto" and self.on == "local" and self.processor == "cuda":
            return min(len(self.places()), tasks)  # one has a GPU to itself; small models leave room for several
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        wanted = max(1, cores // (self.threads * self.ranks)) if self.workers == "auto" else self.workers
        return min(wanted, tasks)


def gpus_here() -> int:
    """Count the NVIDIA GPUs that torch sees."""
    import torch

    return torch.cuda.device_count()


PLACE = frozenset(Execution.model_fields) - {"threads", "device", "ranks"}
"""Settings that say where a task runs and not what it computes: a result's name does not depend on them."""
