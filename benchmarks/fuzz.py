"""Damages datasets and recordings at random: no traceback, no hang over 10 s, no file outside the root touched.

`python benchmarks/fuzz.py` imports damaged trees of every published format and prepares damaged recordings of every
codec and container that the tests encode. Cases run in worker processes: one that kills or hangs its process is told
like one that raises. The same seeds give the same cases; a broken one is repeated by `--only NAME --seed N --cases 1`.
"""

import argparse
import collections
import faulthandler
import functools
import importlib.util
import json
import os
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from slimaffect.data.workers import each
from slimaffect.meter import peak_mb

TESTS = Path(__file__).parents[1] / "tests" / "data"
BATCH = 25  # cases of a task: few enough to find the one that kills its process
STUCK_S = 60  # a case is broken after 10 s; one that never comes back ends its process after this


@dataclass(frozen=True)
class Batch:
    """Some seeds of one format or film."""

    room: str  # importers or preparation
    name: str
    seeds: range


@dataclass(frozen=True)
class Told:
    """How a batch went: endings with their number, what was broken, and what it took."""

    endings: collections.Counter[str]
    broken: list[str]
    slowest_s: float
    cpu_s: float
    peak_mb: float | None  # None where the system does not tell


def main() -> None:
    """Run the cases and tell how they ended; exit code 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2400, help="cases, half of them imports, half preparations")
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--only", metavar="NAME", help="this format or film alone")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--quick", action="store_true", help="80 cases")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    given = parser.parse_args()
    batches = _batches(80 if given.quick else given.cases, given.seed, given.only)
    told = dict(each(run, batches, workers=max(2, given.workers)))  # one worker would be this process itself
    rows = [_row(room, name, told) for room, name in dict.fromkeys((one.room, one.name) for one in batches)]
    for row in rows:
        endings = ", ".join(f"{count} x {what}" for what, count in row["endings"].items())
        peak = "-" if row["peak_mb"] is None else f"{row['peak_mb']:.0f} MB"
        print(
            f"{row['room']} {row['name']}: {row['cases']} cases, {len(row['broken'])} broken, slowest "
            f"{row['slowest_s']:.2f} s, {row['cpu_s']:.1f} s of CPU, peak {peak}; {endings}"
        )
        print("".join(row["broken"]), end="")
    broken = sum(len(row["broken"]) for row in rows)
    print(
        f"{sum(row['cases'] for row in rows)} cases, {broken} broken, {sum(row['cpu_s'] for row in rows):.0f} s of CPU"
    )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    sys.exit(1 if broken else 0)


def run(batch: Batch) -> Told:
    """Run a batch's cases in this process."""
    told = Told(collections.Counter(), [], 0.0, 0.0, None)
    slowest, begun = 0.0, time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        case = _case(batch, Path(folder))
        for seed in batch.seeds:
            faulthandler.dump_traceback_later(STUCK_S, exit=True)
            began = time.perf_counter()
            try:
                with tempfile.TemporaryDirectory(dir=folder) as sandbox:
                    told.endings[case(seed, Path(sandbox))] += 1
            except Exception:  # noqa: BLE001 - whatever is raised is the finding
                told.broken.append(f"{batch.room} {batch.name}, seed {seed}:\n{traceback.format_exc()}\n")
            slowest = max(slowest, time.perf_counter() - began)
        faulthandler.cancel_dump_traceback_later()
    return Told(told.endings, told.broken, slowest, time.process_time() - begun, peak_mb())


def _batches(cases: int, first: int, only: str | None) -> list[Batch]:
    names = {"importers": list(_load("importers/trees").TREES), "preparation": list(_load("damage").KINDS)}
    chosen = [(room, name) for room in names for name in names[room] if only in (None, name)]
    rooms = len({room for room, _ in chosen})
    return [
        Batch(room, name, range(start, min(start + BATCH, last)))
        for room, name in chosen
        for last in [first - (-cases // (rooms * sum(other == room for other, _ in chosen)))]
        for start in range(first, last, BATCH)
    ]


def _case(batch: Batch, folder: Path):  # noqa: ANN202 - functions of modules that are loaded by path
    if batch.room == "importers":
        good = _load("importers/trees").TREES[batch.name](folder / "good")
        return lambda seed, sandbox: _kind(_load("importers/mutations").case(good, batch.name, seed, sandbox))
    damage = _load("damage")
    film = next(path for path in damage.good_films(folder / "good") if path.name == batch.name)
    return lambda seed, sandbox: damage.case(film, seed, sandbox)


def _kind(ending: str) -> str:
    """An import's number of recordings is no ending of its own."""
    return "imported" if ending.endswith("recordings") else ending


def _row(room: str, name: str, told: dict[Batch, Told | None]) -> dict:
    mine = {batch: one for batch, one in told.items() if (batch.room, batch.name) == (room, name)}
    well = [one for one in mine.values() if one is not None]
    lost = [batch.seeds for batch, one in mine.items() if one is None]
    return {
        "room": room,
        "name": name,
        "cases": sum(len(batch.seeds) for batch in mine),
        "endings": dict(sum((one.endings for one in well), collections.Counter()).most_common()),
        "broken": [text for one in well for text in one.broken]
        + [f"{room} {name}, seeds {seeds.start} to {seeds.stop - 1}: the process died\n" for seeds in lost],
        "slowest_s": max((one.slowest_s for one in well), default=0.0),
        "cpu_s": sum(one.cpu_s for one in well),
        "peak_mb": max((one.peak_mb for one in well if one.peak_mb is not None), default=None),
    }


@functools.cache
def _load(name: str):  # noqa: ANN202
    path = TESTS / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"fuzz_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
