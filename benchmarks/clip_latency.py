"""How much faster than the baseline in torch a 16-frame clip runs, on one core, all contenders side by side.

    python benchmarks/clip_latency.py                       # the shapes `reference`, `tiny` and `micro`
    python benchmarks/clip_latency.py --quick --json FILE
    python benchmarks/clip_latency.py --model results/demo/bundles/*   # bundles of a run

Ours is `Session.clip`, which checks its input and hands out copies; `by hand` is the runtime's own documented call on
the same file. torch runs the same weights eager, by torch.compile and by AOTInductor (not with --quick: that compiles
C++ for minutes). `over fastest` is the CPU time over that of the fastest row of the same model and number format.

Weights are random: speed does not depend on them, and nothing here says what a shape can learn.
Every row comes from the same interleaved run, so rows compare with each other and not with another day.

Measured on 27 November 2026 with all torch's ways, one core of an AMD EPYC virtual machine with AVX2 and other work
beside it, torch 2.13, ONNX Runtime 1.31, OpenVINO 2026.4 (results/reference/clip_latency.json): our fastest file and
runtime is the fastest or within 5 % of it in 6 of 6 rows; `reference` 9.0 ms of CPU time in torch eager, 7.8 compiled,
2.2 as its fastest file (int8, OpenVINO); `micro` 0.31 ms, 29 times faster than the baseline in torch eager. On 22
November, with AVX-512 and VNNI and without other work: 2.03, 0.41 and 0.090 ms, 22 times.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any library makes its pool of threads

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from shared.noise import noise_clips, pinned
from shared.torch_ways import ways

from slimaffect.export import export
from slimaffect.export.bundle import versions
from slimaffect.measure.contenders import clip_reader, pairs
from slimaffect.measure.latency import Latency, measure_clips
from slimaffect.model.losses import LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.shapes import shape
from slimaffect.runtime import Predictor
from slimaffect.runtime.ort import load_onnxruntime
from slimaffect.runtime.session import RUNTIMES, Runtime
from slimaffect.runtime.vino import load_openvino
from slimaffect.train.candidate import Candidate, Precision

FRAMES = 16
BASELINE = ("reference", "torch eager", "fp32")
Name = tuple[str, str, str]  # model, runtime, flavour


@dataclass(frozen=True)
class Row:
    """One contender's clip time, and its share of the baseline's."""

    name: Name
    latency: Latency
    speed_up: float  # CPU time of the baseline / CPU time of this
    over_fastest: float  # CPU time of this / CPU time of the fastest of its model and number format
    size_mb: float | None


def main() -> None:
    """Measure, print the table, and write the JSON beside it if asked."""
    asked = _arguments()
    torch.set_num_threads(1)
    core = pinned()
    console = Console(width=None if sys.stdout.isatty() else 120)
    with tempfile.TemporaryDirectory() as folder:
        contenders, sizes = _contenders(asked.shapes, asked.model, Path(folder), console, compiled=not asked.quick)
        with console.status("timing clips"):
            measured = measure_clips({" ".join(n): run for n, run in contenders.items()}, budget_s=asked.seconds)
    rows = _rows(dict(zip(contenders, measured.values(), strict=True)), sizes)
    console.print(_table(rows, core))
    console.print(_verdict(rows))
    if asked.json:
        asked.json.write_text(json.dumps(_record(rows, core), indent=2) + "\n")


def _rows(measured: dict[Name, Latency], sizes: dict[Name, float]) -> list[Row]:
    base, best = measured[BASELINE].cpu_s_per_clip, dict[tuple[str, str], float]()
    for (model, _, flavour), latency in measured.items():
        best[model, flavour] = min(latency.cpu_s_per_clip, best.get((model, flavour), float("inf")))
    return [
        Row(name, one, base / one.cpu_s_per_clip, one.cpu_s_per_clip / best[name[0], name[2]], sizes.get(name))
        for name, one in measured.items()
    ]


def _verdict(rows: list[Row]) -> str:
    """Say for each model and number format how far our better runtime is from the fastest row."""
    ours: dict[tuple[str, str], float] = {}
    for row in rows:
        if row.name[1] in RUNTIMES:
            key = row.name[0], row.name[2]
            ours[key] = min(row.over_fastest, ours.get(key, float("inf")))
    told = ", ".join(f"{model} {flavour} {over:.2f}x" for (model, flavour), over in ours.items())
    within = sum(over <= 1.05 for over in ours.values())
    return f"Ours over the fastest: {told}. Fastest or within 5 % in {within} of {len(ours)}."


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="10 seconds, and only the largest and the smallest shape")
    parser.add_argument("--seconds", type=float, help="time budget (default 60, with --quick 10)")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--model", type=Path, nargs="*", default=[], help="bundles to time as well")
    asked = parser.parse_args()
    asked.seconds = asked.seconds or (10.0 if asked.quick else 60.0)
    asked.shapes = ["reference", "micro"] if asked.quick else ["reference", "tiny", "micro"]
    return asked


def _contenders(
    shapes: list[str], bundles: list[Path], folder: Path, console: Console, *, compiled: bool
) -> tuple[dict[Name, Callable[[], object]], dict[Name, float]]:
    found: dict[Name, Callable[[], object]] = {}
    sizes: dict[Name, float] = {}
    for name in shapes:
        net = _net(name)
        with console.status(f"compiling {name}"):
            torch_ways = ways(net, torch.from_numpy(_clip(net.spec.pixels)), carries=False, compiled=compiled)
        found |= {(name, f"torch {how}", "fp32"): read for how, read in torch_ways.items()}
        with console.status(f"exporting {name}"):
            files = _exported(name, folder / name)
        for flavour, runtime in pairs(files, files):
            found[name, runtime, flavour] = clip_reader(files[flavour], runtime, frames=FRAMES)
            found[name, f"{runtime} by hand", flavour] = _by_hand(files[flavour], runtime, net.spec.pixels)
            sizes[name, runtime, flavour] = files[flavour].stat().st_size / 1e6
    for bundle in bundles:
        session = Predictor.load(bundle).session
        key = (bundle.name, session.runtime, session.file.suffixes[0].lstrip("."))
        found[key] = clip_reader(session.file, session.runtime, frames=FRAMES)
        sizes[key] = session.file.stat().st_size / 1e6
    return found, sizes


def _net(name: str) -> AffectNet:
    torch.manual_seed(0)
    return AffectNet(shape(name)).eval()


def _exported(name: str, folder: Path) -> dict[str, Path]:
    """Export the shape for CPUs in float32 and in int8, calibrated on random pixels."""
    net = _net(name)
    candidate = Candidate(
        net, noise_clips(net.spec.pixels, FRAMES), LabelLoss(), Precision(calibration_clips=16), seed=0
    )
    files = export(candidate, folder).files
    int8 = replace(candidate, precision=Precision(to="int8", calibration_clips=16))
    return files | {"u8s8": export(int8, folder).files["u8s8"]}


def _clip(side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (1, FRAMES, 3, side, side), dtype=np.uint8)


def _by_hand(file: Path, runtime: Runtime, side: int) -> Callable[[], object]:
    """Feed arrays and take arrays, as the runtime's first example does."""
    load = {"onnxruntime": load_onnxruntime, "openvino": load_openvino}[runtime]
    opened: tuple[Any, Any] = load(file, 1)
    loaded, ports = opened
    states = {name: np.zeros(ports.state_shape(1), np.float32) for name in "hc"} if ports.layers else {}
    feed: Any = {"frames": _clip(side), **states}
    return (lambda: loaded.run(None, feed)) if runtime == "onnxruntime" else (lambda: loaded(feed))


def _table(rows: list[Row], core: str) -> Table:
    title = f"A {FRAMES}-frame clip on one core of {core}; random weights: speed only"
    table = Table(title=title, caption="speed-up: CPU time of the baseline in torch eager / CPU time of this row")
    words = {"model", "runtime", "file", "flags"}
    headings = ("model", "runtime", "file", "p50 ms", "p90 ms", "CPU ms", "speed-up", "over fastest", "MB", "flags")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in words else "right", no_wrap=heading != "flags")
    for row in sorted(rows, key=lambda row: row.speed_up):
        latency = row.latency
        table.add_row(
            *row.name,
            *("-" if p is None else f"{p.ms:.3f}" for p in (latency.p50, latency.p90)),
            f"{latency.cpu_s_per_clip * 1e3:.3f}",
            f"{row.speed_up:.1f}x",
            f"{row.over_fastest:.2f}x",
            "-" if row.size_mb is None else f"{row.size_mb:.2f}",
            " ".join(latency.flags),
        )
    return table


def _record(rows: list[Row], core: str) -> dict[str, Any]:
    return {
        "what": f"{FRAMES}-frame clip, batch 1, one thread, one core, random weights",
        "cpu": core,
        "versions": versions(),
        "rows": [
            {"model": row.name[0], "runtime": row.name[1], "file": row.name[2], "speed_up": row.speed_up}
            | {"over_fastest": row.over_fastest, "size_mb": row.size_mb}
            | row.latency.record()
            for row in rows
        ],
    }


if __name__ == "__main__":
    main()
