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
from shared.storm import EPOCH_EXAMPLES, EPOCHS, clips, listed, weights

from slimaffect.execute.cache import Cache
from slimaffect.execute.execution import Execution
from slimaffect.execute.on_ray import RayEngine
from slimaffect.execute.plan import Plan
from slimaffect.execute.pool import Pool
from slimaffect.execute.schedule import run_plan
from slimaffect.execute.task import Task


class Watching(Nobody):
    """A view that calls once when a task has passed an epoch."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call, self._called, self.lost_tasks = call, False, list[str]()

    def epoch(self, task: Task, said: str, done: int, total: int, joules: float | None = None) -> None:
        """Let the fault fall after the second epoch."""
        del task, said, joules
        if done == 2 and done < total and not self._called:
            self._called = True
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


def ray_node_dies(expected: dict[str, str]) -> dict[str, Any]:
    """Kill the raylet of one of two nodes while tasks run there; the other one finishes them."""
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "240")  # a busy machine starts slowly
    from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]

    began, amiss = time.perf_counter(), list[str]()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    node = cluster.add_node(num_cpus=1)
    (raylet,) = (one[0].process.pid for kind, one in node.all_processes.items() if kind == "raylet")
    left: list[int] = []

    def kill() -> None:
        workers = [pid for pid in descendants(raylet)]  # noqa: C416
        os.kill(raylet, signal.SIGKILL)
        time.sleep(3.0)
        left.extend(pid for pid in workers if Path(f"/proc/{pid}").exists() and not _zombie(pid))

    try:
        with tempfile.TemporaryDirectory() as folder:
            cache = Cache(Path(folder) / "tasks")
            settings = Execution(on="ray", address=cluster.address, device="cpu")
            with closing(RayEngine(settings, clips(), cache)) as engine:
                plan = Plan(listed(), cache)
                run_plan(plan, engine, Watching(kill), attempts=3, leaving=lambda: False)
            amiss += [why for _, why in plan.failures]
            amiss += ["weights differ"] if weights(cache) != expected else []
    finally:
        cluster.shutdown()
    amiss += [f"orphans of the dead node: {left}"] if left else []
    return _told("Ray node killed", began, amiss)


def rank_dies() -> dict[str, Any]:
    """Kill one of two ranks after its second epoch; all restart and go on from the last epoch."""
    began, amiss = time.perf_counter(), list[str]()

    def kill() -> None:
        ranks = [pid for pid, command in descendants(os.getpid()).items() if "slimaffect.execute.rank " in command]
        ranks = [pid for pid in ranks if "torch.distributed" not in Path(f"/proc/{pid}/cmdline").read_text()]
        os.kill(max(ranks), signal.SIGKILL)

    found, log = [], ""
    for fault in (lambda: None, kill):
        with tempfile.TemporaryDirectory() as folder:
            cache = Cache(Path(folder) / "tasks")
            first = listed(ranks=2)[0].chain[0]
            settings = Execution(workers=1, device="cpu", ranks=2)
            with closing(Pool(settings, clips(), cache, 1)) as pool:
                plan = Plan([first], cache)
                run_plan(plan, pool, Watching(fault), attempts=1, leaving=lambda: False)
            amiss += [why for _, why in plan.failures]
            if not plan.failures:
                record = cache.record(first.key)
                found.append(((cache.folder(first.key) / "weights.safetensors").read_bytes(), record))
                log = cache.log(first.key).read_text()
    if len(found) == 2:
        (undisturbed, _), (after, record) = found
        amiss += ["weights differ"] if undisturbed != after else []
        told = [line for line in log.splitlines() if line.startswith("frames ")]
        amiss += [f"{len(told)} epochs were told, not {EPOCHS} or one more"] if len(told) > EPOCHS + 1 else []
        examples = record["cost"]["examples"]
        amiss += [f"{examples} frames passed"] if examples > EPOCH_EXAMPLES * (EPOCHS + 1) else []
    return _told("rank killed", began, amiss)


def _zombie(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    return True


def _told(fault: str, began: float, amiss: list[str]) -> dict[str, Any]:
    seconds = time.perf_counter() - began
    return {"seed": -1, "faults": [fault], "launches": 1, "seconds": seconds, "repeated_examples": 0, "amiss": amiss}
