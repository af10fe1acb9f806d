"""What bounds a clip of a small network, and what makes it fast: shape, number format, runtime, usual size.

    python benchmarks/small_nets.py                       # some 6 CPU-minutes
    python benchmarks/small_nets.py --quick --json FILE
    python benchmarks/small_nets.py --accuracy --work WORK --json FILE     # trains instead: what speed costs in CCC

Networks of 10 to 60 thousand parameters on 64-pixel crops, 16-frame clips, one core, random weights: speed only. Beside
the named shapes stand plain ones, as one would write them down: four 3x3 convolutions of stride 2. Each is exported in
float32 and int8 and run by both runtimes, in two ways: `plain`, a session of the runtime's defaults on one thread, and
`ours`, what `slimaffect.runtime` does. Contenders run in turn, forwards and backwards; figures are process CPU time.

The profile is ONNX Runtime's own, node by node, in microseconds; it costs time itself.

`--accuracy` times nothing: it trains shapes of some 20,000 parameters, 12 epochs, on all four folds of the default data
with 3 seeds, and compares each with the plain one on the same resampled subjects, scored on exported files.
"""

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any library makes its pool of threads

import numpy as np
import onnx
import torch
from rich.console import Console
from rich.table import Table
from shared.arms import Job, answer_exported, whole_arms
from shared.arms import row as scored
from shared.arms import run as train_all
from shared.arms import table as score_table
from shared.noise import noise_clips, pinned

from slimaffect.bars import bars
from slimaffect.data import Clips, DataSettings, prepare
from slimaffect.data.synthetic import SyntheticSettings
from slimaffect.export.bundle import versions
from slimaffect.export.graph import graph
from slimaffect.export.int8 import quantise
from slimaffect.measure.contenders import clip_reader
from slimaffect.measure.latency import measure_clips
from slimaffect.model.count import macs_per_frame, parameters
from slimaffect.model.net import AffectNet
from slimaffect.model.shapes import shape
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn
from slimaffect.run.places import Places
from slimaffect.runtime.session import RUNTIMES
from slimaffect.train.candidate import Precision

PIXELS, FRAMES = 64, 16
PLAIN = {
    "plain 60 k": ((12, 24, 36, 48), 32, 32),
    "plain 21 k": ((6, 12, 18, 24), 24, 24),
    "plain 9 k": ((4, 8, 12, 16), 16, 16),
}
NAMED = ("tiny", "tiny_patches", "micro", "micro_patches")
QUICK = ("plain 21 k", "micro_patches")
TRAINED = ("plain 21 k", "micro", "micro_patches")
AGAINST = {"tiny": "plain 60 k", "tiny_patches": "plain 60 k", "micro": "plain 21 k", "micro_patches": "plain 21 k"}
"""What a named shape is compared with: the plain one of about as many parameters, or the next larger."""
Key = tuple[str, str, str, str]
"""Shape, file, runtime, way."""


def main() -> None:
    """Time or train, as asked."""
    asked, console = _arguments(), Console(width=None if sys.stdout.isatty() else 140)
    (accuracy if asked.accuracy else speed)(asked, console)


def speed(asked: argparse.Namespace, console: Console) -> None:
    """Export, time, profile, print the tables, and write the JSON beside them if asked."""
    core = pinned()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        files = {name: exported(spec, Path(folder) / name) for name, spec in shapes(asked.quick).items()}
        readers = contenders(files)
        with console.status("timing"):
            named = {"|".join(key): read for key, read in readers.items()}
            taken = measure_clips(named, budget_s=(0.3 if asked.quick else 6.0) * len(readers))
        profiles = {name: profile(found["fp32"], 60 if asked.quick else 400) for name, found in files.items()}
    times = {key: 1e3 * taken["|".join(key)].cpu_s_per_clip for key in readers}
    rows = [row(name, spec, times) for name, spec in shapes(asked.quick).items()]
    console.print(_table(rows, core))
    console.print(_profile_table(profiles))
    if asked.json:
        told = {"what": (__doc__ or "").splitlines()[0], "cpu": core, "versions": versions(), "frames": FRAMES}
        every = [{"shape": k[0], "file": k[1], "runtime": k[2], "way": k[3], "cpu_ms": ms} for k, ms in times.items()]
        asked.json.write_text(
            json.dumps(told | {"rows": rows, "times": every, "profile_us": profiles}, indent=1) + "\n"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two shapes, a few clips each")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--accuracy", action="store_true", help="train shapes and compare their CCC; time nothing")
    parser.add_argument("--seeds", type=int, default=3, help="of --accuracy")
    parser.add_argument("--workers", type=int, default=2, help="processes of --accuracy")
    parser.add_argument("--work", type=Path, help="where --accuracy keeps what is trained")
    return parser.parse_args()


def accuracy(asked: argparse.Namespace, console: Console) -> None:
    """Train what is missing, and compare every shape with the plain one."""
    people = SyntheticSettings(subjects=8, seconds=10) if asked.quick else SyntheticSettings()
    cache, epochs = Places.choose().cache, 1 if asked.quick else 12
    names, seeds = (QUICK, range(1)) if asked.quick else (TRAINED, range(asked.seeds))
    with bars(console) as watch:
        settings = DataSettings(pixels=PIXELS, synthetic=people)
        clips = prepare(settings, cache, workers=asked.workers, watch=watch).clips
    work = (asked.work or cache / "small_nets") / f"{clips.fingerprint[:12]}-{epochs}"
    jobs = [Job(name, site, seed) for name in names for seed in seeds for site in clips.sites]
    train_all(trained, jobs, names[0], clips, work, epochs=epochs, workers=asked.workers, console=console)
    found = whole_arms(names, clips.sites, seeds, work)
    rows = [scored(name, answers, found[names[0]]) for name, answers in found.items()]
    console.print(score_table(rows, names[0]))
    if asked.json:
        told = {"what": "CCC of small shapes, four folds", "seeds": len(seeds), "epochs": epochs, "rows": rows}
        asked.json.write_text(json.dumps(told, indent=1) + "\n")


def trained(job: Job, clips: Clips, work: Path, epochs: int) -> None:
    """Train a shape on one fold, and keep what its exported file answers."""
    from slimaffect.execute.store import first_candidate
    from slimaffect.steps.train import Train

    candidate = first_candidate(shapes(quick=False)[job.arm], clips.without_site(job.held_out), job.seed)
    answer_exported(Train(epochs=epochs).apply(candidate), clips.of_sites([job.held_out]), job, work)


def shapes(quick: bool) -> dict[str, ModelSpec]:
    """List the shapes by name, all for crops of the same size."""
    plain = {
        name: ModelSpec(cnn=PlainCnn(widths=widths), features=features, lstm=Lstm(hidden=hidden))
        for name, (widths, features, hidden) in PLAIN.items()
    }
    found = plain | {name: shape(name) for name in NAMED}
    return {name: found[name].model_copy(update={"pixels": PIXELS}) for name in (QUICK if quick else found)}


def exported(spec: ModelSpec, folder: Path) -> dict[str, Path]:
    """Write the float32 graph and the int8 one for CPUs, calibrated on random pixels."""
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    plain = graph(AffectNet(spec).eval())
    int8 = quantise(plain, noise_clips(PIXELS, FRAMES), Precision(to="int8", calibration_clips=4), seed=0)["u8s8"]
    files = {"fp32": folder / "fp32.onnx", "int8": folder / "int8.onnx"}
    onnx.save(plain, files["fp32"])
    onnx.save(int8, files["int8"])
    return files


def contenders(files: dict[str, dict[str, Path]]) -> dict[Key, Callable[[], object]]:
    """Open every file in every way."""
    found: dict[Key, Callable[[], object]] = {}
    for name, kinds in files.items():
        for kind, file in kinds.items():
            for runtime in RUNTIMES:
                found[name, kind, runtime, "plain"] = PLAINLY[runtime](file)
                found[name, kind, runtime, "ours"] = clip_reader(file, runtime, frames=FRAMES)
    return found


def _feed(shapes_: dict[str, int]) -> dict[str, np.ndarray]:
    frames = np.random.default_rng(0).integers(0, 256, (1, FRAMES, 3, PIXELS, PIXELS), dtype=np.uint8)
    state = np.zeros((1, 1, shapes_["h"]), np.float32)
    return {"frames": frames, "h": state, "c": state.copy()}


def plain_onnxruntime(file: Path) -> Callable[[], object]:
    """Run a file as ONNX Runtime's own introduction does."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    feed = _feed({port.name: port.shape[-1] for port in session.get_inputs()})
    return lambda: session.run(None, feed)


def plain_openvino(file: Path) -> Callable[[], object]:
    """Run a file as OpenVINO's own introduction does."""
    import openvino

    wanted = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(file), "CPU", wanted)
    feed = _feed({port.any_name: port.get_partial_shape()[-1].get_length() for port in compiled.inputs})
    return lambda: compiled(feed)


PLAINLY: dict[str, Callable[[Path], Callable[[], object]]] = {
    "onnxruntime": plain_onnxruntime,
    "openvino": plain_openvino,
}


def row(name: str, spec: ModelSpec, times: dict[Key, float]) -> dict[str, Any]:
    """Put a shape's figures together: the plain export, each file at its best, and what was gained."""
    best = {
        kind: min((ms, key[2:]) for key, ms in times.items() if key[:2] == (name, kind)) for kind in ("fp32", "int8")
    }
    start, fastest = times[name, "fp32", "onnxruntime", "plain"], min(best.values())
    against = AGAINST.get(name)
    other = times.get((against, "fp32", "onnxruntime", "plain")) if against else None
    return {
        "shape": name,
        "parameters": parameters(spec),
        "macs_per_frame": macs_per_frame(spec),
        "plain_export_ms": start,
        "plain_int8_ms": times[name, "int8", "onnxruntime", "plain"],
        **{f"best_{kind}_ms": ms for kind, (ms, _) in best.items()},
        **{f"best_{kind}": "/".join(way) for kind, (_, way) in best.items()},
        "same_net": start / fastest[0],
        "against": against if other else None,
        "by_shape_too": other / fastest[0] if other else None,
    }


def profile(file: Path, runs: int) -> dict[str, float]:
    """Ask ONNX Runtime what each kind of node takes in a clip, in microseconds: medians, summed by kind."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level, options.enable_profiling = 1, 3, True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        feed = _feed({port.name: port.shape[-1] for port in session.get_inputs()})
        for _ in range(runs):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text())
    taken: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("kernel_time"):
            taken[kind_of(event), event["name"]].append(event["dur"])
    sums: dict[str, float] = defaultdict(float)
    for (kind, _), durations in taken.items():
        sums[kind] += float(np.median(durations[len(durations) // 4 :]))  # the first runs warm up
    return dict(sums)


def kind_of(event: dict[str, Any]) -> str:
    """Say what a node is for; the stem is told apart by its name in the graph."""
    operator = event["args"]["op_name"]
    if operator == "Conv":
        return "first convolution" if event["name"].startswith(("relu_nchwc", "relu_kernel")) else "other convolutions"
    return {
        "Cast": "uint8 to float",
        "LSTM": "LSTM",
        "FusedGemm": "bottleneck and head",
        "MatMul": "bottleneck and head",
    }.get(operator, "sizes, layouts, small nodes")


def _table(rows: list[dict[str, Any]], core: str) -> Table:
    title = f"{FRAMES} frames of {PIXELS} pixels on one core of {core}; CPU ms, random weights"
    caption = (
        "faster: plain ONNX Runtime float32 export / fastest; by shape: that of the plain net of like size / fastest"
    )
    table = Table(title=title, caption=caption)
    words = {"shape", "fastest"}
    for heading in (
        "shape",
        "parameters",
        "plain export",
        "plain int8",
        "best fp32",
        "best int8",
        "fastest",
        "faster",
        "by shape",
    ):
        table.add_column(heading, justify="left" if heading in words else "right")
    for one in rows:
        kind = min(("fp32", "int8"), key=lambda kind: one[f"best_{kind}_ms"])
        figures = (f"{one[key]:.3f}" for key in ("plain_export_ms", "plain_int8_ms", "best_fp32_ms", "best_int8_ms"))
        shown = "-" if one["by_shape_too"] is None else f"{one['by_shape_too']:.1f}x"
        way = f"{kind} {one[f'best_{kind}']}"
        table.add_row(one["shape"], f"{one['parameters']:,}", *figures, way, f"{one['same_net']:.1f}x", shown)
    return table


def _profile_table(profiles: dict[str, dict[str, float]]) -> Table:
    kinds = sorted({kind for found in profiles.values() for kind in found})
    table = Table("shape", *kinds, title="ONNX Runtime float32, node by node, microseconds")
    for name, found in profiles.items():
        table.add_row(name, *(f"{found.get(kind, 0.0):.0f}" for kind in kinds))
    return table


if __name__ == "__main__":
    main()
