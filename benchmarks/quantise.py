"""What int8 costs in CCC, and what gets it back: ranges, equalisation, bias correction, kept layers, training.

    python benchmarks/quantise.py                   # default synthetic data, `small`, 12 epochs, 3 seeds
    python benchmarks/quantise.py --quick --json FILE

Two networks with one and the same function in float32, trained once and scored on a site that they have not seen:

- as trained;
- rescaled: every channel is multiplied by a factor between 1/8 and 8 where it is made, and divided by it where it is
  read. An activation has one step for all its channels, so this is what rounding after training does worst on.

CCC is that of the exported CPU file in ONNX Runtime; `away` is the root mean square difference of its affect from the
float32 file's, which says more than CCC where people are few. `regained` is the share of what `minmax` loses, or is
away, that an arm has back.

Run in full on 27 November 2026: results/reference/int8.json.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any library makes its pool of threads

import numpy as np
import onnx
import torch
from onnx import ModelProto
from rich.console import Console
from rich.table import Table

from slimaffect.bars import bars
from slimaffect.data import Clips, DataSettings, prepare
from slimaffect.data.synthetic import SyntheticSettings
from slimaffect.evaluate.metrics import ccc
from slimaffect.export.bundle import versions
from slimaffect.export.graph import graph
from slimaffect.export.int8 import quantise
from slimaffect.model.losses import LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.shapes import shape
from slimaffect.run.places import Places
from slimaffect.runtime.session import open_model
from slimaffect.steps.quantise import Quantise
from slimaffect.steps.train import Train
from slimaffect.train.candidate import Candidate, Precision

LARGEST_FACTOR = 8.0
MINMAX = "minmax"


@dataclass(frozen=True)
class Row:
    """One arm on one network with one seed."""

    network: str
    arm: str
    seed: int
    ccc: float
    lost: float  # CCC of the float32 file less this
    away: float  # root mean square difference of affect from the float32 file
    cpu_s: float  # of the step, without the export
    kept: tuple[str, ...]


def main() -> None:
    """Train, quantise every way, print the table, and write the JSON beside it if asked."""
    asked = _arguments()
    torch.set_num_threads(1)
    console, rows = Console(width=None if sys.stdout.isatty() else 140), []
    clips = _clips(asked.quick, console)
    for seed in range(asked.seeds):
        with console.status(f"training, seed {seed}"):
            trained = _trained(clips, asked, seed)
        for name, candidate in (("as trained", trained), ("rescaled", rescaled(trained))):
            rows += _rows(name, candidate, clips.of_sites([clips.sites[0]]), console)
    console.print(_table(rows))
    if asked.json:
        record = {"what": (__doc__ or "").splitlines()[0], "quick": asked.quick, "versions": versions()}
        asked.json.write_text(json.dumps(record | {"rows": [asdict(row) for row in rows]}, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="12 people, 20 s each, a tiny model, one seed")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args()
    asked.seeds, asked.shape = (1, "tiny") if asked.quick else (3, "small")
    asked.epochs = 6 if asked.quick else 12
    return asked


def _clips(quick: bool, console: Console) -> Clips:
    people = SyntheticSettings(subjects=12, seconds=20) if quick else SyntheticSettings()
    with bars(console) as watch:
        settings = DataSettings(pixels=32 if quick else 48, synthetic=people)
        return prepare(settings, Places.choose().cache, workers=1, watch=watch).clips


def _trained(clips: Clips, asked: argparse.Namespace, seed: int) -> Candidate:
    training = clips.of_sites(clips.sites[1:])
    torch.manual_seed(seed)
    net = AffectNet(shape(asked.shape).model_copy(update={"pixels": clips.pixels}))
    return Train(epochs=asked.epochs).apply(Candidate(net, training, LabelLoss(), Precision(), seed))


@torch.no_grad()
def rescaled(candidate: Candidate) -> Candidate:
    """Multiply channels where they are made and divide them where they are read; the answers stay."""
    net, random = deepcopy(candidate.model), np.random.default_rng(candidate.seed)
    blocks = list(net.cnn.blocks)  # pyright: ignore[reportArgumentType]
    readers = [*(block.conv.weight for block in blocks[1:]), net.bottleneck.weight]
    for block, reader in zip(blocks, readers, strict=True):
        channels = len(block.bn.weight)
        factor = torch.tensor(LARGEST_FACTOR ** random.uniform(-1, 1, channels)).float()
        block.bn.weight *= factor
        block.bn.bias *= factor
        each = factor.repeat_interleave(reader.shape[1] // channels)
        reader.div_(each.view(1, -1, *[1] * (reader.ndim - 2)))
    return replace(candidate, model=net)


def _arms() -> dict[str, Quantise]:
    learns: dict[str, Any] = {"train": {}}
    arms: dict[str, dict[str, Any]] = {
        MINMAX: {},
        "percentile": {"ranges": "percentile"},
        "entropy": {"ranges": "entropy"},
        "mse": {"ranges": "mse"},
        "minmax, corrected": {"correct_bias": True},
        "minmax, equalised": {"equalise": True},
        "minmax, equalised, corrected": {"equalise": True, "correct_bias": True},
        "minmax, kept within 0.01": {"keep_within": 0.01},
        "minmax, trained": learns,
        "equalised, trained": learns | {"equalise": True},
    }
    return {name: Quantise.model_validate(settings) for name, settings in arms.items()}


def _rows(network: str, candidate: Candidate, held_out: Clips, console: Console) -> list[Row]:
    truth, start = _answers(graph(candidate.model), held_out)
    rows = [Row(network, "float32", candidate.seed, start, 0.0, 0.0, 0.0, ())]
    for arm, step in _arms().items():
        with console.status(f"{network}: {arm}"):
            before = time.process_time()
            done = step.apply(candidate)
            spent = time.process_time() - before
            files = quantise(graph(done.model), done.clips, done.precision, done.seed)
            affect, reached = _answers(files["u8s8"], held_out)
            away = float(np.sqrt(np.mean((affect - truth) ** 2)))
        rows.append(Row(network, arm, candidate.seed, reached, start - reached, away, spent, done.precision.kept))
        console.print(
            f"{network}, seed {candidate.seed}: {arm} {reached:.3f} of {start:.3f}, {away:.4f} away", highlight=False
        )
    return rows


def _answers(model: ModelProto, clips: Clips) -> tuple[np.ndarray, float]:
    """Read every recording with an exported graph; answers affect, and the mean CCC of its two dimensions."""
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(model, Path(folder) / "file.onnx")
        session = open_model(Path(folder) / "file.onnx", runtime="onnxruntime")
        said = [session.recording(recording.frames)[recording.valid] for recording in clips.recordings]
    affect, labels = np.concatenate(said), np.concatenate([r.affect[r.valid] for r in clips.recordings])
    return affect, float(np.mean([ccc(affect[:, axis], labels[:, axis]) for axis in range(2)]))


def _table(rows: list[Row]) -> Table:
    table = Table(title="int8 on a held-out site, exported file; mean over seeds")
    words = {"network", "arm", "kept in float32"}
    for heading in ("network", "arm", "CCC", "lost", "regained", "away", "regained", "CPU s", "kept in float32"):
        table.add_column(heading, justify="left" if heading in words else "right", no_wrap=heading == "arm")
    for network, arm in dict.fromkeys((row.network, row.arm) for row in rows):
        own, worst = ([r for r in rows if (r.network, r.arm) == (network, name)] for name in (arm, MINMAX))
        ccc_, lost, away, spent = (_mean(own, name) for name in ("ccc", "lost", "away", "cpu_s"))
        shares = [_regained(lost, _mean(worst, "lost"), 0.01), _regained(away, _mean(worst, "away"), 1e-4)]
        kept = ", ".join(sorted({name for row in own for name in row.kept}))
        plain = arm in {"float32", MINMAX}
        shown = ["-", "-"] if plain else shares
        figures = [f"{ccc_:.3f}", f"{lost:+.3f}", shown[0], f"{away:.4f}", shown[1], f"{spent:.1f}"]
        table.add_row(network, arm, *figures, kept)
    return table


def _mean(rows: list[Row], what: str) -> float:
    return float(np.mean([getattr(row, what) for row in rows]))


def _regained(lost: float, worst: float, least: float) -> str:
    """Say which share of a loss is back; of a loss below `least` a share says nothing."""
    return f"{1 - lost / worst:.0%}" if worst > least else "-"


if __name__ == "__main__":
    main()
