"""Are the trade-offs of the synthetic dataset real? Every arm on all four folds, 3 seeds, scored on exported files.

What is compared, each arm against the reference on the same resampled subjects:

- frame: the same CNN without the LSTM, trained for as long; and frame + 2 s: its causal running mean, the control
  that an LSTM must beat to have learnt anything in time;
- tiny, micro: smaller students alone, and distilled from the fold's own reference;
- subjects 25 %: the reference trained on fewer people;
- site seen: half of the held-out site's people take the place of as many others in training, and the other half is
  tested; then the halves change places. Same number of training subjects as the reference.

What this prints belongs into docs/synthetic.md; it was not run to its end yet. Finished arms are kept in --work, so
it can be stopped.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from slimaffect.data import Clips, DataSettings, prepare
from slimaffect.data.synthetic import SyntheticSettings
from slimaffect.evaluate.answers import Answers
from slimaffect.evaluate.bootstrap import interval, versus
from slimaffect.evaluate.scores import score
from slimaffect.execute.bars import bars
from slimaffect.run.places import Places

if TYPE_CHECKING:
    from slimaffect.train.candidate import Candidate

STUDENTS = ("tiny", "micro")

HALVES = ("first", "second")
ARMS = (
    "reference",
    "frame",
    "micro",
    "micro distilled",
    "subjects 25 %",
    *(f"seen {half}" for half in HALVES),
    "tiny",
    "tiny distilled",
)  # in the order in which they are trained: stopped early, the first are whole
MEAN_S = 2.0


@dataclass(frozen=True)
class Job:
    """One training: an arm, the site it is tested on, and a seed."""

    arm: str
    held_out: str
    seed: int

    def file(self, work: Path) -> Path:
        """Return where its answers are kept."""
        return work / f"{self.arm.replace(' ', '-').replace('%', 'percent')}.{self.held_out}.{self.seed}.npz"


def main() -> None:
    """Train what is missing, then print the table."""
    options = _options()
    console = Console()
    people = SyntheticSettings(subjects=12, seconds=20) if options.quick else SyntheticSettings()
    settings = DataSettings(synthetic=people)
    with bars(console) as watch:
        clips = prepare(settings, Places.choose().cache, workers=options.workers, watch=watch).clips
    seeds, epochs = (range(1), 3) if options.quick else (range(options.seeds), options.epochs)
    work = (options.work or Places.choose().cache / "tradeoffs") / f"{clips.fingerprint[:12]}-{epochs}"
    jobs = [Job(arm, site, seed) for arm in ARMS for seed in seeds for site in clips.sites]
    if not options.table:
        _run([job for job in jobs if not job.file(work).exists()], clips, work, epochs, options.workers, console)
    rows = _rows(work, clips, list(seeds))
    console.print(_table(rows))
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, "seeds": len(seeds), "epochs": epochs}, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="12 short recordings, 1 seed, 3 epochs: does it run?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows")
    parser.add_argument("--table", action="store_true", help="train nothing: print the arms that are whole")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="where finished arms are kept")
    return parser.parse_args()


def _run(jobs: Sequence[Job], clips: Clips, work: Path, epochs: int, workers: int, console: Console) -> None:
    """Train the references first: the distilled arms learn from them."""
    work.mkdir(parents=True, exist_ok=True)
    first = [job for job in jobs if job.arm == "reference"]
    with bars(console) as watch, ProcessPoolExecutor(workers, get_context("spawn"), _start, (clips,)) as pool:
        for what, batch in (("references", first), ("other arms", [job for job in jobs if job not in first])):
            futures = [pool.submit(_train, job, work, epochs) for job in batch]
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                watch(what, done, len(batch))


_clips: list[Clips] = []


def _start(clips: Clips) -> None:
    import torch

    torch.set_num_threads(1)
    _clips.append(clips)


def _train(job: Job, work: Path, epochs: int) -> None:
    import tempfile

    from slimaffect.execute.deploy import answer
    from slimaffect.export import export
    from slimaffect.model.store import save
    from slimaffect.runtime.session import open_model

    clips = _clips[0]
    training, test = split(job, clips)
    candidate = _candidate(job, training, work, epochs)
    if job.arm == "reference":
        save(candidate.model, _model(job, work))
    with tempfile.TemporaryDirectory() as folder:
        exported = export(candidate, Path(folder))
        session = open_model(exported.files["fp32"], runtime="onnxruntime")
        answer(session, test, job.seed).save(job.file(work))


def _candidate(job: Job, training: Clips, work: Path, epochs: int) -> "Candidate":
    from slimaffect.execute.store import first_candidate
    from slimaffect.model.shapes import shape
    from slimaffect.model.store import load
    from slimaffect.steps.distill import Distill
    from slimaffect.steps.train import Train

    name = job.arm.removesuffix(" distilled")
    spec = shape(name if name in STUDENTS else "reference").model_copy(update={"pixels": training.pixels})
    if job.arm == "frame":
        spec = spec.model_copy(update={"lstm": spec.lstm.model_copy(update={"layers": 0})})
    if job.arm.endswith("distilled"):
        teacher = load(_model(replace(job, arm="reference"), work))
        taught = replace(first_candidate(teacher.spec, training, job.seed), model=teacher)
        return Distill(student=name, epochs=epochs).apply(taught)
    return Train(epochs=epochs).apply(first_candidate(spec, training, job.seed))


def _model(job: Job, work: Path) -> Path:
    return job.file(work).with_suffix("")


def split(job: Job, clips: Clips) -> tuple[Clips, Clips]:
    """Choose who is trained on and who is tested."""
    random = np.random.default_rng([job.seed, clips.sites.index(job.held_out)])
    inside = list(clips.of_sites([job.held_out]).subjects)
    others = list(clips.of_sites(site for site in clips.sites if site != job.held_out).subjects)
    if job.arm.startswith("seen"):
        mixed = [str(name) for name in random.permutation(inside)]
        halves = mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]
        known, tested = halves if job.arm == "seen first" else halves[::-1]
        kept = [str(name) for name in random.permutation(others)[len(known) :]]
        return clips.of_subjects([*kept, *known]), clips.of_subjects(tested)
    if job.arm.startswith("subjects"):
        others = _some_of_each_site(clips, others, 0.25, random)
    return clips.of_subjects(others), clips.of_subjects(inside)


def _some_of_each_site(clips: Clips, names: list[str], share: float, random: np.random.Generator) -> list[str]:
    kept = []
    for site in clips.sites:
        here = [name for name in clips.of_sites([site]).subjects if name in names]
        kept += [str(name) for name in random.permutation(here)[: max(1, round(share * len(here)))]]
    return kept


def _rows(work: Path, clips: Clips, seeds: list[int]) -> list[dict]:
    def answers(arm: str) -> list[Answers]:
        return [Answers.load(Job(arm, site, seed).file(work)) for seed in seeds for site in clips.sites]

    whole = [
        arm for arm in ARMS if all(Job(arm, site, seed).file(work).exists() for seed in seeds for site in clips.sites)
    ]
    found = {arm: answers(arm) for arm in whole if not arm.startswith("seen")}
    found["frame + 2 s"] = [_smoothed(one, round(MEAN_S * clips.rate)) for one in found["frame"]]
    if {"seen first", "seen second"} <= set(whole):
        pairs = zip(answers("seen first"), answers("seen second"), strict=True)
        found["site seen"] = [_joined(*pair, like) for pair, like in zip(pairs, found["reference"], strict=True)]
    order = ["reference", "frame + 2 s", *(arm for arm in found if arm not in ("reference", "frame + 2 s"))]
    rows = [_row(arm, found[arm], found["reference"]) for arm in order]
    gains = [
        _row(f"{s} distilled - {s}", found[f"{s} distilled"], found[s]) for s in STUDENTS if f"{s} distilled" in found
    ]
    return rows + [
        row | {"ccc": None, "interval": None, "sites": None, "valence": None, "arousal": None} for row in gains
    ]


def _row(arm: str, answers: list[Answers], against: list[Answers]) -> dict:
    scores, compared = score(answers), versus(against, answers, margin=0.03)
    return {
        "arm": arm,
        "ccc": scores.ccc,
        "interval": list(interval(answers)),
        "valence": scores.ccc_valence,
        "arousal": scores.ccc_arousal,
        "sites": {site: one.ccc for site, one in scores.sites.items()},
        "seeds": list(scores.ccc_of_seeds),
        "delta": compared.delta,
        "delta_interval": list(compared.interval),
    }


def _smoothed(answers: Answers, frames: int) -> Answers:
    people = tuple(replace(one, predicted=causal_mean(one.predicted, frames)) for one in answers.subjects)
    return replace(answers, subjects=people)


def causal_mean(series: np.ndarray, frames: int) -> np.ndarray:
    """Average each moment with those before it, at most `frames` in all.

    >>> causal_mean(np.array([[1.0], [3.0], [5.0]]), 2).ravel().tolist()
    [1.0, 2.0, 4.0]
    """
    sums = np.concatenate([np.zeros((1, series.shape[1])), np.cumsum(series, axis=0, dtype=np.float64)])
    end = np.arange(1, len(series) + 1)
    begin = np.maximum(end - frames, 0)
    return (sums[end] - sums[begin]) / (end - begin)[:, None]


def _joined(first: Answers, second: Answers, like: Answers) -> Answers:
    people = {one.subject: one for one in (*first.subjects, *second.subjects)}
    return replace(like, subjects=tuple(people[one.subject] for one in like.subjects))


def _table(rows: list[dict]) -> Table:
    table = Table("arm", "CCC", "95 %", "valence", "arousal", "sites", "against the reference", "95 %")
    for row in rows:
        table.add_row(
            row["arm"],
            _number(row["ccc"]),
            _span(row["interval"]),
            _number(row["valence"]),
            _number(row["arousal"]),
            " ".join(_number(ccc) for ccc in row["sites"].values()) if row["sites"] else "-",
            f"{row['delta']:+.3f}",
            _span(row["delta_interval"]),
        )
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _span(ends: list[float] | None) -> str:
    return "-" if ends is None else f"{ends[0]:+.3f} to {ends[1]:+.3f}"


if __name__ == "__main__":
    sys.exit(main())
