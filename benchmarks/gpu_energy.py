"""Joules per clip on an NVIDIA GPU, by its energy counter: the reference model and its slim students.

    python benchmarks/gpu_energy.py --json FILE                  # about 90 seconds
    python benchmarks/gpu_energy.py --seconds 240 --json FILE    # windows of some 4 seconds: fewer flags
    python benchmarks/gpu_energy.py --quick                      # 30 seconds: does it run?

Weights are random: energy does not depend on them, and nothing here says what a shape can learn. Needs torch with CUDA,
nvidia-ml-py, numpy, scipy, pydantic and jaxtyping; no other runtime.

What it does: asks the counter how often it is renewed, sets counter against integrated power, measures idle power with
all models loaded before and after, and between them takes windows in ABBA order, each cut at the counter's steps while
the GPU stays busy, each with a phase of its own. `reference again` is the same model a second time: what it differs
from `reference` by is what no other difference may be called. Every record is in the schema slimaffect.energy/1.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from shared.where import where

from slimaffect.measure.bench.schedule import RATE_HZ, Schedule
from slimaffect.meter.estimate import Estimate, Idle, above_idle_mj, idle_of, ratio, total_mj
from slimaffect.meter.nvml import Nvml
from slimaffect.meter.record import EnergyRecord, Identity
from slimaffect.meter.recorded import energy_record
from slimaffect.meter.sensor import CrossCheck, Sensor, cross_check, sensor_of
from slimaffect.meter.windows import Window, Windows
from slimaffect.model.net import AffectNet
from slimaffect.model.shapes import shape

FRAMES, REFERENCE, AGAIN = 16, "reference", "reference again"
SETTLE_S, OVERHEAD_S = 0.15, 0.45  # before a window; and in all, for settling, phase and both steps
IDLE_SHARE = 0.08  # of the time, before and again after


@dataclass(frozen=True)
class Cell:
    """One model in one scenario."""

    model: str
    scenario: str
    batch: int
    run: Callable[[], object]
    schedule: Schedule | None = None

    @property
    def frames(self) -> int:
        """Frames of one unit."""
        return 1 if self.schedule else FRAMES


def main(argv: Sequence[str] | None = None, nvml: Any = None) -> None:
    """Measure, print a table, and write the records if asked."""
    asked = _arguments(argv)
    if nvml is None and not torch.cuda.is_available():
        print("There is no CUDA device here: nothing was measured.")
        return
    torch.manual_seed(0)
    gpu = _counter(asked.device, nvml)
    cells = _cells(asked)
    for cell in cells:
        _warm_up(cell)
    sensor = sensor_of(gpu, seconds=2.0)
    gpu.update_s = sensor.update_s or gpu.update_s
    busiest = next(cell for cell in cells if cell.scenario != "stream30")
    check = cross_check(gpu, gpu.power_w, busiest.run, seconds=3.0)
    windows, idle, env = _measure(gpu, cells, asked)
    ratios = [one for cell in cells if (one := _against(cell, windows, idle))]
    null = {one["scenario"]: one["energy"] for one in ratios if one["model"] == AGAIN}
    sampling = {"update_s": sensor.update_s, "read_s": sensor.read_s, "cross_check_pct": 100 * check.apart}
    records = {
        name: _record(cell, windows[name], gpu, idle, sampling | _null_test(null.get(cell.scenario)), check, env)
        for name, cell in _named(cells)
    }
    told = _document(asked, sensor, check, records, ratios)
    print(_table(records, ratios, sensor, check))
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1) + "\n")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="30 seconds")
    parser.add_argument("--seconds", type=float, help="time for everything after the warm-up (default 90)")
    parser.add_argument("--shapes", nargs="+", default=["small", "micro"], help="students beside the reference")
    parser.add_argument("--batch", type=int, default=256, help="clips of the large batch")
    parser.add_argument("--windows", type=int, default=6, help="for each model in `clip` and `offline`")
    parser.add_argument("--stream-windows", type=int, default=8, help="in `stream30`; a part-time sensor asks for 20")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--eager", action="store_true", help="no CUDA graphs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the records")
    asked = parser.parse_args(argv)
    asked.seconds = asked.seconds or (30.0 if asked.quick else 90.0)
    return asked


def _counter(device: str, nvml: Any) -> Nvml:
    """Open the GPU that torch uses: by UUID, because CUDA and NVML may number GPUs differently."""
    if not device.startswith("cuda"):
        return Nvml(0, nvml=nvml)
    uuid = str(getattr(torch.cuda.get_device_properties(device), "uuid", ""))
    try:
        return Nvml(f"GPU-{uuid.removeprefix('GPU-')}", nvml=nvml)
    except Exception:  # noqa: BLE001  a virtual machine may hide the UUID; then there is but one GPU
        return Nvml(torch.device(device).index or 0, nvml=nvml)


def _cells(asked: argparse.Namespace) -> list[Cell]:
    cells = []
    for name in (REFERENCE, *asked.shapes, AGAIN):
        net = AffectNet(shape(REFERENCE if name == AGAIN else name)).eval().to(asked.device)
        graphs = asked.device.startswith("cuda") and not asked.eager
        cells.append(Cell(name, "clip", 1, _reader(net, 1, FRAMES, graphs)))
        cells.append(Cell(name, "offline", asked.batch, _reader(net, asked.batch, FRAMES, graphs)))
        if name in (REFERENCE, asked.shapes[-1]):
            frames = Schedule(_reader(net, 1, 1, graphs))
            cells.append(Cell(name, "stream30", 1, frames, frames))
    return cells


def _named(cells: Sequence[Cell]) -> list[tuple[tuple[str, str], Cell]]:
    return [((cell.model, cell.scenario), cell) for cell in cells]


def _reader(net: AffectNet, batch: int, frames: int, graphs: bool) -> Callable[[], object]:
    """Read uint8 planes that lie on the GPU already, and wait for the answer.

    The state of a stream is fed back in; as a CUDA graph where the model can be captured.
    """
    device, side = next(net.parameters()).device, net.spec.pixels
    clip = torch.randint(0, 256, (batch, frames, 3, side, side), dtype=torch.uint8, device=device)
    state = [part.to(device) for part in net.empty_state(batch)]

    def forward() -> None:
        answer = net(clip.float() / 255, (state[0], state[1]))
        for kept, new in zip(state, answer.state or (), strict=False):
            kept.copy_(new)

    def eager() -> None:
        with torch.inference_mode():
            forward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return (_captured(forward, device) if graphs else None) or eager


def _captured(forward: Callable[[], None], device: torch.device) -> Callable[[], object] | None:
    """Capture a CUDA graph; None where the model refuses."""
    side, graph = torch.cuda.Stream(device), torch.cuda.CUDAGraph()
    try:
        with torch.no_grad():
            with torch.cuda.stream(side):
                for _ in range(3):
                    forward()
            torch.cuda.synchronize(device)
            with torch.cuda.graph(graph):
                forward()
    except RuntimeError as fault:
        print(f"no CUDA graph: {fault}", file=sys.stderr)
        return None

    return partial(_replay, graph, device, forward)


def _replay(graph: torch.cuda.CUDAGraph, device: torch.device, _forward: Callable[[], None]) -> None:
    """Run a captured graph; whoever holds this holds `_forward` too, on whose weights and frames the graph works."""
    graph.replay()
    torch.cuda.synchronize(device)


def _warm_up(cell: Cell, seconds: float = 0.3) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        cell.run()


def _measure(
    gpu: Nvml, cells: Sequence[Cell], asked: argparse.Namespace
) -> tuple[dict[tuple[str, str], list[Window]], Idle | None, dict[str, Any]]:
    """Idle, rounds forwards and backwards in turn, idle."""
    counts = {name: asked.stream_windows if cell.schedule else asked.windows for name, cell in _named(cells)}
    each_s = asked.seconds * (1 - 2 * IDLE_SHARE) / sum(counts.values())
    draw = random.Random(0)
    windows = Windows([gpu], min_s=max(0.2, each_s - OVERHEAD_S), settle_s=SETTLE_S, randomness=draw)
    resting = Windows([gpu], min_s=asked.seconds * IDLE_SHARE, settle_s=1.0, randomness=draw)
    taken: dict[tuple[str, str], list[Window]] = {name: [] for name in counts}
    before = resting.idle()
    for number in range(max(counts.values())):
        for name, cell in _named(cells)[:: 1 if number % 2 == 0 else -1]:
            if number < counts[name]:
                if cell.schedule:
                    cell.schedule.restart(draw.random() / RATE_HZ)
                window = windows.take(cell.run)
                taken[name].append(replace(window, units=window.units * cell.batch))
    env = gpu.facts() | {"torch": torch.__version__, "cuda": torch.version.cuda, "graphs": not asked.eager}
    return taken, idle_of(before, resting.idle()), env


def _record(
    cell: Cell,
    windows: Sequence[Window],
    gpu: Nvml,
    idle: Idle | None,
    sampling: dict[str, Any],
    check: CrossCheck,
    env: dict[str, Any],
) -> EnergyRecord:
    identity = Identity(
        name=cell.model,
        scenario=cell.scenario,
        unit="frame" if cell.schedule else "clip",
        units=0,
        frames_per_unit=cell.frames,
        batch=cell.batch,
    )
    flags = list(check.flags)
    if (env.get("compute_processes") or 0) > 1:
        flags.append("other_gpu_processes")
    return energy_record(identity, windows, [gpu], idle, sampling=sampling, env=env, flags=flags)


def _null_test(told: dict[str, Any] | None) -> dict[str, Any]:
    """By how many percent the reference differs from itself."""
    return {"null_test_pct": None if told is None else 100 * (told["ratio"] - 1)}


def _against(cell: Cell, windows: dict[tuple[str, str], list[Window]], idle: Idle | None) -> dict[str, Any] | None:
    """Set a model against the reference, round by round in the same scenario."""
    if cell.model == REFERENCE:
        return None
    pairs = list(zip(windows[cell.model, cell.scenario], windows[REFERENCE, cell.scenario], strict=True))
    good = [pair for pair in pairs if pair[0].total_j and pair[1].total_j]
    sides = [[total_mj(pair[side]) or 0.0 for pair in good] for side in (0, 1)]
    told: dict[str, Any] = {"model": cell.model, "against": REFERENCE, "scenario": cell.scenario}
    each_s = [[pair[side].seconds / pair[side].units for pair in good] for side in (0, 1)]
    told["energy"] = _plain(ratio(*sides)) if good else None
    told["seconds"] = _plain(ratio(*each_s)) if good else None
    told["energy_above_idle"] = None
    if idle is not None and good:
        above = [[above_idle_mj(pair[side], idle) or 0.0 for pair in good] for side in (0, 1)]
        if min(map(min, above)) > 0:  # at or below the idle power's noise there is no ratio
            told["energy_above_idle"] = _plain(ratio(*above))
    return told


def _plain(told: Estimate) -> dict[str, Any]:
    return {"ratio": told.mean, "ci95": told.interval and list(told.interval), "n": told.n}


def _document(
    asked: argparse.Namespace,
    sensor: Sensor,
    check: CrossCheck,
    records: dict[tuple[str, str], EnergyRecord],
    ratios: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "schema": "slimaffect.energy/1",
        "what": "NVML joules per unit: clips of 16 frames one by one, in a large batch, and frames at 30 a second",
        "where": where(),
        "seconds": asked.seconds,
        "sensor": {"update_s": sensor.update_s, "updates": sensor.updates, "read_s": sensor.read_s},
        "cross_check": {"counter_j": check.counter_j, "power_j": check.power_j, "apart": check.apart},
        "ratios": ratios,
        "records": [record.model_dump(mode="json", by_alias=True) for record in records.values()],
    }


def _table(
    records: dict[tuple[str, str], EnergyRecord], ratios: list[dict[str, Any]], sensor: Sensor, check: CrossCheck
) -> str:
    first = next(iter(records.values()))
    period = "-" if sensor.update_s is None else f"{1e3 * sensor.update_s:.0f} ms"
    look = f"one look {1e3 * sensor.read_s:.2f} ms"
    lines = [
        f"{first.env.get('gpu')}: counter renewed every {period} ({sensor.updates} steps seen, {look})",
        f"integrated power against counter {100 * check.apart:+.1f} %",
        f"idle {_number(first.totals.idle_w)} W before, {_number(first.totals.idle_w_after)} W after",
        f"{'model':<16}{'scenario':<10}{'batch':>6}{'mJ per unit':>13}{'95 %':>21}{'above idle':>12}{'ms':>9}  flags",
    ]
    for (model, scenario), one in records.items():
        above = None if one.mj_per_unit_above_idle is None else one.mj_per_unit_above_idle.mean
        each_ms = 1e3 * one.totals.seconds / one.identity.units if one.identity.units else None
        lines.append(
            f"{model:<16}{scenario:<10}{one.identity.batch:>6}{_number(one.mj_per_unit.mean):>13}"
            f"{_span(one.mj_per_unit.ci95):>21}{_number(above):>12}{_number(each_ms):>9}  {' '.join(one.flags)}"
        )
    for one in ratios:
        told = one["energy"]
        said = "-" if told is None else f"{told['ratio']:.3f} {_span(told['ci95'])}"
        lines.append(f"{one['model']} / {one['against']}, {one['scenario']}: {said}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _span(ends: Sequence[float] | None) -> str:
    return "-" if ends is None else f"{ends[0]:.4g} to {ends[1]:.4g}"


if __name__ == "__main__":
    main()
