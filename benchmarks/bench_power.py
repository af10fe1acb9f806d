"""Does `slim bench` see a tenth, and nothing where there is nothing? Run twenty times over on this machine.

    python benchmarks/bench_power.py --json FILE     # 20 benches of 7 fresh processes: some ten minutes
    python benchmarks/bench_power.py --quick         # 3 benches

Each bench sets three models beside each other: the reference shape with random weights (float32, ONNX Runtime, one
thread), a copy of its file, and the same file with a tenth of each run's own CPU time spun away after it. Right is `no
measurable difference` for the copy and `dearer` for the delayed one, each in 19 of 20 benches. The statistic is CPU
time, which other work on the machine moves far less than wall time; how contended the machine was stands in the record.

On 27 November 2026 on two cores of an AMD EPYC virtual machine with one to three other jobs
(results/reference/bench_power.json): the copy right in 20 of 20, the delayed file in 20 of 20 (1.10 to 1.14 of the
first, where 1.10 is true).
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

from shared.where import where

from slimaffect.measure.bench.bench import Bench, bench
from slimaffect.measure.bench.entries import Entry, Setting, entries_of, open_entry

COPY, DELAYED, DELAY = "copy", "delayed", 0.1
RIGHT = {COPY: "no measurable difference", DELAYED: "dearer"}


def main() -> None:
    """Run the benches, print how often they were right, write the record."""
    asked = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        entries = _entries(Path(folder))
        told = []
        for number in range(asked.benches):
            told.append(bench(entries, Setting(), seconds=asked.seconds, processes=asked.processes, opener=opened))
            print(
                f"{number + 1}: " + "; ".join(f"{one.name}: {one.sentence}" for one in told[-1].comparisons), flush=True
            )
    rows = [_row(one) for one in told]
    right = {name: sum(row[name]["said"] == word for row in rows) for name, word in RIGHT.items()}
    for name, count in right.items():
        print(f"{name}: {RIGHT[name]} in {count} of {len(rows)} benches")
    if asked.json:
        record = {
            "what": f"benches that were right about a copy, and about the same file with {DELAY:.0%} more CPU time",
            "where": where(),
            "processes": asked.processes,
            "seconds": asked.seconds,
            "right": right,
            "of": len(rows),
            "contention": _contention(told),
            "benches": rows,
        }
        asked.json.write_text(json.dumps(record, indent=1) + "\n")


def opened(entry: Entry, setting: Setting) -> Callable[[], object]:
    """Open an entry; the delayed one spins after each run for a tenth of the CPU time the run took."""
    run = open_entry(entry, setting)
    if entry.name != DELAYED:
        return run

    def slower() -> None:
        begun = time.process_time()
        run()
        end = begun + (time.process_time() - begun) * (1 + DELAY)
        while time.process_time() < end:
            pass

    return slower


def _entries(folder: Path) -> list[Entry]:
    """Export the reference shape, and copy the file."""
    from clip_latency import _exported

    first = _exported("reference", folder / "exported")["fp32"]
    paths = [folder / f"{name}.onnx" for name in ("first", COPY, DELAYED)]
    for path in paths:
        shutil.copy(first, path)
    return entries_of(paths, "onnxruntime")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 benches")
    parser.add_argument("--benches", type=int, help="default 20, with --quick 3")
    parser.add_argument("--processes", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=10.0, help="of measuring in each bench")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    asked = parser.parse_args()
    asked.benches = asked.benches or (3 if asked.quick else 20)
    return asked


def _row(told: Bench) -> dict[str, Any]:
    return {
        one.name: {"ratio": one.ratio.mean, "ci95": one.ratio.interval, "band": one.band, "said": one.said}
        for one in told.comparisons
    }


def _contention(told: list[Bench]) -> dict[str, float]:
    shares = [one.records[0].env["contention"] for one in told]
    known = {name for share in shares for name, value in share.items() if value is not None}
    return {name: fmean(share[name] for share in shares) for name in sorted(known)}


if __name__ == "__main__":
    main()
