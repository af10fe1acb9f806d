"""Prune, distil and quantise one trained CNN-LSTM: slimaffect beside the tools that others would take.

    pip install --group peers        # NNCF and torchao; a peer that is not installed is said to be absent
    python benchmarks/peers.py --quick
    python benchmarks/peers.py --work WORK --json results/reference/peers.json       # some 30 CPU-minutes

One teacher (`reference`, 12 epochs) on one fold of the default data with one seed; every arm starts from its weights,
calibrates on the same 64 clips, answers on the same held-out site, and is scored by the same scorer. CPU-s is what the
shrinking took, compiling included. Times are process CPU time of a 16-frame clip and of one frame on one core, all
contenders in turn, forwards and backwards. Peers run as their own introductions run them.

- quantise: ours (bias corrected, two runtimes, the faster one counts); NNCF on OpenVINO; ONNX Runtime, static and
  dynamic, both with their defaults; torchao PT2E with inductor.
- prune to a quarter of the multiply-accumulates, then the same retraining: ours; torch-pruning used alone, whose LSTM
  pruner fails on this model, so that it prunes the CNN only.
- distil the student `tiny_patches`: ours; a page of plain torch, given as much CPU time. Both are run in float32.
- all of it, ours alone: those in int8, and a twentieth of the multiply-accumulates in int8.

Finished arms are kept in --work, so it can be stopped.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any library makes its pool of threads

import onnx
import torch
from rich.console import Console
from rich.table import Table
from shared import rivals
from shared.noise import pinned
from shared.readers import Reader, onnxruntime_reader, openvino_reader, our_reader
from shared.short import SHORT

from slimaffect.bars import bars
from slimaffect.data import Clips, DataSettings, prepare
from slimaffect.data.synthetic import SyntheticSettings
from slimaffect.evaluate.scores import score
from slimaffect.evaluate.versus import interval, versus
from slimaffect.execute.deploy import answer
from slimaffect.execute.store import first_candidate
from slimaffect.export import export
from slimaffect.export.bundle import versions
from slimaffect.export.graph import graph
from slimaffect.measure.latency import measure_clips
from slimaffect.model.net import AffectNet
from slimaffect.model.shapes import shape
from slimaffect.model.store import load, save
from slimaffect.run.places import Places
from slimaffect.runtime.session import RUNTIMES
from slimaffect.steps.distill import Distill, fresh_student
from slimaffect.steps.prune import Prune, Retrain, recovered
from slimaffect.steps.quantise import Quantise
from slimaffect.steps.train import Train
from slimaffect.train.candidate import Candidate

MARGIN, CALIBRATION, SHARE, STUDENT = 0.03, 64, 0.25, "tiny_patches"
LITTLE = 0.05  # of the multiply-accumulates
OURS = "slimaffect"
AXES = ("ccc", "clip_ms", "stream_ms", "mb", "cpu_s")


@dataclass(frozen=True)
class Arm:
    """One way to shrink: what it does, whose it is, the package it needs, and how it is made."""

    what: str
    whose: str
    needs: str | None
    make: Callable[["Bench", Path], dict[str, Reader]]

    @property
    def name(self) -> str:
        """Name it for files and tables."""
        return f"{self.what}, {self.whose}"


class Bench:
    """What all arms share: the teacher, the clips of its training, and the settings."""

    def __init__(self, clips: Clips, asked: argparse.Namespace, work: Path) -> None:
        held_out = clips.sites[0]
        self.quick, self.work, self.test = asked.quick, work, clips.of_sites([held_out])
        self.training = clips.without_site(held_out)
        self.lengths: dict[str, Any] = SHORT if asked.quick else {"epochs": 12}
        self.reused_s = 0.0  # CPU time of trainings that an arm found done
        self.teacher = self._teacher()
        net = self.teacher.model
        self.feeds = rivals.calibration(self.training, 8 if asked.quick else CALIBRATION, net.spec.lstm.hidden)
        self.source = work / "teacher.onnx"
        onnx.save(graph(net), self.source)

    def _teacher(self) -> Candidate:
        spec = shape("reference").model_copy(update={"pixels": self.training.pixels})
        start = first_candidate(spec, self.training, 0)
        train = Train.model_validate(self.lengths)
        return replace(start, model=self.once("teacher", lambda: train.apply(start).model))

    def once(self, name: str, make: Callable[[], AffectNet]) -> AffectNet:
        """Train a model unless it was trained before; what it took is billed either way."""
        kept, bill = self.work / name, self.work / f"{name}.json"
        if not bill.exists():
            start = time.process_time()
            save(make(), kept)
            bill.write_text(json.dumps(time.process_time() - start))
            self.reused_s -= time.process_time() - start  # the clock of the arm has it already
        self.reused_s += json.loads(bill.read_text())
        return load(kept)

    def files(self, candidate: Candidate, folder: Path) -> dict[str, Reader]:
        """Export our way, and open the files for CPUs with every runtime."""
        exported, spec = export(candidate, folder), candidate.model.spec
        return {
            runtime: our_reader(
                exported.files[flavour], exported.streams[flavour], runtime, spec.pixels, spec.lstm.hidden
            )
            for flavour in exported.cpu_files
            for runtime in RUNTIMES
        }

    def plainly(self, net: AffectNet, file: Path) -> dict[str, Reader]:
        """Export a foreign net to ONNX, and run it as its user would: ONNX Runtime, float32."""
        onnx.save(graph(net), file)
        hidden = net.lstm.hidden_size if net.lstm is not None else 0
        return {"onnxruntime": onnxruntime_reader(file, net.spec.pixels, hidden)}


def arms() -> list[Arm]:
    """List the arms; ours first in each group."""
    return [
        Arm("teacher float32", OURS, None, lambda b, f: b.files(b.teacher, f)),
        Arm("quantise", OURS, None, lambda b, f: b.files(rounded(b, b.teacher), f)),
        Arm("quantise", "NNCF", "nncf", lambda b, f: by_openvino(b, rivals.by_nncf(b.source, b.feeds, f / "nncf"))),
        Arm("quantise", "ONNX Runtime static", None, lambda b, f: by_ort(b, f, dynamic=False)),
        Arm("quantise", "ONNX Runtime dynamic", None, lambda b, f: by_ort(b, f, dynamic=True)),
        Arm("quantise", "torchao", "torchao", lambda b, _: {"inductor": rivals.by_torchao(b.teacher.model, b.feeds)}),
        Arm("prune", OURS, None, lambda b, f: b.files(pruned(b), f)),
        Arm("prune", "torch-pruning", None, pruned_plainly),
        Arm("distil", OURS, None, lambda b, f: b.files(distilled(b), f)),
        Arm("distil", "plain torch", None, distilled_plainly),
        Arm("prune, quantise", OURS, None, lambda b, f: b.files(rounded(b, pruned(b)), f)),
        Arm("prune hard, quantise", OURS, None, lambda b, f: b.files(rounded(b, pruned(b, LITTLE)), f)),
        Arm("distil, quantise", OURS, None, lambda b, f: b.files(rounded(b, distilled(b)), f)),
    ]


def rounded(bench: Bench, candidate: Candidate) -> Candidate:
    """Ask for our int8."""
    settings = {"to": "int8", "correct_bias": True, "calibration_clips": len(bench.feeds)}
    return Quantise.model_validate(settings).apply(candidate)


def retraining(bench: Bench) -> dict[str, Any]:
    """Say how a pruned model recovers, whoever pruned it."""
    return {"epochs": 0} if bench.quick else {}


def pruned(bench: Bench, share: float = SHARE) -> Candidate:
    """Prune our way."""
    step = Prune.model_validate({"until": {"macs": share}, "round_to": 8, "retrain": retraining(bench)})
    made = bench.once(f"pruned {share:g}", lambda: step.apply(bench.teacher).model)
    return replace(bench.teacher, model=made)


def pruned_plainly(bench: Bench, folder: Path) -> dict[str, Reader]:
    """Prune with torch-pruning, and retrain as ours is retrained."""
    net = rivals.by_torch_pruning(bench.teacher.model, SHARE)
    net = recovered(net, bench.teacher, Retrain.model_validate(retraining(bench)), 1)
    return bench.plainly(net, folder / "pruned.onnx")


def distilled(bench: Bench) -> Candidate:
    """Distil our way."""
    step = Distill.model_validate({"student": STUDENT, **bench.lengths})
    return replace(bench.teacher, model=bench.once("student", lambda: step.apply(bench.teacher).model))


def distilled_plainly(bench: Bench, folder: Path) -> dict[str, Reader]:
    """Distil in plain torch for as long as ours took."""
    given: float = json.loads((bench.work / "student.json").read_text())
    student, teacher = fresh_student(bench.teacher, STUDENT), bench.teacher.model

    def make() -> AffectNet:
        return rivals.by_plain_torch(student, teacher, bench.training, cpu_s=given, seed=0)

    return bench.plainly(bench.once("plain student", make), folder / "distilled.onnx")


def by_openvino(bench: Bench, file: Path) -> dict[str, Reader]:
    """Open a file with OpenVINO."""
    spec = bench.teacher.model.spec
    return {"openvino": openvino_reader(file, spec.pixels, spec.lstm.hidden)}


def by_ort(bench: Bench, folder: Path, *, dynamic: bool) -> dict[str, Reader]:
    """Quantise and run with ONNX Runtime."""
    spec = bench.teacher.model.spec
    file = rivals.by_onnxruntime(bench.source, bench.feeds, folder / "ort.onnx", dynamic=dynamic)
    return {"onnxruntime": onnxruntime_reader(file, spec.pixels, spec.lstm.hidden)}


def main() -> None:
    """Make what is missing, time everything side by side, and say who is ahead."""
    asked, console = _arguments(), Console(width=None if sys.stdout.isatty() else 140)
    torch.set_num_threads(1)
    core = pinned()
    bench = Bench(_clips(asked, console), asked, _work(asked))
    rows, readers = {}, {}
    for arm in arms():
        if arm.needs and find_spec(arm.needs) is None:
            rows[arm.name] = {"arm": arm.name, "absent": f"{arm.needs} is not installed"}
            continue
        try:
            with console.status(arm.name):
                rows[arm.name], readers[arm.name] = made(arm, bench)
        except Exception as fault:
            if arm.whose == OURS:
                raise
            rows[arm.name] = {"arm": arm.name, "absent": f"fails: {str(fault).splitlines()[0][:90]}"}
            continue
        console.print(f"{arm.name}: {rows[arm.name]['cpu_s']:.0f} CPU-s", highlight=False)
    time_all(rows, readers, 0.3 if asked.quick else 4.0)
    shown = list(rows.values())
    console.print(_table(shown, core))
    console.print(*verdict(shown), sep="\n", highlight=False)
    if asked.json:
        told = {"what": (__doc__ or "").splitlines()[0], "cpu": core, "quick": asked.quick, "versions": installed()}
        kept = [{key: value for key, value in row.items() if key != "answers"} for row in shown]
        asked.json.write_text(json.dumps(told | {"rows": kept, "verdict": verdict(shown)}, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="8 people of 20 s, trainings of seconds: does it run?")
    parser.add_argument("--work", type=Path, help="where finished trainings are kept")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


def _work(asked: argparse.Namespace) -> Path:
    folder = asked.work or Places.choose().cache / "peers" / ("quick" if asked.quick else "full")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _clips(asked: argparse.Namespace, console: Console) -> Clips:
    people = SyntheticSettings(subjects=8, seconds=20) if asked.quick else SyntheticSettings()
    with bars(console) as watch:
        settings = DataSettings(pixels=64, synthetic=people)
        return prepare(settings, Places.choose().cache, workers=1, watch=watch).clips


def made(arm: Arm, bench: Bench) -> tuple[dict[str, Any], dict[str, Reader]]:
    """Make an arm's contenders; the first answers, for all of them compute the same."""
    folder = bench.work / arm.name.replace(", ", "-").replace(" ", "-")
    folder.mkdir(exist_ok=True)
    bench.reused_s, start = 0.0, time.process_time()
    found = arm.make(bench, folder)
    spent = time.process_time() - start + bench.reused_s
    answers = answer(next(iter(found.values())), bench.test, 0)  # pyright: ignore[reportArgumentType]
    ends = interval([answers])
    row = {"arm": arm.name, "what": arm.what, "whose": arm.whose, "ccc": score([answers]).ccc, "interval": list(ends)}
    return row | {"cpu_s": spent, "mb": next(iter(found.values())).mb, "answers": answers}, found


def time_all(rows: dict[str, dict[str, Any]], readers: dict[str, dict[str, Reader]], budget_s: float) -> None:
    """Time clips and frames of all contenders in turn; of an arm with several runtimes the fastest counts."""
    running: dict[str, Callable[[], object]] = {}
    for name, found in readers.items():
        for runtime, reader in found.items():
            clip, frame = reader.runs()
            running |= {f"{name}|clip_ms|{runtime}": clip, f"{name}|stream_ms|{runtime}": frame}
    measured = measure_clips(running, budget_s=budget_s * len(running))
    for key, latency in measured.items():
        name, what, runtime = key.split("|")
        took = 1e3 * latency.cpu_s_per_clip
        if took < rows[name].get(what, float("inf")):
            rows[name] |= {what: took, f"{what}_runtime": runtime}


def installed() -> dict[str, str]:
    """Name the versions of ours and of the peers."""
    from importlib.metadata import version

    return versions() | {name: version(name) for name in ("nncf", "torchao", "torch-pruning") if _there(name)}


def _there(name: str) -> bool:
    return find_spec(name.replace("-", "_")) is not None


def verdict(rows: list[dict[str, Any]]) -> list[str]:
    """Say whether ours is on the front of every pair of axes, and how much faster it is where it is as good."""
    there = [row for row in rows if "ccc" in row]
    lines = [_front(there, one, other) for one, other in combinations(AXES, 2)]
    peers = [row for row in there if row["whose"] != OURS]
    return [*lines, *(_faster(there, peer) for peer in sorted(peers, key=lambda row: -row["ccc"]))]


def _front(rows: list[dict[str, Any]], one: str, other: str) -> str:
    def cost(row: dict[str, Any], axis: str) -> float:
        value = row.get(axis)
        return float("inf") if value is None else -value if axis == "ccc" else value

    points = {row["arm"]: (cost(row, one), cost(row, other)) for row in rows}
    beaten = {
        arm for arm, (x, y) in points.items() if any((a, b) != (x, y) and a <= x and b <= y for a, b in points.values())
    }
    return f"front of {one} and {other}: {' | '.join(arm for arm in points if arm not in beaten)}"


def _faster(rows: list[dict[str, Any]], peer: dict[str, Any]) -> str:
    """Compare a peer with the fastest of ours that is shown to be as good, on the same resampled subjects."""
    ours = [row for row in rows if row["whose"] == OURS]
    good = [r for r in ours if versus([peer["answers"]], [r["answers"]], margin=MARGIN).non_inferior]
    if not good:
        return f"{peer['arm']}: none of ours is shown to be as good within {MARGIN:g}"
    fastest = min(good, key=lambda row: row["clip_ms"])
    theirs, mine = (f"{one['arm']} ({one['ccc']:.3f}, {one['clip_ms']:.2f} ms)" for one in (peer, fastest))
    return f"{theirs}: {mine} is {peer['clip_ms'] / fastest['clip_ms']:.2f} times faster"


def _table(rows: list[dict[str, Any]], core: str) -> Table:
    table = Table(title=f"One fold, one seed; CPU ms of 16 frames, and of one, on one core of {core}")
    for heading in ("arm", "CCC", "95 % over subjects", "clip ms", "stream ms", "MB", "CPU-s", "runtime"):
        table.add_column(heading, justify="left" if heading in {"arm", "runtime"} else "right")
    for row in rows:
        if "absent" in row:
            table.add_row(row["arm"], *["-"] * 6, row["absent"])
            continue
        low, high = row["interval"]
        figures = [f"{row['ccc']:.3f}", f"{low:.3f} to {high:.3f}"]
        figures += ["-" if row.get(k) is None else f"{row[k]:.3f}" for k in ("clip_ms", "stream_ms", "mb")]
        table.add_row(row["arm"], *figures, f"{row['cpu_s']:.0f}", row["clip_ms_runtime"])
    return table


if __name__ == "__main__":
    main()
