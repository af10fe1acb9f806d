"""What does it cost to run many tasks? Overhead per task, start-up, growth, and 100,000 tasks on 1,000 simulated nodes.

    python benchmarks/scale.py --json FILE      # some ten minutes of one core
    python benchmarks/scale.py --quick          # a minute

`overhead`: tasks that compute nothing (the real pool, lease, heartbeat, log and sealed record), per task and by number
of workers. `start`: from the command to the first task. `growth`: CPU time of all that a driver does for 1,000, 10,000
and 100,000 tasks: the real plan, estimate, scheduler, view, ledger and sealed cache; only the engine is simulated, in a
time of its own. `leases`: taking, checking and releasing one among so many. `resume`: the driver is ended after half of
the tasks; a second one does the rest. Times are CPU seconds of the process that is meant, because other programs may
share the cores; wall time is given beside them.
"""

import argparse
import heapq
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any library makes its pool of threads

from rich.console import Console
from rich.table import Table
from shared.empty import Nobody, empty_pool, tasks
from shared.where import where

from slimaffect.execute.cache import Cache
from slimaffect.execute.engine import Heard, Views
from slimaffect.execute.estimate import expected_seconds
from slimaffect.execute.execution import Execution
from slimaffect.execute.lease import take
from slimaffect.execute.ledger import Ledger
from slimaffect.execute.plan import Plan
from slimaffect.execute.schedule import run_plan
from slimaffect.execute.status import read_status
from slimaffect.execute.task import Task
from slimaffect.execute.view import TerminalView
from slimaffect.meter import peak_mb

AIM_MS = 2.0  # of the driver, per task


class Simulated:
    """1,000 nodes in a time of their own: tasks take minutes of it, and now and then a node dies."""

    def __init__(self, cache: Cache, nodes: int, deaths: float, stop_after: int | None = None) -> None:
        self.slots, self._cache, self._deaths, self._stop = nodes, cache, deaths, stop_after
        self._clock, self._running, self._random = 0.0, list[tuple[float, int, Task]](), random.Random(0)
        self.ended, self.sealing_s, self._number = 0, 0.0, 0

    def submit(self, task: Task) -> None:
        """Let the task end after some minutes of simulated time."""
        self._number += 1
        heapq.heappush(self._running, (self._clock + self._random.uniform(60, 600), self._number, task))

    def hear(self, timeout_s: float) -> list[Heard]:
        """Turn the clock to the next task that ends, and seal its record as its node would."""
        del timeout_s
        if not self._running:
            return []
        self._clock, _, task = heapq.heappop(self._running)
        if self._random.random() < self._deaths:
            return [Heard("lost", task.key, ("its node died",))]
        began = time.process_time()
        self._cache.partial(task.key)
        cost = {"seconds": 300.0, "joules": 4000.0, "provenance": "modelled"}
        told = {"name": task.name, "step": task.step, "settings": task.settings, "seed": task.seed}
        self._cache.finish(task.key, told | {"attempts": [cost], "cost": cost})
        self.sealing_s += time.process_time() - began
        self.ended += 1
        told = ("frames loss 0.5", 1, 2, 2000.0)
        return [Heard("epoch", task.key, told), Heard("done", task.key)]

    @property
    def over(self) -> bool:
        """Tell whether the driver is to be ended now."""
        return self._stop is not None and self.ended >= self._stop

    def leave(self, grace_s: float) -> None:
        """Nothing is left to be kept."""

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Grown:
    """What the driver needed for so many tasks."""

    tasks: int
    nodes: int
    plan_ms: float  # CPU per task: keys, looking each up in the cache, and how long it will take
    run_ms: float  # CPU per task: order, view, ledger, records
    seal_ms: float  # CPU per task on its node: the sealed record
    lease_ms: float  # CPU per task on its node: to take a lease, look at it before a write, and let it go
    total_s: float  # wall, all together
    peak_memory_mb: float | None
    ledger_mb: float
    status_s: float  # reading it all back for `slim status`
    lost: int  # tasks that were tried again


def grow(count: int, nodes: int, folder: Path, *, stop_after: int | None = None) -> Grown:
    """Run so many tasks on simulated nodes."""
    began, cache = time.perf_counter(), Cache(folder / "tasks")
    cpu = time.process_time()
    listed = tasks(count)
    plan = Plan(listed, cache)
    expected_s = expected_seconds(plan.waiting.values(), cache)
    planned = time.process_time() - cpu
    engine, cpu = Simulated(cache, nodes, deaths=0.001, stop_after=stop_after), time.process_time()
    with (
        Path(os.devnull).open("w") as nowhere,
        Ledger(folder / "ledger") as ledger,
        TerminalView(Console(file=nowhere), expected_s, reused=len(plan.records)) as view,
    ):
        planned_tasks = ((task, expected_s[key]) for key, task in plan.waiting.items())
        ledger.begun(planned_tasks, reused=len(plan.records), on="local")
        run_until(plan, engine, Views(ledger, view))
    spent = time.process_time() - cpu - engine.sealing_s
    cpu = time.process_time()
    told = read_status(folder)
    read = time.process_time() - cpu
    done = max(1, engine.ended)
    size = ledger.path.stat().st_size / 1e6
    return Grown(
        count,
        nodes,
        planned / count * 1e3,
        spent / done * 1e3,
        engine.sealing_s / done * 1e3,
        leasing_ms(listed, cache),
        time.perf_counter() - began,
        peak_mb(),
        size,
        read,
        sum(one.tries > 1 for one in told.tasks.values()),
    )


def leasing_ms(listed: list[Task], cache: Cache, count: int = 200) -> float:
    """Lease some of the tasks, beside all that lies there already."""
    some = listed[:: max(1, len(listed) // count)]
    cpu = time.process_time()
    for task in some:
        lease = take(cache.lease(task.key), 60.0)
        assert lease is not None
        lease.check()
        lease.release()
    return (time.process_time() - cpu) / len(some) * 1e3


def run_until(plan: Plan, engine: Simulated, views: Views) -> None:
    """Run to the end, or to where the driver is to be ended."""
    try:
        run_plan(plan, engine, views, attempts=10, leaving=lambda: engine.over)
    except Exception as ended:
        if not engine.over:
            raise
        del ended


def alone(part: str, *arguments: str) -> dict[str, Any]:
    """Measure in a process of its own, so that peak memory is this part's."""
    command = [sys.executable, __file__, "--part", part, *arguments]
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    return json.loads(told.stdout.splitlines()[-1])


def overhead(count: int, workers: int) -> dict[str, float]:
    """Run tasks that compute nothing through the real pool."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder) / "tasks")
        listed = tasks(count)
        plan, began = Plan(listed, cache), time.perf_counter()
        engine = empty_pool(Execution(workers=workers), cache)
        try:
            cpu, ready = time.process_time(), time.perf_counter()
            run_plan(plan, engine, Nobody(), attempts=3, leaving=lambda: False)
            ended, done = time.perf_counter(), len(plan.records)
        finally:
            engine.close()
        driver = (time.process_time() - cpu) / done * 1e3
    told = {"tasks": done, "workers": workers, "start_s": ready - began}
    return told | {"wall_ms": (ended - ready) / done * 1e3, "driver_cpu_ms": driver}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="up to 2,000 tasks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--part", choices=["grow", "resume"], help=argparse.SUPPRESS)
    parser.add_argument("--tasks", type=int, default=1000, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        print(json.dumps(_part(given.part, given.tasks)))
        return
    sizes = [500, 2000] if given.quick else [1000, 10_000, 100_000]
    figures: dict[str, Any] = {
        "what": (__doc__ or "").partition("\n")[0],
        "where": where() | {"python": platform.python_version(), "load_average": round(os.getloadavg()[0], 1)},
        "overhead": [overhead(50 if given.quick else 200, workers) for workers in (1, 2)],
        "growth": [alone("grow", "--tasks", str(size)) for size in sizes],
        "resume": alone("resume", "--tasks", str(min(10_000, sizes[-1]))),
    }
    show(figures)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


def _part(part: str, count: int) -> dict[str, Any]:
    nodes = 1000
    with tempfile.TemporaryDirectory() as folder:
        if part == "grow":
            return asdict(grow(count, nodes, Path(folder)))
        first = grow(count, nodes, Path(folder), stop_after=count // 2)
        second = grow(count, nodes, Path(folder))
        left = len(Plan(tasks(count), Cache(Path(folder) / "tasks")).waiting)
        return {"tasks": count, "first": asdict(first), "second": asdict(second), "left": left}


def show(figures: dict[str, Any]) -> None:
    """Print the tables."""
    console = Console()
    table = Table(
        *("tasks", "plan ms", "run ms", "seal ms", "lease ms", "wall s", "MB", "ledger MB", "status s"),
        title_justify="left",
    )
    table.title = f"CPU ms per task on 1,000 simulated nodes; aim: plan and run together below {AIM_MS}"
    for row in figures["growth"]:
        memory = "-" if row["peak_memory_mb"] is None else f"{row['peak_memory_mb']:.0f}"
        costs = [f"{row[name]:.3f}" for name in ("plan_ms", "run_ms", "seal_ms", "lease_ms")]
        last = f"{row['ledger_mb']:.1f}", f"{row['status_s']:.2f}"
        table.add_row(f"{row['tasks']:,}", *costs, f"{row['total_s']:.1f}", memory, *last)
    console.print(table)
    table = Table("tasks", "workers", "start s", "wall ms per task", "driver's CPU ms", title_justify="left")
    table.title = "Tasks that compute nothing, through the real pool"
    for row in figures["overhead"]:
        costs = (f"{row[name]:.1f}" for name in ("start_s", "wall_ms", "driver_cpu_ms"))
        table.add_row(f"{row['tasks']:,}", str(row["workers"]), *costs)
    console.print(table)
    resumed = figures["resume"]
    console.print(
        f"Ended after half of {resumed['tasks']:,} tasks: the second driver planned at "
        f"{resumed['second']['plan_ms']:.3f} ms a task and left {resumed['left']} undone."
    )


if __name__ == "__main__":
    main()
