"""How fast an exported model answers on a GPU, in each way that one would run it there, and whether it answers right.

    PYTHONPATH=. python benchmarks/gpu_engines.py FOLDER...   # bundles, or folders of exported ONNX files
    PYTHONPATH=. python benchmarks/gpu_engines.py FOLDER --json FILE --seconds 1.0 --stop-after 480
    PYTHONPATH=. python benchmarks/gpu_engines.py --quick  # exports `micro` with random weights itself; any machine

For each folder: a clip of 16 frames at batch 1, 8 and 64, and a stream of single frames with the state carried on.
Contenders: torch eager, torch.compile and CUDA graphs in float32 and bfloat16 on the file's own weights, ONNX Runtime
by hand and with its memory bound (with and without CUDA graphs, float16 and int8 files too where they lie there), and
TensorRT where it can be imported. They run interleaved in one process; frames start in the host's memory and affect
ends there, so the copies are counted. TF32 is off unless the name says so.
`away` is the largest difference of affect from ONNX Runtime's CPU answer to the same frames by the same file, over a
batch of clips or over 64 streamed frames; `off fp32` the same from the float32 file's.
A contender that cannot run is listed with the reason.
Measured on 27 November 2026 on one NVIDIA H200 (results/reference/gpu/engines.json, docs/gpu.md): every float32 row
within 7e-7 of the CPU, a clip of `micro` 0.16 ms in ONNX Runtime with a CUDA graph, 0.82 ms without, 0.10 ms in a CUDA
graph of torch. TensorRT was not to be had there.
Only numpy, torch, onnx and onnxruntime are needed (and pydantic for the torch rows).
"""

import argparse
import importlib.metadata
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from shared import gpu_contenders as contending
from shared.gpu_contenders import CPU, CUDA, TENSORRT, AbsentError, Model, Read, Task

from slimaffect.measure.latency import Latency, measure_clips

TASKS = [
    Task("clip", 1, 16),
    Task("stream", 1, 1, carries=True),
    Task("batch of 8", 8, 16),
    Task("batch of 64", 64, 16),
]
_KNOWN: dict[Any, np.ndarray] = {}
STREAMED = 64  # frames over which a stream's drift is told
RECORDED = ("torch", "onnx", "onnxruntime", "onnxruntime-gpu", "tensorrt", "numpy", "triton")


@dataclass
class Measured:
    """All contenders of one task of one model: how far off, how fast, and who could not run."""

    task: Task
    away: dict[str, float] = field(default_factory=dict)
    latency: dict[str, Latency] = field(default_factory=dict)
    away_fp32: dict[str, float] = field(default_factory=dict)
    begun_s: dict[str, float] = field(default_factory=dict)
    nodes: dict[str, dict[str, int]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)


def main() -> None:
    """Measure folder by folder; the JSON is written after each, so that a cut-off run keeps what it has."""
    asked = _arguments()
    deadline = time.monotonic() + asked.stop_after
    _strict()
    told: dict[str, Any] = {"what": (__doc__ or "").splitlines()[0], **_machine(asked.device), "models": []}
    for model, others in _models(asked):
        print(f"\n{model.name}: {model.clip.parent}, faces of {model.side} pixels", flush=True)
        for measured in _model(model, others, asked, deadline):
            _show(measured)
            told["models"].append(_record(model, measured))
            if asked.json:
                asked.json.write_text(json.dumps(told, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*", help="bundles, or folders of exported ONNX files")
    parser.add_argument("--quick", action="store_true", help="0.2 s a contender; without a folder `micro` is exported")
    parser.add_argument("--seconds", type=float, help="of timing for each contender of each task (1; --quick 0.2)")
    parser.add_argument("--stop-after", type=float, default=1e9, help="seconds after which no contender is begun")
    parser.add_argument("--device", choices=["auto", "cuda", "cpu"], default="auto")
    parser.add_argument("--skip", nargs="*", default=[], help="words of contenders to leave out, e.g. compiled")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args()
    asked.seconds = asked.seconds or (0.2 if asked.quick else 1.0)
    if asked.device == "auto":
        asked.device = "cuda" if torch.cuda.is_available() else "cpu"
    if not asked.folders:
        asked.folders = [_exported(name) for name in (["micro"] if asked.quick else ["reference", "micro", "resnet18"])]
    return asked


def _exported(name: str) -> Path:
    """Export a shape with random weights; needs the whole of slimaffect."""
    import tempfile

    from clip_latency import _exported

    folder = Path(tempfile.mkdtemp()) / name
    _exported(name, folder)
    return folder


def _strict() -> None:
    """Compute float32 in float32: TF32 would be 1e-3 away, and torch and ONNX Runtime differ in their defaults."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.set_num_threads(1)


def _models(asked: argparse.Namespace) -> Iterator[tuple[Model, dict[str, Model]]]:
    """Find in each folder the float32 model, or else its first, and what other formats lie beside it."""
    for folder in asked.folders:
        clips = sorted(folder.glob("clip.*.onnx"))
        found = {
            clip.suffixes[0].lstrip("."): contending.described(
                folder.name, clip, next(iter(folder.glob(clip.name.replace("clip", "stream"))), None)
            )
            for clip in clips
        }
        if not found:
            print(f"{folder}: holds no clip.*.onnx", flush=True)
            continue
        main_one = found.pop("fp32", None) or found.pop(next(iter(found)))
        yield main_one, found


def _model(model: Model, others: dict[str, Model], asked: argparse.Namespace, deadline: float) -> Iterator[Measured]:
    try:
        net = contending.torch_net(model) if ".fp32." in model.clip.name else "the folder holds no float32 file"
    except Exception as fault:  # noqa: BLE001  a missing package, or a file of another maker
        net = f"{type(fault).__name__}: {fault}"
    for task in TASKS:
        measured, readers = Measured(task), {}
        frames = _frames(model, task)
        for name, (file, begin) in _contenders(net, model, others, task, asked.device).items():
            if any(word in name for word in asked.skip):
                continue
            if time.monotonic() > deadline:
                measured.absent[name] = "not begun: out of time"
                continue
            reader = _checked(name, (file, model.file(task)), begin, frames, measured)
            if reader is not None:
                readers[name] = reader
        runs = {name: partial(read, frames[0]) for name, read in readers.items()}
        if runs:
            measured.latency = measure_clips(runs, budget_s=asked.seconds * len(runs), most_clips=20_000)
        yield measured


def _frames(model: Model, task: Task) -> list[np.ndarray]:
    rng, count = np.random.default_rng(0), STREAMED if task.carries else 1
    shape = (task.batch, task.time, 3, model.side, model.side)
    return [rng.integers(0, 256, shape, dtype=np.uint8) for _ in range(count)]


def _contenders(
    net: Any, model: Model, others: dict[str, Model], task: Task, device: str
) -> dict[str, tuple[Path, Callable[[], Read]]]:
    """Name every contender, the file whose CPU answer is the truth, and what begins it."""
    file, found = model.file(task), {}
    for number in ("float32", "bfloat16"):
        for how in ("eager", "compile", "CUDA graph"):
            found[f"torch {'compiled' if how == 'compile' else how} {number}"] = (
                file,
                lambda number=number, how=how: _torch(net, model, task, device, number, how),
            )
    provider = CUDA if device == "cuda" else CPU
    short = "CUDA" if device == "cuda" else "CPU"
    for flavour, one in {"": model, **others}.items():
        own = one.file(task)
        if flavour == "u8s8" and device == "cuda":
            continue  # quantised for CPUs
        name = f"ONNX Runtime {short}{flavour and ' ' + flavour}"
        found[f"{name} bound"] = (
            own,
            lambda own=own, one=one: contending.ort_contender(own, one, task, provider, tf32=False),
        )
        if device == "cuda":
            found[f"{name} bound, CUDA graph"] = (
                own,
                lambda own=own, one=one: contending.ort_contender(own, one, task, CUDA, graph=True, tf32=False),
            )
    found[f"ONNX Runtime {short} by hand"] = file, lambda: contending.ort_by_hand(file, model, task, provider)
    if device == "cuda":
        tf32 = lambda: contending.ort_contender(file, model, task, CUDA, tf32=True)  # noqa: E731
        found["ONNX Runtime CUDA bound, TF32"] = file, tf32
        found["ONNX Runtime TensorRT bound"] = (
            file,
            lambda: contending.ort_contender(file, model, task, TENSORRT, tf32=False),
        )
        found["TensorRT"] = file, lambda: contending.tensorrt_contender(file, model, task)
    return found


def _torch(net: Any, model: Model, task: Task, device: str, number: str, how: str) -> Read:
    if isinstance(net, str):
        raise AbsentError(net)
    return contending.torch_contender(net, model, task, device, number, how)


def _checked(
    name: str, files: tuple[Path, Path], begin: Callable[[], Read], frames: list[np.ndarray], measured: Measured
) -> Read | None:
    """Begin a contender and compare it with the CPU's answer; one that cannot run is listed with the reason."""
    start = time.perf_counter()
    try:
        reader = begin()
        answer = np.concatenate([np.array(reader(part)) for part in frames])
    except Exception as fault:  # noqa: BLE001  each library raises classes of its own
        lines = str(fault).strip().splitlines() or [type(fault).__name__]
        measured.absent[name] = f"{type(fault).__name__}: {lines[0][:300]}"
        return None
    measured.begun_s[name] = time.perf_counter() - start
    measured.away[name], measured.away_fp32[name] = (
        float(np.abs(answer - _truth(file, frames, measured.task)).max()) for file in files
    )
    measured.nodes[name] = getattr(reader, "nodes", {})
    return reader


def _truth(file: Path, frames: list[np.ndarray], task: Task, kept: dict[Any, np.ndarray] = _KNOWN) -> np.ndarray:
    """Answer on the CPU, once for each file and task."""
    if (file, task) not in kept:
        side = frames[0].shape[-1]
        session, _ = contending.ort_session(file, [CPU])
        shapes = {port.name: port.shape for port in session.get_inputs()}
        layers, _, hidden = shapes.get("h", [0, 0, 0])
        model = Model("", file, None, side, layers, hidden)
        read = contending.ort_by_hand(file, model, task, CPU)
        kept[file, task] = np.concatenate([np.array(read(part)) for part in frames])
    return kept[file, task]


def _show(measured: Measured) -> None:
    task = measured.task
    print(f"\n{task.name} (batch {task.batch}, {task.time} frames{', state carried' if task.carries else ''})")
    print(f"  {'contender':44s} {'p50 ms':>9s} {'p90 ms':>9s} {'n':>7s} {'per s':>10s} {'away':>9s} {'off fp32':>9s}")
    order = sorted(measured.latency, key=lambda name: _p50(measured.latency[name]))
    for name in order:
        latency, per_s = measured.latency[name], task.batch / _p50(measured.latency[name]) * 1e3
        p90 = f"{latency.p90.ms:9.4f}" if latency.p90 else f"{'-':>9s}"
        print(
            f"  {name:44s} {_p50(latency):9.4f} {p90} {latency.n:7d} {per_s:10.0f} {measured.away[name]:9.1e}"
            f" {measured.away_fp32[name]:9.1e}"
            f"  {' '.join(f'{n} on {ep}' for ep, n in measured.nodes[name].items())}"
        )
    for name, why in measured.absent.items():
        print(f"  {name:44s} {'-':>9s}  {why}")
    sys.stdout.flush()


def _p50(latency: Latency) -> float:
    assert latency.p50
    return latency.p50.ms


def _record(model: Model, measured: Measured) -> dict[str, Any]:
    task = measured.task
    rows = [
        {
            "contender": name,
            "away": measured.away[name],
            "away_from_fp32_on_cpu": measured.away_fp32[name],
            "begun_s": measured.begun_s[name],
            "per_s": task.batch / _p50(latency) * 1e3,
            "nodes": measured.nodes[name],
            **latency.record(),
        }
        for name, latency in measured.latency.items()
    ]
    about = {"model": model.name, "pixels": model.side, "task": task.name, "batch": task.batch, "frames": task.time}
    return {**about, "rows": rows, "absent": measured.absent}


def _machine(device: str) -> dict[str, Any]:
    installed = {d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions()}
    gpu = {}
    if device == "cuda":
        facts = torch.cuda.get_device_properties(0)
        gpu = {"gpu": facts.name, "capability": f"{facts.major}.{facts.minor}", "cuda": torch.version.cuda}
    versions = {name: installed[name] for name in RECORDED if name in installed}
    return {"device": device, **gpu, "python": platform.python_version(), "versions": versions}


if __name__ == "__main__":
    main()
