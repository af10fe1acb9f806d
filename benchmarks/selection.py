"""What do clips that are left out cost? Every selector at four shares, all folds, scored on exported files.

Two comparisons with training on everything, on the same resampled subjects:

- equal epochs: an epoch on a tenth of the frames has a tenth of the steps, so the training costs a tenth;
- equal steps: the subset is trained for as many steps as everything is, so at about its total cost, which shows what
  was lost with the frames themselves.

`rs2` draws other frames of everything in every epoch of a share of the steps, which is to say that it trains on
everything for that share of the epochs: it is what a selector has to beat at equal cost, and at equal steps it would be
everything again. Cost is CPU seconds and examples of selection and training together, as a share of everything's.

`--scale` measures instead how fast the selectors are on millions of units of 128 features, and what memory they take.
The features lie in a memory-mapped file in --work (5 GB for ten million), which selectors read block by block. Two
figures of memory: what the process allocated (RssAnon, a floor that no pressure lowers), and its peak resident memory,
which counts pages of the file that the system keeps because nobody else wants the room.

Three seeds are 1,212 trainings. Finished ones are kept in --work, so it can be stopped.
"""

import argparse
import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from shared.arms import exported_session
from shared.each import each
from shared.packed import packed_or_prepared
from shared.where import where

from slimaffect.bars import bars
from slimaffect.data import Clips, DataSettings
from slimaffect.data.synthetic import SyntheticSettings
from slimaffect.evaluate.answers import Answers
from slimaffect.evaluate.scores import score
from slimaffect.evaluate.versus import interval, versus
from slimaffect.execute.cache import write_json
from slimaffect.run.places import Places
from slimaffect.select.choose import SELECTORS, select

EVERYTHING, RS2, EPOCHS, STEPS = "everything", "rs2", "equal epochs", "equal steps"
KEEPS = (0.5, 0.25, 0.1, 0.05)
WAYS = (*SELECTORS, RS2, "infobatch")
WIDTH, PER_SUBJECT, KEPT_AT_SCALE = 128, 5000, 0.1
NEAR = 0.02  # CCC below everything that the picture marks
ROWS = 100_000  # units that are drawn and written at once


@dataclass(frozen=True)
class Arm:
    """A selector, the share it keeps, and how long is trained on it."""

    by: str = EVERYTHING
    keep: float = 1.0
    at: str = EPOCHS


@dataclass(frozen=True)
class Job:
    """One training: an arm, the site it is tested on, and a seed."""

    arm: Arm
    held_out: str
    seed: int

    def file(self, work: Path) -> Path:
        """Return where its answers are kept; its cost lies beside them."""
        arm = f"{self.arm.by}-{self.arm.keep:g}-{self.arm.at.replace(' ', '-')}"
        return work / f"{arm}.{self.held_out}.{self.seed}.npz"


def main() -> None:
    """Train what is missing, then print the table."""
    options = _options()
    console = Console()
    rows = at_scale(options, console) if options.scale else against_everything(options, console)
    if options.json:
        asked: dict[str, object] = {}
        if not options.scale:
            asked = {"packed": bool(options.clips)}
            asked |= {name: getattr(options, name) for name in ("model", "epochs", "seeds")}
        options.json.write_text(json.dumps({**where(), **asked, "rows": rows}, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="12 short recordings, 2 selectors, 1 epoch: does it run?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw CCC against the kept share")
    parser.add_argument("--table", action="store_true", help="train nothing: print the arms that are whole")
    parser.add_argument("--by", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--keep", nargs="+", type=float, default=KEEPS)
    parser.add_argument("--at", nargs="+", choices=(EPOCHS, STEPS), default=(EPOCHS, STEPS), metavar="LENGTH")
    parser.add_argument("--model", default="reference", help="its shape")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="where finished arms are kept")
    parser.add_argument("--clips", type=Path, metavar="FOLDER", help="clips packed by benchmarks/pack.py")
    parser.add_argument("--scale", action="store_true", help="measure speed and memory on many units instead")
    parser.add_argument("--units", type=int, default=10_000_000)
    return parser.parse_args()


def against_everything(options: argparse.Namespace, console: Console) -> list[dict]:
    """Train every arm on every fold, and compare."""
    clips = _read(options, console)
    seeds, epochs = (range(1), 1) if options.quick else (range(options.seeds), options.epochs)
    words, keeps = (("stride", "k_center"), (0.25,)) if options.quick else (options.by, options.keep)
    arms = [Arm(), *(Arm(by, keep, at) for at, keep, by in product(options.at, keeps, words))]
    arms = [arm for arm in arms if arm.by != RS2 or arm.at == EPOCHS]
    work = (options.work or Places.choose().cache / "selection") / f"{clips.fingerprint[:12]}-{options.model}-{epochs}"
    jobs = [Job(arm, site, seed) for arm in arms for seed in seeds for site in clips.sites]
    if not options.table:
        _run([job for job in jobs if not job.file(work).exists()], clips, work, epochs, options, console)
    rows = list(_rows(arms, jobs, work))
    console.print(_table(rows))
    if options.picture and rows:
        _draw(rows, options.picture)
    return rows


def _read(options: argparse.Namespace, console: Console) -> Clips:
    """Read packed clips, or prepare the default data."""
    people = SyntheticSettings(subjects=12, seconds=20) if options.quick else SyntheticSettings()
    with bars(console) as watch:
        return packed_or_prepared(options.clips, DataSettings(synthetic=people), options.workers, watch)


def _run(
    jobs: Sequence[Job], clips: Clips, work: Path, epochs: int, options: argparse.Namespace, console: Console
) -> None:
    work.mkdir(parents=True, exist_ok=True)
    one = partial(_train, work, epochs, options.model)
    each(one, jobs, what="train", workers=options.workers, start=_start, given=(clips,), console=console)


_clips: list[Clips] = []


def _start(clips: Clips) -> None:
    import torch

    torch.set_num_threads(1)
    _clips.append(clips)


def _train(work: Path, epochs: int, model: str, job: Job) -> None:
    """Select, train, export and answer; the answers are written last, so that a job is whole or not there."""
    from slimaffect.execute.deploy import answer
    from slimaffect.execute.store import first_candidate
    from slimaffect.model.shapes import shape
    from slimaffect.steps.subset import Subset
    from slimaffect.steps.train import Train
    from slimaffect.train.journal import Journal, keeping

    clips, arm = _clips[0], job.arm
    training = clips.of_sites(site for site in clips.sites if site != job.held_out)
    spec = shape(model).model_copy(update={"pixels": clips.pixels})
    candidate = first_candidate(spec, training, job.seed)
    with keeping(Journal()) as journal:
        begun = time.process_time()
        if arm.by != EVERYTHING:
            candidate = Subset.model_validate({"keep": arm.keep, "by": arm.by}).apply(candidate)
        selected = time.process_time()
        length = epochs if arm.at == EPOCHS else round(epochs / steps_share(candidate.clips))
        candidate = Train(epochs=length).apply(candidate)
        trained = time.process_time()
    cost = {"selection_s": selected - begun, "training_s": trained - selected, "examples": journal.examples}
    job.file(work).with_suffix(".json").write_text(json.dumps(cost))
    with exported_session(candidate) as session:
        answer(session, clips.of_sites([job.held_out]), job.seed).save(job.file(work))


def steps_share(clips: Clips) -> float:
    """Share of the steps that an epoch takes; `infobatch` leaves out what it finds easy, about half of everything."""
    return clips.share * (1 - clips.spared / 2)


def _rows(arms: Sequence[Arm], jobs: Sequence[Job], work: Path) -> Iterator[dict]:
    """Compare arms that are whole with everything."""
    files = {arm: [job.file(work) for job in jobs if job.arm == arm] for arm in arms}
    whole = {arm: found for arm, found in files.items() if all(file.exists() for file in found)}
    if Arm() not in whole:
        return
    answers = {arm: [Answers.load(file) for file in found] for arm, found in whole.items()}
    costs = {arm: [json.loads(f.with_suffix(".json").read_text()) for f in found] for arm, found in whole.items()}
    full = _spent(costs[Arm()])
    for arm, given in answers.items():
        compared, spent = versus(answers[Arm()], given, margin=0.03), _spent(costs[arm])
        yield {
            "by": arm.by,
            "keep": arm.keep,
            "at": arm.at,
            "ccc": score(given).ccc,
            "interval": list(interval(given)),
            "delta": compared.delta,
            "delta_interval": list(compared.interval),
            "cpu_share": spent["cpu_s"] / full["cpu_s"],
            "selection_share": spent["selection_s"] / spent["cpu_s"],
            "examples_share": spent["examples"] / full["examples"],
        }


def _spent(costs: list[dict]) -> dict[str, float]:
    sums = {name: float(np.sum([cost[name] for cost in costs])) for name in costs[0]}
    return sums | {"cpu_s": sums["selection_s"] + sums["training_s"]}


def _table(rows: list[dict]) -> Table:
    table = Table(
        "kept", "by", "trained for", "CCC", "95 %", "against everything", "95 %", "CPU", "examples", "selecting"
    )
    for row in rows:
        table.add_row(
            f"{row['keep']:.0%}",
            row["by"],
            row["at"],
            f"{row['ccc']:.3f}",
            "{:.3f} to {:.3f}".format(*row["interval"]),
            f"{row['delta']:+.3f}",
            "{:+.3f} to {:+.3f}".format(*row["delta_interval"]),
            *(f"{row[name]:.1%}" for name in ("cpu_share", "examples_share", "selection_share")),
        )
    return table


def _draw(rows: list[dict], file: Path) -> None:
    """Draw a panel for each comparison that was made, a line for each selector; where epochs are equal, over cost."""
    import matplotlib.pyplot as plt

    made = [at for at in (EPOCHS, STEPS) if any(row["at"] == at and row["by"] != EVERYTHING for row in rows)]
    figure, axes = plt.subplots(1, len(made), figsize=(7 * len(made), 5.5), sharey=True, squeeze=False)
    full = next(row for row in rows if row["by"] == EVERYTHING)
    styles = {by: {"color": f"C{n % 10}", "marker": "os"[n // 10]} for n, by in enumerate(w for w in WAYS if w != RS2)}
    styles[RS2] = {"color": "black", "marker": "o", "linestyle": ":"}
    for axis, at in zip(axes[0], made, strict=True):
        over = "cpu_share" if at == EPOCHS else "keep"
        for by in (way for way in WAYS if any(row["by"] == way and row["at"] == at for row in rows)):
            points = sorted((r for r in rows if r["by"] == by and r["at"] == at), key=lambda row: row["keep"])
            shares, scores = ([r[name] for r in [*points, full]] for name in (over, "ccc"))
            axis.plot(shares, scores, markersize=4, label=by, **styles[by])
        axis.axhspan(*full["interval"], color="0.93", label="everything, 95 %")
        axis.axhline(full["ccc"] - NEAR, color="0.6", linewidth=0.8, linestyle="--")
        name = "everything's CPU-seconds, selection included" if at == EPOCHS else "labelled frames kept"
        axis.set(title=at, xscale="log", xlabel=f"share of {name}")
    axes[0, 0].set_ylabel("CCC leave-one-site-out, mean of valence and arousal")
    axes[0, 0].legend(fontsize="small")
    figure.savefig(file, bbox_inches="tight", dpi=110)


def at_scale(options: argparse.Namespace, console: Console) -> list[dict]:
    """Run each selector on drawn units, each in a process of its own so that its peak memory is its own."""
    units, work = 20_000 if options.quick else options.units, options.work or Places.choose().cache / "selection"
    words = [by for by in options.by if by in SELECTORS]
    table = Table("selector", "units a second", "CPU s", "allocated GB", "resident GB at most")
    table.title, rows = f"{units:,} units x {WIDTH}, a tenth kept", list[dict]()
    with bars(console) as watch:
        watch("draw features", 0, 1)
        features = features_file(units, work)
        for done, by in enumerate(words):
            watch(f"select by {by}", done, len(words))
            kept = work / f"{by}-{units}.json"
            if not kept.exists():
                with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                    timed = pool.submit(_timed, by, units, features).result()
                write_json(kept, {"by": by, "units": units, "width": WIDTH, **timed})
            row = json.loads(kept.read_text())
            rows.append(row)
            rate, seconds = units / row["seconds"], row["seconds"]
            table.add_row(by, f"{rate:,.0f}", f"{seconds:.1f}", f"{row['allocated_gb']:.2f}", f"{row['peak_gb']:.2f}")
    console.print(table)
    return rows


def features_file(units: int, folder: Path) -> Path:
    """Draw features into a file, some units at a time; a finished one is used again."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"features-{units}x{WIDTH}.npy"
    if file.exists():
        return file
    part, random = file.with_suffix(".part"), np.random.default_rng(0)
    mapped = np.lib.format.open_memmap(part, "w+", np.float32, (units, WIDTH))
    for first in range(0, units, ROWS):
        rows = mapped[first : first + ROWS]
        rows[:] = random.standard_normal(rows.shape, dtype=np.float32)
    mapped.flush()
    part.replace(file)
    return file


def _timed(by: str, units: int, file: Path) -> dict[str, float]:
    features = np.load(file, mmap_mode="r")
    labels = np.concatenate([np.tanh(features[n : n + ROWS, :2] / 2).astype(float) for n in range(0, units, ROWS)])
    groups = np.arange(units) // PER_SUBJECT
    with Allocated() as watched:
        begun = time.process_time()
        select(by, features, labels, groups, keep=KEPT_AT_SCALE, seed=0)  # pyright: ignore[reportArgumentType]
        seconds = time.process_time() - begun
    return {"seconds": seconds, "allocated_gb": watched.peak_gb, "peak_gb": _status_gb("VmHWM")}


class Allocated:
    """Watches from a thread how much memory of its own this process has, pages of mapped files left out."""

    def __init__(self) -> None:
        self.peak_gb, self._over = 0.0, threading.Event()

    def __enter__(self) -> "Allocated":
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.peak_gb = max(self.peak_gb, _status_gb("RssAnon"))
            if self._over.wait(0.02):
                return


def _status_gb(name: str) -> float:
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0]) * 1024 / 1e9


if __name__ == "__main__":
    sys.exit(main())
