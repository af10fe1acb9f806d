"""Imports trees that were damaged at random: no traceback, no hang, no file outside the target touched."""

import argparse
import collections
import importlib.util
import sys
import tempfile
import time
import traceback
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests" / "data" / "importers"


def main() -> None:
    """Run the cases and tell how they ended; exit code 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000, help="cases over all formats")
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--format", help="this format alone")
    parser.add_argument("--quick", action="store_true", help="80 cases")
    chosen = parser.parse_args()
    trees, mutations = _load("trees"), _load("mutations")
    formats = [chosen.format] if chosen.format else list(trees.TREES)
    broken = 0
    for name in formats:
        count = (80 if chosen.quick else chosen.cases) // len(formats)
        broken += _fuzz(name, range(chosen.seed, chosen.seed + count), trees.TREES[name], mutations.case)
    sys.exit(1 if broken else 0)


def _fuzz(name: str, seeds: range, tree, case) -> int:  # noqa: ANN001 - functions of a module that is loaded by path
    """Run one format's cases; returns how many broke a promise."""
    ended, slowest, broken, start = collections.Counter(), 0.0, 0, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        good = tree(Path(folder) / "good")
        for seed in seeds:
            began = time.perf_counter()
            try:
                with tempfile.TemporaryDirectory(dir=folder) as sandbox:
                    ended[case(good, name, seed, Path(sandbox))] += 1
            except Exception:  # noqa: BLE001 - whatever is raised is the finding
                broken += 1
                print(f"{name}, seed {seed}:\n{traceback.format_exc()}")
            slowest = max(slowest, time.perf_counter() - began)
    outcomes = ", ".join(f"{count} x {what}" for what, count in ended.most_common())
    took_s = time.perf_counter() - start
    took_s = time.perf_counter() - start
    print(f"{name}: {len(seeds)} cases in {took_s:.0f} s, slowest {slowest:.2f} s, {broken} broken; {outcomes}")
    return broken


def _load(name: str):  # noqa: ANN202
    spec = importlib.util.spec_from_file_location(f"importer_{name}", TESTS / f"{name}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
