"""What one streamed frame takes on one core: our stream graph against the clip graph, torch eager, and both by hand.

    python benchmarks/stream.py                       # the shapes `reference`, `tiny` and `micro`
    python benchmarks/stream.py --quick --json FILE

Every contender reads the next face crop with the state carried on, batch 1, one thread.
`Stream` is what `Predictor.stream()` uses; `by hand` is the runtime's own documented call on the same file.
torch runs the same weights eager, by torch.compile and by AOTInductor (not with --quick: that compiles for minutes).
Weights are random: speed does not depend on them, and nothing here says what a shape can learn.

Measured on 27 November 2026 on one core of an AMD EPYC virtual machine with AVX2 and other work beside it
(results/reference/stream.json): ours is the fastest or within 5 % of it in 6 of 6 rows; a frame takes `reference` 0.18
ms of CPU time (int8), `tiny` 0.079 and `micro` 0.047 (fp32); `tiny` takes 1.17 in torch eager, 0.45 by AOTInductor.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any library makes its pool of threads

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from shared.noise import noise_clips, pinned
from shared.torch_ways import ways

from slimaffect.export import Exported, export
from slimaffect.export.bundle import versions
from slimaffect.measure.latency import Latency, measure_clips
from slimaffect.model.losses import LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.shapes import shape
from slimaffect.runtime.ort import load_onnxruntime
from slimaffect.runtime.session import RUNTIMES, Runtime, open_model
from slimaffect.runtime.stream import open_stream
from slimaffect.runtime.vino import load_openvino
from slimaffect.train.candidate import Candidate, Precision

Name = tuple[str, str, str, str]  # model, flavour, runtime, how
Read = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """One contender's frame time, and its share of the fastest of its model and flavour."""

    name: Name
    latency: Latency
    over_fastest: float


def main() -> None:
    """Measure, print the table, and write the JSON beside it if asked."""
    asked = _arguments()
    torch.set_num_threads(1)
    core, console = pinned(), Console(width=None if sys.stdout.isatty() else 120)
    with tempfile.TemporaryDirectory() as folder:
        contenders = _contenders(asked.shapes, Path(folder), console, compiled=not asked.quick)
        with console.status("timing frames"):
            measured = measure_clips(
                {" ".join(n): run for n, run in contenders.items()}, budget_s=asked.seconds, most_clips=20_000
            )
    rows = _rows(list(contenders), list(measured.values()))
    console.print(_table(rows, core))
    console.print(_verdict(rows))
    if asked.json:
        asked.json.write_text(json.dumps(_record(rows, core), indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="15 seconds, and only the largest and the smallest shape")
    parser.add_argument("--seconds", type=float, help="time budget (default 120, with --quick 15)")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args()
    asked.seconds = asked.seconds or (15.0 if asked.quick else 120.0)
    asked.shapes = ["reference", "micro"] if asked.quick else ["reference", "tiny", "micro"]
    return asked


def _verdict(rows: list[Row]) -> str:
    """Say for each model and file how far our stream is from the fastest row, and what a frame of it takes."""
    ours: dict[tuple[str, str], Row] = {}
    for row in rows:
        known = ours.get(row.name[:2])
        if row.name[3].startswith("Stream") and (known is None or row.over_fastest < known.over_fastest):
            ours[row.name[:2]] = row
    told = ", ".join(
        f"{' '.join(name)} {row.over_fastest:.2f}x at {row.latency.cpu_s_per_clip * 1e3:.3f} ms"
        for name, row in ours.items()
    )
    within = sum(row.over_fastest <= 1.05 for row in ours.values())
    return f"Ours over the fastest: {told}. Fastest or within 5 % in {within} of {len(ours)}."


def _contenders(shapes: list[str], folder: Path, console: Console, *, compiled: bool) -> dict[Name, Read]:
    found: dict[Name, Read] = {}
    for name in shapes:
        net = _net(name)
        frame = torch.from_numpy(_frame(net.spec.pixels))[None, None]
        with console.status(f"compiling {name}"):
            torch_ways = ways(net, frame, carries=True, compiled=compiled)
        found |= {(name, "fp32", "torch", how): read for how, read in torch_ways.items()}
        with console.status(f"exporting {name}"):
            for to, flavour in (("fp32", "fp32"), ("int8", "u8s8")):
                exported = _exported(net, to, folder / name)
                for runtime in RUNTIMES:
                    readers = _readers(exported, flavour, runtime, net.spec.pixels)
                    found |= {(name, flavour, runtime, how): read for how, read in readers.items()}
    return found


def _net(name: str) -> AffectNet:
    """Make a net whose batch norms are not the identity, so that its convolutions have biases as after training."""
    torch.manual_seed(0)
    net = AffectNet(shape(name)).eval()
    for part in net.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(part.running_mean, std=0.2)  # pyright: ignore[reportArgumentType]
    return net


def _exported(net: AffectNet, to: str, folder: Path) -> Exported:
    """Export for CPUs; int8 is calibrated on random pixels."""
    precision = Precision.model_validate({"to": to, "calibration_clips": 16})
    return export(Candidate(net, noise_clips(net.spec.pixels, 16), LabelLoss(), precision, seed=0), folder / to)


def _readers(exported: Exported, flavour: str, runtime: Runtime, side: int) -> dict[str, Read]:
    stream, clip = exported.streams[flavour], exported.files[flavour]
    return {
        "Stream, stream graph": _stream_reader(stream, runtime, side),
        "Stream, clip graph": _stream_reader(clip, runtime, side),
        "Session, clip graph": _session_reader(clip, runtime, side),
        "by hand, stream graph": _by_hand(stream, runtime, side),
        "by hand, clip graph": _by_hand(clip, runtime, side),
    }


def _frame(side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, side, side), dtype=np.uint8)


def _stream_reader(file: Path, runtime: Runtime, side: int) -> Read:
    stream, frame = open_stream(file, runtime=runtime)(), _frame(side)
    return lambda: stream.step(frame)


def _session_reader(file: Path, runtime: Runtime, side: int) -> Read:
    session, frame = open_model(file, runtime=runtime), _frame(side)[None, None]
    state: list[Any] = [None]

    def read() -> None:
        _, state[0] = session.clip(frame, state[0])

    return read


def _by_hand(file: Path, runtime: Runtime, side: int) -> Read:
    """Feed arrays and take arrays, as the runtime's first example does."""
    if runtime == "onnxruntime":
        session, ports = load_onnxruntime(file, 1)
        feed = _feed(side, ports.layers, ports.hidden)

        def read() -> None:
            _, *states = session.run(None, feed)
            feed.update(zip("hc", states, strict=False))

        return read
    compiled, ports = load_openvino(file, 1)
    fed = _feed(side, ports.layers, ports.hidden)
    outputs = list(compiled.outputs)

    def read_openvino() -> None:
        answer = compiled(fed)
        fed.update({name: answer[port] for name, port in zip("hc", outputs[1:], strict=False)})

    return read_openvino


def _feed(side: int, layers: int, hidden: int) -> dict[str, Any]:
    states = {name: np.zeros((layers, 1, hidden), np.float32) for name in "hc"} if layers else {}
    return {"frames": _frame(side)[None, None], **states}


def _rows(names: list[Name], measured: list[Latency]) -> list[Row]:
    fastest: dict[tuple[str, str], float] = {}
    for name, latency in zip(names, measured, strict=True):
        fastest[name[:2]] = min(latency.cpu_s_per_clip, fastest.get(name[:2], float("inf")))
    return [
        Row(name, latency, latency.cpu_s_per_clip / fastest[name[:2]])
        for name, latency in zip(names, measured, strict=True)
    ]


def _table(rows: list[Row], core: str) -> Table:
    title = f"One streamed frame on one core of {core}; random weights: speed only"
    table = Table(title=title, caption="over fastest: CPU time over that of the fastest row of this model and file")
    for heading in ("model", "file", "runtime", "how"):
        table.add_column(heading, no_wrap=True)
    for heading in ("p50 us", "p90 us", "CPU us", "over fastest"):
        table.add_column(heading, justify="right")
    table.add_column("flags")
    for row in sorted(rows, key=lambda row: (row.name[:2], row.over_fastest)):
        wall = ("-" if p is None else f"{p.ms * 1e3:.1f}" for p in (row.latency.p50, row.latency.p90))
        cpu = f"{row.latency.cpu_s_per_clip * 1e6:.1f}"
        table.add_row(*row.name, *wall, cpu, f"{row.over_fastest:.2f}x", " ".join(row.latency.flags))
    return table


def _record(rows: list[Row], core: str) -> dict[str, Any]:
    keys = ("model", "file", "runtime", "how")
    return {
        "what": "one streamed frame, batch 1, one thread, one core, random weights; `ms` and `_clip` mean this frame",
        "cpu": core,
        "versions": versions(),
        "rows": [
            dict(zip(keys, row.name, strict=True)) | {"over_fastest": row.over_fastest} | row.latency.record()
            for row in rows
        ],
    }


if __name__ == "__main__":
    main()
