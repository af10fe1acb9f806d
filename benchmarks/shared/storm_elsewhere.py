"""Faults of benchmarks/chaos.py that need more than one machine, or several ranks: a Ray node and a rank are killed."""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from shared.empty import Nobody
from shared.storm import EPOCHS, clips, listed, weights

from slimaffect.execute.cache import Cache
from slimaffect.execute.execution import Execution
from slimaffect.execute.on_ray import RayEngine
from slimaffect.execute.plan import Plan
from slimaffect.execute.pool import Pool
from slimaffect.execute.schedule import run_plan
from slimaffect.execute.task import Task
from slimaffect.execute.worker import perform

STEPS, BATCH = 24, 32  # some half a second for an epoch: there is time to kill somebody in the middle


class Watching(Nobody):
    """A view that calls once, in the middle of a training, and remembers what was lost."""

    def __init__(self, call: Callable[[], None] = lambda: None) -> None:
        self._call, self.called, self.lost_tasks = call, False, list[str]()

    def epoch(self, task: Task, said: str, done: int, total: int, joules: float | None = None) -> None:
        """Let the fault fall when an epoch is over and others are to come."""
        del task, said, joules
        if 1 <= done < total - 1 and not self.called:
            self.called = True
            threading.Thread(target=self._call).start()

    def lost(self, task: Task, why: str) -> None:
        """Remember."""
        del why
        self.lost_tasks.append(task.name)


def descendants(root: int) -> dict[int, str]:
    """List a process's living descendants with their command lines."""
    parents, found = dict[int, int](), dict[int, str]()
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            told = file.read_text().rpartition(")")[2].split()
            if told[0] not in "ZX":
                parents[int(file.parent.name)] = int(told[1])
    for pid in parents:
        above = pid
        while above in parents and above != root:
            above = parents[above]
        if above == root and pid != root:
            with suppress(OSError):
                found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


def ray_node_dies() -> dict[str, Any]:
    """Kill the raylet of one of two nodes while tasks run there; the other one finishes them."""
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "240")  # a busy machine starts slowly
    os.environ.setdefault("RAY_worker_niceness", "0")  # by default Ray's workers give way to everything else
    from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]

    began, amiss, ends = time.perf_counter(), list[str](), listed(steps=STEPS, batch=BATCH)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    node = cluster.add_node(num_cpus=1)
    (raylet,) = (one[0].process.pid for kind, one in node.all_processes.items() if kind == "raylet")
    left: list[int] = []

    def kill() -> None:
        workers = list(descendants(raylet))
        os.kill(raylet, signal.SIGKILL)
        time.sleep(3.0)
        left.extend(pid for pid in workers if not _ended(pid))

    try:
        with tempfile.TemporaryDirectory() as folder:
            quiet, cache = Cache(Path(folder) / "undisturbed" / "tasks"), Cache(Path(folder) / "disturbed" / "tasks")
            for link in (link for task in ends for link in task.chain):
                perform(link, clips(), quiet)
            settings = Execution(on="ray", address=cluster.address, device="cpu")
            watching, plan = Watching(kill), Plan(ends, cache)
            with closing(RayEngine(settings, clips(), cache)) as engine:
                run_plan(plan, engine, watching, attempts=3, leaving=lambda: False)
            amiss += [why for _, why in plan.failures]
            amiss += ["weights differ"] if weights(cache, ends) != weights(quiet, ends) else []
            repeated = _repeated(cache, quiet, ends)
    finally:
        cluster.shutdown()
    amiss += [] if watching.lost_tasks else ["nothing was lost: the fault did not fall"]
    amiss += [f"orphans of the dead node: {left}"] if left else []
    amiss += [f"{repeated} frames passed again"] if repeated > STEPS * BATCH * len(watching.lost_tasks) else []
    return _told("Ray node killed", began, amiss, repeated)


def _repeated(cache: Cache, quiet: Cache, ends: list[Task]) -> int:
    """Count the frames of both folds that passed more often than undisturbed."""
    keys = [link.key for task in ends for link in task.chain]
    passed = [sum(one.record(key)["cost"]["examples"] for key in keys) for one in (cache, quiet)]
    return passed[0] - passed[1]


def rank_dies() -> dict[str, Any]:
    """Kill one of two ranks in the middle of a training; all restart and go on from the last epoch."""
    began, amiss = time.perf_counter(), list[str]()
    first = listed(ranks=2, steps=STEPS, batch=BATCH)[0].chain[0]
    with tempfile.TemporaryDirectory() as folder:
        caches = [Cache(Path(folder) / name / "tasks") for name in ("undisturbed", "disturbed")]
        for cache, fault in zip(caches, (lambda: None, _kill_a_rank), strict=True):
            with closing(Pool(Execution(workers=1, device="cpu", ranks=2), clips(), cache, 1)) as pool:
                plan = Plan([first], cache)
                run_plan(plan, pool, Watching(fault), attempts=1, leaving=lambda: False)
            amiss += [why for _, why in plan.failures]
        if not amiss:
            amiss = _after_a_rank(caches[0], caches[1], first)
    return _told("rank killed", began, amiss)


def _kill_a_rank() -> None:
    ranks = [pid for pid, command in descendants(os.getpid()).items() if "-m slimaffect.execute.rank " in command]
    os.kill(max(ranks), signal.SIGKILL)  # their launcher, which has the same words in its command, is older


def _after_a_rank(quiet: Cache, cache: Cache, task: Task) -> list[str]:
    found, log = cache.record(task.key)["cost"], cache.log(task.key).read_text()
    amiss = [] if weights(cache, [task]) == weights(quiet, [task]) else ["weights differ"]
    amiss += [] if found["trainings"] == 2 else [f"{found['trainings']} trainings: the fault did not fall once"]
    told = sum(line.startswith("frames ") for line in log.splitlines())
    return amiss + ([f"{told} epochs were told, not {EPOCHS} or one more"] if told > EPOCHS + 1 else [])


def _ended(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    return True


def _told(fault: str, began: float, amiss: list[str], repeated: int = 0) -> dict[str, Any]:
    seconds = round(time.perf_counter() - began, 1)
    told = {"seed": None, "faults": [fault], "launches": 1, "seconds": seconds}
    return told | {"repeated_examples": repeated, "amiss": amiss}
