"""Does a run survive whatever happens to it, with nothing lost and nothing done twice?

    python benchmarks/chaos.py --runs 50 --json FILE
    python benchmarks/chaos.py --quick                 # two runs
    python benchmarks/chaos.py --runs 0 --ray 1 --ranks 1   # a Ray node is killed; one of two ranks is killed

Each seeded run trains two chains of two tasks on two folds with the real scheduler, pool, workers, leases and
checkpoints, while faults fall on it at random moments: SIGKILL of a worker or of the driver, SIGSTOP of a worker (it
hangs), SIGTERM of the driver, a full disk, a flipped byte in a checkpoint or in a finished task's file. The driver is
started again until it ends well. Then: the weights are bit for bit those of an undisturbed run; what was finished was
not done again (but for what was damaged); each fault cost one epoch of billed work at most; no process is left.
The disk is a file system in memory of its own, if this program may mount one; else that fault is left out, and said.
Workers are forked from a warm process, so that a run takes seconds; nothing else differs from `slim run`.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any library makes its pool of threads

from shared.storm import (
    EPOCH_EXAMPLES,
    FAULTS,
    Disk,
    Driver,
    alive_in_session,
    clips_on_disk,
    finished,
    listed,
    weights,
)
from shared.where import where

from slimaffect.execute.cache import Cache

LAUNCHES = 40  # a run that has not ended by then never will


@dataclass
class Outcome:
    """What became of a run. `amiss` is empty if every promise was kept."""

    seed: int
    faults: list[str] = field(default_factory=list)
    launches: int = 0
    seconds: float = 0.0
    repeated_examples: int = 0
    amiss: list[str] = field(default_factory=list)


@dataclass
class Expected:
    """An undisturbed run's results."""

    weights: dict[str, str]
    examples: dict[str, int]


def storm(seed: int, faults: int, disk: Disk, expected: Expected) -> Outcome:
    """Do one run under faults, and look whether the promises were kept."""
    chance, told, began = random.Random(seed), Outcome(seed), time.perf_counter()
    disk.clear()
    cache, sealed, damaged = Cache(disk.root / "tasks"), dict[str, str](), set[str]()
    kinds = [kind for kind in FAULTS if kind != "full disk" or disk.may_fill]
    left = [chance.choice(kinds) for _ in range(faults)]
    while told.launches < LAUNCHES:
        driver, before = Driver(disk.root, cache), len(told.faults)
        told.launches += 1
        while driver.runs():
            time.sleep(chance.uniform(0.0, 1.2))
            sealed = finished(cache) | sealed
            if left and driver.runs() and FAULTS[left[0]](driver, cache, disk, chance, damaged):
                told.faults.append(left.pop(0))
        _no_orphans(driver, told)
        if driver.ended_well and len(told.faults) == before:
            break  # nothing is left to do; what was damaged after a task ended, this launch has found
    told.seconds = round(time.perf_counter() - began, 1)
    _compare(cache, sealed, damaged, expected, told)
    return told


def _no_orphans(driver: Driver, told: Outcome) -> None:
    """Nothing that the driver started may outlive it; the kernel needs a moment for its children."""
    left: object = None
    for _ in range(50):
        if not (left := alive_in_session(driver.session)):
            return
        time.sleep(0.1)
    told.amiss.append(f"orphans: {left}")


def _compare(cache: Cache, sealed: dict[str, str], damaged: set[str], expected: Expected, told: Outcome) -> None:
    found = weights(cache)
    if found != expected.weights:
        told.amiss.append(f"weights differ: {sorted(set(found.items()) ^ set(expected.weights.items()))[:4]}")
    now = finished(cache)
    told.amiss += [f"done again: {key[:8]}" for key in sealed if key not in damaged and now.get(key) != sealed[key]]
    for key in expected.weights:
        if key in damaged or cache.read(key) is None:
            continue
        tries = cache.record(key)["attempts"]
        more = sum(one["examples"] or 0 for one in tries) - expected.examples[key]
        told.repeated_examples += max(0, more)
        if more > EPOCH_EXAMPLES * len(told.faults):
            told.amiss.append(f"{key[:8]} passed {more} frames more than undisturbed, in {len(tries)} tries")


def undisturbed(disk: Disk) -> Expected:
    """Run once without faults."""
    disk.clear()
    cache = Cache(disk.root / "tasks")
    driver = Driver(disk.root, cache)
    while driver.runs():
        time.sleep(0.1)
    assert driver.ended_well, (disk.root / "driver.log").read_text()
    keys = [link.key for task in listed() for link in task.chain]
    return Expected(weights(cache), {key: cache.record(key)["cost"]["examples"] for key in keys})


def main() -> None:
    """Run, tell, and exit with 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--faults", type=int, default=3, help="that fall on each run")
    parser.add_argument("--seed", type=int, default=0, help="of the first run")
    parser.add_argument("--seconds", type=float, help="begin no further run after so long")
    parser.add_argument("--ray", type=int, default=0, help="runs on a two-node Ray cluster that loses a node")
    parser.add_argument("--ranks", type=int, default=0, help="runs with two ranks, of which one is killed")
    parser.add_argument("--quick", action="store_true", help="two runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what became of each run")
    parser.add_argument("--add", action="store_true", help="keep the runs that FILE holds already")
    given, here = parser.parse_args(), where()  # the commit that runs, whatever is written meanwhile
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the disk is unmounted
    found = json.loads(given.json.read_text("utf-8"))["runs"] if given.add else []
    with tempfile.TemporaryDirectory() as folder, Disk(Path(folder)) as disk:
        clips_on_disk(Path(folder))
        for one in _storms(given, disk):
            found.append(one)
            _say(one)
            _write(found, given, here, may_fill=disk.may_fill)
    kept = sum(not one["amiss"] for one in found)
    print(f"{kept} of {len(found)} runs ended as undisturbed; faults: {_fallen(found)}")
    if not disk.may_fill:
        print("The disk was never full: this program may not mount a file system of its own.")
    sys.exit(kept < len(found))


def _storms(given: argparse.Namespace, disk: Disk) -> Iterator[dict[str, Any]]:
    expected, began = undisturbed(disk), time.perf_counter()
    for seed in range(given.seed, given.seed + (2 if given.quick else given.runs)):
        if given.seconds and time.perf_counter() - began > given.seconds:
            break
        yield asdict(storm(seed, given.faults, disk, expected))
    if given.ray or given.ranks:
        from shared.storm_elsewhere import rank_dies, ray_node_dies

        for one in [ray_node_dies] * given.ray + [rank_dies] * given.ranks:
            yield one()


def _say(told: dict[str, Any]) -> None:
    verdict = "; ".join(told["amiss"]) or "as undisturbed"
    name = "elsewhere" if told["seed"] is None else told["seed"]
    print(f"{name}: {', '.join(told['faults'])}: {verdict} ({told['launches']} launches)", flush=True)


def _fallen(found: list[dict[str, Any]]) -> dict[str, int]:
    return dict(Counter(fault for one in found for fault in one["faults"]))


def _write(found: list[dict[str, Any]], given: argparse.Namespace, here: dict[str, Any], *, may_fill: bool) -> None:
    """Write after every run: one that is cut short has what came before."""
    if given.json:
        kept = sum(not one["amiss"] for one in found)
        told = {"what": (__doc__ or "").partition("\n")[0], "where": here, "kept": kept, "of": len(found)}
        told |= {"faults": _fallen(found), "disk_was_filled": may_fill, "runs": found}
        given.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
