"""How far every exported file answers from torch in float64: each precision, graph and runtime, three architectures.

    python benchmarks/parity.py                       # every runtime of this machine, a GPU's too
    python benchmarks/parity.py --quick --json FILE

First table: the largest and the root mean square difference of affect over 4 recordings of 48 frames, read as clips of
16 with the state carried on (clip graph) and frame by frame (stream graph).
Second table: one stream of 10,000 frames (--quick: 500). Its drift from the clip graph of the same file, read in chunks
of 32, and for int8 the error against float64 in the first, the second and the last third: does it grow with time?
The nets are small ones of each family with random weights, their heads scaled so that answers fill the range, and the
frames are smooth pictures that wander; int8 is calibrated on such frames. It is a check of arithmetic, not of accuracy.

Measured in full on 27 November 2026 on a CPU with AVX2 alone (results/reference/parity.json): float32 within 3e-7
everywhere, fp16 5e-5, bf16 3e-4, int8 4e-3 in either file and either runtime. Every stream of 10,000 frames stayed
within 3e-7 of its clip graph, and int8's largest error did not grow from third to third.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any library makes its pool of threads

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from shared.where import where

from slimaffect.data.clips import Clips, Recording, cut
from slimaffect.errors import SlimError
from slimaffect.export import Exported, export
from slimaffect.export.bundle import versions
from slimaffect.model.losses import LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn, ResNetCnn, ResNetStage
from slimaffect.runtime import device
from slimaffect.runtime.session import EVERY, RUNTIMES, Runtime, open_model
from slimaffect.runtime.stream import open_stream
from slimaffect.train.candidate import Candidate, Precision

PIXELS, RECORDINGS, FRAMES, CHUNK = 32, 4, 48, 16
ALLOWED_DRIFT = 1e-4  # of a float32 stream from its clip graph


def _resnet(block: Any, inner: tuple[int, ...]) -> ResNetCnn:
    stages = tuple(ResNetStage(width=width, inner=(inner,)) for width in (16, 32))
    stem = "7x7" if block == "bottleneck" else "3x3"
    return ResNetCnn(block=block, stem=stem, stem_width=16, stages=stages, imagenet=block == "bottleneck")


ARCHITECTURES = {
    "plain, LSTM 1 x 32": ModelSpec(pixels=PIXELS, cnn=PlainCnn(widths=(16, 32, 32)), lstm=Lstm(hidden=32)),
    "basic ResNet, LSTM 1 x 32": ModelSpec(pixels=PIXELS, cnn=_resnet("basic", (16,)), lstm=Lstm(hidden=32)),
    "bottleneck ResNet, LSTM 2 x 24": ModelSpec(
        pixels=PIXELS, cnn=_resnet("bottleneck", (8, 8)), lstm=Lstm(hidden=24, layers=2)
    ),
}
FLAVOURS = {"fp32": "fp32", "fp16": "fp16", "bf16": "bf16", "u8s8": "int8", "s8s8": "int8"}


def main() -> None:
    """Compare, print both tables, and write the JSON if asked."""
    asked, console = _arguments(), Console(width=None if sys.stdout.isatty() else 120)
    torch.set_num_threads(1)
    runtimes: list[Runtime] = [runtime for runtime in EVERY if runtime in RUNTIMES or device.capability() is not None]
    rows, drifts = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, spec) in enumerate(ARCHITECTURES.items()):
            net = _net(spec)
            with console.status(f"exporting {name}"):
                made = {to: _exported(net, to, Path(folder) / f"{number}" / to) for to in set(FLAVOURS.values())}
            rows += _parity(name, net, made, runtimes)
            drifts += _drift(name, net, made, asked.frames)
    console.print(_parity_table(rows))
    console.print(_drift_table(drifts, asked.frames))
    if asked.json:
        told = {"what": (__doc__ or "").splitlines()[0], **where(), "versions": versions(), "frames": asked.frames}
        asked.json.write_text(json.dumps({**told, "parity": rows, "drift": drifts}, indent=1) + "\n")
    if any(row["drift"] > ALLOWED_DRIFT for row in drifts if row["file"] == "fp32"):
        sys.exit(f"A float32 stream drifts by more than {ALLOWED_DRIFT:g} from its clip graph.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a stream of 500 frames instead of 10,000")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args()
    asked.frames = 500 if asked.quick else 10_000
    return asked


def _net(spec: ModelSpec) -> AffectNet:
    """Make a net whose batch norms are not the identity and whose answers fill the range, as after training."""
    torch.manual_seed(0)
    net = AffectNet(spec).eval()
    for part in net.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(part.running_mean, std=0.2)  # pyright: ignore[reportArgumentType]
            torch.nn.init.uniform_(part.running_var, 0.5, 2.0)  # pyright: ignore[reportArgumentType]
    torch.nn.init.normal_(net.head.weight, std=1.0)
    return net


def _pictures(count: int, seed: int) -> np.ndarray:
    """Smooth pictures that wander: a random walk of 6 x 6 colours, enlarged; uint8 planes."""
    rng, seen = np.random.default_rng(seed), np.empty((count, 3, PIXELS, PIXELS), np.uint8)
    coarse = rng.normal(size=(6, 6, 3))
    for index in range(count):
        coarse = 0.95 * coarse + 0.31 * rng.normal(size=coarse.shape)
        wide = cv2.resize(coarse, (PIXELS, PIXELS), interpolation=cv2.INTER_CUBIC)
        seen[index] = np.clip(128 + 50 * wide, 0, 255).astype(np.uint8).transpose(2, 0, 1)
    return seen


def _clips() -> Clips:
    frames = _pictures(200, seed=1)
    still = np.zeros((200, 2), np.float32), np.ones(200, bool), np.arange(200) / 12.5
    return cut([Recording("walk", "nobody", "walk", frames, *still, "")], length=CHUNK, stride=8, rate=12.5)


def _exported(net: AffectNet, to: str, folder: Path) -> Exported:
    precision = Precision.model_validate({"to": to, "calibration_clips": 16})
    return export(Candidate(net, _clips(), LabelLoss(), precision, seed=0), folder)


def _exact(net: AffectNet, frames: np.ndarray) -> np.ndarray:
    """Answer in float64, from rest, in chunks with the state carried on."""
    wide = AffectNet(net.spec).eval().double()
    wide.load_state_dict(net.state_dict())
    state, told = None, []
    with torch.inference_mode():
        for start in range(0, frames.shape[1], 100):
            answer = wide(torch.from_numpy(frames[:, start : start + 100]).double() / 255, state)
            state = answer.state
            told.append(answer.affect.numpy())
    return np.concatenate(told, 1)


def _parity(name: str, net: AffectNet, made: dict[str, Exported], runtimes: list[Runtime]) -> list[dict[str, Any]]:
    frames = np.stack([_pictures(FRAMES, seed) for seed in range(2, 2 + RECORDINGS)])
    truth, rows = _exact(net, frames), []
    for flavour, to in FLAVOURS.items():
        for graph, file in (("clip", made[to].files[flavour]), ("stream", made[to].streams[flavour])):
            for runtime in runtimes:
                row = {"architecture": name, "file": flavour, "graph": graph, "runtime": runtime}
                try:
                    answer = _read_clips(file, runtime, frames) if graph == "clip" else _streamed(file, runtime, frames)
                except SlimError as fault:
                    rows.append({**row, "largest": None, "rms": None, "why_not": str(fault)})
                    continue
                apart = np.abs(answer - truth)
                rows.append({**row, "largest": float(apart.max()), "rms": float(np.sqrt((apart**2).mean()))})
    return rows


def _read_clips(file: Path, runtime: Runtime, frames: np.ndarray) -> np.ndarray:
    session, state, told = open_model(file, runtime=runtime), None, []
    for start in range(0, frames.shape[1], CHUNK):
        affect, state = session.clip(np.ascontiguousarray(frames[:, start : start + CHUNK]), state)
        told.append(affect)
    return np.concatenate(told, 1)


def _streamed(file: Path, runtime: Runtime, frames: np.ndarray) -> np.ndarray:
    begin = open_stream(file, runtime=runtime)
    return np.stack(
        [[stream.step(frame) for frame in recording] for stream, recording in ((begin(), r) for r in frames)]
    )


def _drift(name: str, net: AffectNet, made: dict[str, Exported], count: int) -> list[dict[str, Any]]:
    frames = _pictures(count, seed=9)
    truth, rows = _exact(net, frames[None])[0], []
    for flavour in ("fp32", "u8s8"):
        exported = made[FLAVOURS[flavour]]
        for runtime in RUNTIMES:
            at_once = open_model(exported.files[flavour], runtime=runtime).recording(frames)
            streamed = _streamed(exported.streams[flavour], runtime, frames[None])[0]
            thirds = [float(np.abs(part).max()) for part in np.array_split(streamed - truth, 3)]
            means = [float(np.abs(part).mean()) for part in np.array_split(streamed - truth, 3)]
            row = {"architecture": name, "file": flavour, "runtime": runtime}
            drift = float(np.abs(streamed - at_once).max())
            rows.append({**row, "drift": drift, "largest_by_third": thirds, "mean_by_third": means})
    return rows


def _parity_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title=f"Difference of affect from torch in float64, {RECORDINGS} recordings of {FRAMES} frames")
    for heading in ("architecture", "file", "graph", "runtime", "largest", "rms"):
        table.add_column(heading, justify="right" if heading in {"largest", "rms"} else "left", no_wrap=True)
    for row in rows:
        figures = ("-" if row[key] is None else f"{row[key]:.1e}" for key in ("largest", "rms"))
        table.add_row(row["architecture"], row["file"], row["graph"], row["runtime"], *figures)
    return table


def _drift_table(rows: list[dict[str, Any]], count: int) -> Table:
    title = f"A stream of {count} frames: drift from the clip graph, and largest error against float64 by thirds"
    table = Table(title=title)
    for heading in ("architecture", "file", "runtime", "drift", "1st third", "2nd third", "3rd third"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        thirds = (f"{third:.1e}" for third in row["largest_by_third"])
        table.add_row(row["architecture"], row["file"], row["runtime"], f"{row['drift']:.1e}", *thirds)
    return table


if __name__ == "__main__":
    main()
