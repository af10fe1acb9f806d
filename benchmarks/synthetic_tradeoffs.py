"""Are the trade-offs of the synthetic dataset real? Every arm on all four folds, 3 seeds, scored on exported files.

What is compared, each arm against the reference on the same resampled subjects:

- frame: the same CNN without the LSTM, trained for as long; and frame + 2 s: its causal running mean, the control
  that an LSTM must beat to have learnt anything in time;
- tiny, micro: smaller students alone, and distilled from the fold's own reference;
- subjects 25 %: the reference trained on fewer people;
- site seen: half of the held-out site's people take the place of as many others in training, and the other half is
  tested; then the halves change places. Same number of training subjects as the reference.

On 22 November 2026, two cores of an AMD EPYC virtual machine: reference .716, its per-frame control .588 and .683 with
the 2 s mean, micro .553 alone and .582 distilled, a quarter of the subjects .651, half the site seen .739; intervals in
docs/synthetic.md, all rows in results/reference/synthetic_tradeoffs.json; the arms of tiny were not finished. About 90
minutes on two free cores. Finished arms are kept in --work, so it can be stopped.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from shared.arms import Job, answer_exported, parser, row, run, table, whole_arms

from slimaffect.bars import bars
from slimaffect.data import Clips, DataSettings, prepare
from slimaffect.data.synthetic import SyntheticSettings
from slimaffect.evaluate.answers import Answers
from slimaffect.run.places import Places

if TYPE_CHECKING:
    from slimaffect.train.candidate import Candidate

REFERENCE = "reference"
STUDENTS = ("tiny", "micro")

HALVES = ("first", "second")
ARMS = (
    REFERENCE,
    "frame",
    "micro",
    "micro distilled",
    "subjects 25 %",
    *(f"seen {half}" for half in HALVES),
    "tiny",
    "tiny distilled",
)  # in the order in which they are trained: stopped early, the first are whole
MEAN_S = 2.0


def main() -> None:
    """Train what is missing, then print the table."""
    options = parser(__doc__ or "", "12 short recordings, 1 seed, 3 epochs: does it run?").parse_args()
    console = Console()
    people = SyntheticSettings(subjects=12, seconds=20) if options.quick else SyntheticSettings()
    settings = DataSettings(synthetic=people)
    with bars(console) as watch:
        clips = prepare(settings, Places.choose().cache, workers=options.workers, watch=watch).clips
    seeds, epochs = (range(1), 3) if options.quick else (range(options.seeds), options.epochs)
    work = (options.work or Places.choose().cache / "tradeoffs") / f"{clips.fingerprint[:12]}-{epochs}"
    jobs = [Job(arm, site, seed) for arm in ARMS for seed in seeds for site in clips.sites]
    if not options.table:
        run(_train, jobs, REFERENCE, clips, work, epochs=epochs, workers=options.workers, console=console)
    rows = _rows(work, clips, list(seeds))
    console.print(table(rows, f"the {REFERENCE}"))
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, "seeds": len(seeds), "epochs": epochs}, indent=1))


def _train(job: Job, clips: Clips, work: Path, epochs: int) -> None:
    from slimaffect.model.store import save

    training, test = split(job, clips)
    candidate = _candidate(job, training, work, epochs)
    if job.arm == REFERENCE:
        save(candidate.model, job.model(work))
    answer_exported(candidate, test, job, work)


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
        teacher = load(replace(job, arm=REFERENCE).model(work))
        taught = replace(first_candidate(teacher.spec, training, job.seed), model=teacher)
        return Distill(student=name, epochs=epochs).apply(taught)
    return Train(epochs=epochs).apply(first_candidate(spec, training, job.seed))


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
    whole = whole_arms(ARMS, clips.sites, seeds, work)
    found = {arm: answers for arm, answers in whole.items() if not arm.startswith("seen")}
    found["frame + 2 s"] = [_smoothed(one, round(MEAN_S * clips.rate)) for one in found["frame"]]
    if {"seen first", "seen second"} <= whole.keys():
        pairs = zip(whole["seen first"], whole["seen second"], strict=True)
        found["site seen"] = [_joined(*pair, like) for pair, like in zip(pairs, found["reference"], strict=True)]
    order = ["reference", "frame + 2 s", *(arm for arm in found if arm not in ("reference", "frame + 2 s"))]
    rows = [row(arm, found[arm], found["reference"]) for arm in order]
    gains = [
        row(f"{s} distilled - {s}", found[f"{s} distilled"], found[s]) for s in STUDENTS if f"{s} distilled" in found
    ]
    return rows + [
        gain | {"ccc": None, "interval": None, "sites": None, "valence": None, "arousal": None} for gain in gains
    ]


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


if __name__ == "__main__":
    sys.exit(main())
