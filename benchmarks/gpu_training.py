"""How fast does one GPU train, what does each lever bring, and how long would the whole protocol take?

    python benchmarks/gpu_training.py --json FILE            # some 100 s on one CUDA device
    python benchmarks/gpu_training.py --seconds 300          # longer windows
    python benchmarks/gpu_training.py --device cpu --quick   # seconds on a laptop: shows that it runs, nothing else

A step is what training end to end does: draw clips of 16 frames of 112x112, alter them, forwards, (1 - CCC) + 0.3 MSE,
backwards, clip the gradient, AdamW. Frames and weights are random: speed does not depend on them, and nothing here
says what a model learns. The plain loop feeds float32 clips from DataLoader workers; each row below it turns one more
lever on, and a lever stays on. Time is wall time of the whole window after warm-up, with the device synchronised at
both ends; what compiling took is a column of its own. A row that did not run says why and has no figures.

Utilisation and joules are NVML's: the share of time in which any kernel ran (which is not how full the GPU was), and
its energy counter over the window. The column TFLOP/s counts 6 operations per multiply-accumulate and frame.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # a machine that is lent has no installed package

import torch
from shared.gpu import FRAMES, Arm, Bench, Levers, Nvml, Row, measure, spec_of
from shared.where import where

from slimaffect.model.count import macs_per_frame, parameters

PIXELS = 112
# The protocol: 45 subjects of an hour each at 5 frames a second, four sites held out in turn, 12 epochs.
HOURS, RATE, FOLDS, EPOCHS = 45, 5, 4, 12
LADDER = (
    Levers(),
    Levers(resident=True),
    Levers(resident=True, tf32=True),
    Levers(resident=True, tf32=True, bf16=True),
    Levers(resident=True, tf32=True, bf16=True, channels_last=True),
    Levers(resident=True, tf32=True, bf16=True, channels_last=True, compiled=True),
)
EAGER, BEST = LADDER[-2], LADDER[-1]
RUNGS = ("plain", "resident", "tf32", "bf16", "channels_last", "compiled")  # each with all before it


def arms(models: Sequence[str], batches: Sequence[int], rungs: Sequence[str]) -> list[Arm]:
    """List what to measure, the most telling first: the ladder at the middle batch, then the other batches.

    Compiling a large CNN takes up to a minute, so the compiled rows come last, and the largest model's at the end.
    """
    middle = sorted(batches)[len(batches) // 2]
    others = [batch for batch in batches if batch != middle]
    climbed = [levers for rung, levers in zip(RUNGS, LADDER, strict=True) if rung in rungs and not levers.compiled]
    ladder = [Arm(model, middle, levers) for model in models for levers in climbed]
    sizes = [Arm(model, batch, EAGER, 0.6) for model in models for batch in others]
    last = [Arm(model, max(batches), BEST) for model in reversed(models)]
    return ladder + sizes + (last if "compiled" in rungs else [])


def run(listed: Sequence[Arm], bench: Bench, seconds: float, *, patient: bool) -> list[Row]:
    """Measure every arm for its share of the time; unless we are patient, those for which none is left say so."""
    ends = time.perf_counter() + seconds
    window = 0.6 * seconds / sum(arm.weight for arm in listed)  # the rest: warm-up and compilation
    rows = []
    for arm in listed:
        if time.perf_counter() > ends and not patient:
            rows.append(Row(arm.model, arm.batch, asdict(arm.levers), why_not="no time left; give more --seconds"))
        else:
            rows.append(measure(arm, bench, window * arm.weight))
        print(said(rows[-1]), flush=True)
    return rows


def said(row: Row) -> str:
    """One line of the table."""
    what = f"{row.model:10} {row.batch:4} clips  {Levers(**row.levers).name:52}"
    if row.clips_per_s is None:
        return f"{what} - ({row.why_not})"
    told = f"{row.clips_per_s:8.1f} clips/s {row.frames_per_s:9.0f} frames/s {row.tflops:7.2f} TFLOP/s"
    return (
        f"{what}{told} busy {_dash(row.utilisation, '4.0%')} {_dash(row.joules_per_clip, '7.3f')} J/clip "
        f"{_dash(row.peak_memory_mb, '7.0f')} MB  first step {_dash(row.ready_s, '.1f')} s"
        + (f"  ({row.why_not})" if row.why_not else "")
    )


def _dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def projection(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Say what each model's plain and fastest rows mean for the protocol; arithmetic, not a measurement."""
    found = []
    for model in dict.fromkeys(row.model for row in rows):
        mine = [row for row in rows if row.model == model and row.frames_per_s]
        if not mine:
            continue
        plain = next((row for row in mine if not any(row.levers.values())), None)
        fastest = max(mine, key=lambda row: row.frames_per_s or 0)
        found += [_projected(row, what) for row, what in ((plain, "plain"), (fastest, "fastest")) if row is not None]
    return found


def frame_passes() -> dict[str, int]:
    """Count the frames that training passes forwards and backwards."""
    once = HOURS * 3600 * RATE
    return {
        "frames of the data": once,
        "folds": once * (FOLDS - 1) // FOLDS * FOLDS * EPOCHS,  # each fold trains on the other sites
        "the model that ships": once * EPOCHS,
    }


def _projected(row: Row, what: str) -> dict[str, Any]:
    assert row.frames_per_s
    passes = frame_passes()
    hours = {part: passes[part] / row.frames_per_s / 3600 for part in ("folds", "the model that ships")}
    joules = None if row.joules_per_clip is None else row.joules_per_clip / FRAMES * sum(list(passes.values())[1:])
    return {
        "model": row.model,
        "what": what,
        "batch": row.batch,
        "levers": Levers(**row.levers).name,
        "frames_per_s": row.frames_per_s,
        "gpu_hours": hours,
        "gpu_kwh": joules and joules / 3.6e6,
        "provenance": "projected from a window of seconds; no data was read from disk",
    }


def show(projected: Sequence[dict[str, Any]]) -> None:
    """Print the arithmetic."""
    passes = frame_passes()
    print(f"\nProtocol: {HOURS} h of video x 3600 s x {RATE} frames/s = {passes['frames of the data']:,} frames")
    print(
        f"  folds: {FOLDS} folds x {EPOCHS} epochs x {FOLDS - 1}/{FOLDS} of the frames = {passes['folds']:,} passes; "
        f"the model that ships: {EPOCHS} x all = {passes['the model that ships']:,}"
    )
    held = passes["frames of the data"] * 3 * PIXELS**2 / 1e9
    print(f"  all crops as uint8 of {PIXELS}x{PIXELS}: {held:.1f} GB, which is what must fit on the device")
    for one in projected:
        folds, ships = one["gpu_hours"]["folds"], one["gpu_hours"]["the model that ships"]
        print(
            f"  {one['model']}, {one['what']} ({one['levers']}, {one['batch']} clips): {passes['folds']:,} / "
            f"{one['frames_per_s']:,.0f} per s = {folds:.2f} GPU-h for the folds, + {ships:.2f} GPU-h to ship; "
            f"{_dash(one['gpu_kwh'], '.2f')} kWh of the GPU"
        )
    print("  One seed; preparing and scoring the videos, validation and export are not in it.")


def machine(device: torch.device, threads: int) -> dict[str, Any]:
    """Describe device and software."""
    cuda = device.type == "cuda"
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": torch.cuda.get_device_name(device) if cuda else platform.processor() or platform.machine(),
        "memory_mb": torch.cuda.get_device_properties(device).total_memory / 1e6 if cuda else None,
        "cores": os.cpu_count(),
        "threads": threads,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "commit": where()["commit"],
        "load_average": os.getloadavg()[0],
    }


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seconds", type=float, default=100.0, help="of everything together, about")
    parser.add_argument("--models", nargs="+", default=["resnet50", "small"], help="shapes; the full size first")
    parser.add_argument("--batches", nargs="+", type=int, default=[16, 64, 128], help="clips in a step")
    parser.add_argument("--rungs", nargs="+", choices=RUNGS, default=RUNGS, help="which rows of the ladder")
    parser.add_argument("--clips", type=int, default=2048, help="clips to draw from; 0.6 MB each")
    parser.add_argument("--workers", type=int, default=min(8, os.cpu_count() or 1), help="of the plain DataLoader")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, seconds: shows only that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows")
    return parser.parse_args()


def main() -> None:
    """Measure, print and write."""
    given = options()
    device = torch.device(given.device)
    pixels = PIXELS
    if given.quick:
        given.models, given.batches, given.clips, given.workers, pixels = ["micro"], [2], 8, 1, 32
        given.seconds = min(given.seconds, 2.0)
    bench = Bench(device, given.clips, pixels, given.workers, torch.get_num_threads(), Nvml(device))
    told = machine(device, bench.threads)
    print(f"{told['device']}, torch {told['torch']}, {told['cores']} cores, DataLoader workers: {bench.workers}")
    for model in given.models:
        spec = spec_of(model, pixels)
        print(f"{model}: {parameters(spec):,} parameters, {macs_per_frame(spec) / 1e6:,.0f} M MAC per frame")
    rungs = [rung for rung in given.rungs if not (given.quick and rung == "compiled")]
    rows = run(arms(given.models, given.batches, rungs), bench, given.seconds, patient=given.quick)
    if bench.nvml.handle is None:
        print(f"No utilisation and no joules: {bench.nvml.why_not}")
    projected = [] if given.quick else projection(rows)
    if projected:
        show(projected)
    if given.json:
        found = {
            "about": {"frames": FRAMES, "pixels": pixels, "workers": bench.workers, "seconds": given.seconds},
            "environment": told,
            "rows": [asdict(row) for row in rows],
            "frame_passes": frame_passes(),
            "projection": projected,
        }
        given.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
