"""What does a teacher add? One student on all four folds of the synthetic dataset, 3 seeds, scored on exported files.

Each arm is compared with the same student alone on the same resampled subjects, all of equal epochs:

- alone: trained on the labels, through the stages that are the defaults of `train`;
- plain: distilled from the fold's own teacher, a larger model trained on the same people;
- out of fold: distilled from cross-fitted teachers, none of which has seen the subject it speaks for;
- plain 2x, plain 4x: plain, and half of every batch comes from two or four times as many people without labels,
  drawn by the same generator with another seed (those of the held-out site are left out);
- out of fold 4x: both.

Measured on 28 November 2026 (`--teacher resnet8 --student micro`, all arms but the last, some 70 CPU-minutes on a core
with bfloat16): docs/methods/distill.md and results/reference/distillation.json. Finished arms are kept in --work, so it
can be stopped. The people without labels are drawn once, which takes its time too. Where there is a GPU:

    python benchmarks/distillation.py --clips FOLDER --workers 16 --device cuda --work WORK --json FILE
    python benchmarks/distillation.py --arms plain "out of fold" --clips FOLDER ...    # without people without labels
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from shared.arms import Job, answer_exported, parser, row, run, table, whole_arms
from shared.packed import packed_or_prepared, strangers
from shared.short import SHORT
from shared.where import where

from slimaffect.bars import bars
from slimaffect.data import Clips, DataSettings
from slimaffect.data.synthetic import SyntheticSettings
from slimaffect.data.synthetic.cast import takes
from slimaffect.run.places import Places

TEACHER, ALONE = "teacher", "alone"
ARMS = (TEACHER, ALONE, "plain", "out of fold", "plain 2x", "plain 4x", "out of fold 4x")
FOLDS = 4  # of the cross-fitted teachers
SHARE = 0.5  # of a batch without labels


def main() -> None:
    """Train what is missing, then print the table."""
    options = parser(__doc__ or "", "two sites, 8 + 32 short recordings, 1 seed, trainings of seconds: does it run?")
    options.add_argument("--teacher", default="reference", help="its shape")
    options.add_argument("--student", default="tiny", help="its shape")
    options.add_argument("--clips", type=Path, metavar="FOLDER", help="clips packed by benchmarks/pack.py")
    options.add_argument(
        "--arms", nargs="+", choices=ARMS, default=ARMS, metavar="ARM", help="only these, and what they need"
    )
    chosen, console = options.parse_args(), Console()
    cache = Places.choose().cache
    clips = clips_of(chosen, console)
    seeds, epochs = (range(1), 2) if chosen.quick else (range(chosen.seeds), chosen.epochs)
    labelled = replace(clips, unlabelled=None)  # arms without strangers serve those with them, asked for later
    kind = f"{labelled.fingerprint[:12]}-{chosen.teacher}-{chosen.student}-{epochs}"
    work = (chosen.work or cache / "distillation") / kind
    arms = [arm for arm in ARMS if arm in {TEACHER, ALONE, *chosen.arms}]
    jobs = [Job(arm, site, seed) for arm in arms for seed in seeds for site in clips.sites]
    if not chosen.table:
        do = train_quickly if chosen.quick else train_fully
        how = {"epochs": epochs, "workers": chosen.workers, "device": chosen.device}
        run(do, jobs, TEACHER, clips, work, console=console, **how)
    found = whole_arms(arms, clips.sites, seeds, work)
    rows = [row(arm, answers, found[ALONE]) for arm, answers in found.items()] if ALONE in found else []
    console.print(table(rows, f"{chosen.student} {ALONE}"))
    if chosen.json:
        told = {
            **where(),
            "rows": rows,
            "teacher": chosen.teacher,
            "student": chosen.student,
            "seeds": len(seeds),
            "epochs": epochs,
            "packed": bool(chosen.clips),
        }
        chosen.json.write_text(json.dumps(told, indent=1) + "\n")


def clips_of(chosen: argparse.Namespace, console: Console) -> Clips:
    """Read packed clips, or prepare the default data and, where an arm needs them, people without labels."""
    people = SyntheticSettings(subjects=8, seconds=10, sites=("S1", "S2")) if chosen.quick else SyntheticSettings()
    times = max(asked_times(arm) for arm in chosen.arms)
    with bars(console) as watch:
        settings = DataSettings(synthetic=people)
        if times and not chosen.clips:
            folder = strangers(people, times, chosen.workers, watch)
            settings = settings.model_copy(update={"unlabelled": str(folder)})
        return packed_or_prepared(chosen.clips, settings, chosen.workers, watch)


def asked_times(arm: str) -> int:
    """Say how many times as many people without labels an arm asks for.

    >>> asked_times("plain 4x"), asked_times("plain")
    (4, 0)
    """
    return int(arm.removesuffix("x")[-1]) if arm.endswith("x") else 0


def train_quickly(job: Job, clips: Clips, work: Path, epochs: int) -> None:
    """Do a job in the short form."""
    train(job, clips, work, {**SHORT, "epochs": epochs})


def train_fully(job: Job, clips: Clips, work: Path, epochs: int) -> None:
    """Do a job with the defaults of the steps."""
    train(job, clips, work, {"epochs": epochs})


def train(job: Job, clips: Clips, work: Path, settings: dict[str, Any]) -> None:
    """Train one arm on one fold, and keep what its exported file answers."""
    from slimaffect.execute.store import first_candidate
    from slimaffect.model.shapes import shape
    from slimaffect.model.store import load, save
    from slimaffect.steps.distill import Distill
    from slimaffect.steps.train import Train

    teacher, student = work.name.split("-")[1:3]
    training = with_strangers(clips, job.arm).without_site(job.held_out)
    spec = shape(teacher if job.arm == TEACHER else student).model_copy(update={"pixels": clips.pixels})
    candidate = first_candidate(spec, training, job.seed)
    if job.arm in (TEACHER, ALONE):
        candidate = Train(**settings).apply(candidate)
    else:
        taught = replace(candidate, model=load(replace(job, arm=TEACHER).model(work)))
        teachers = {"out_of_fold": FOLDS, "train": settings} if job.arm.startswith("out of fold") else {}
        share = SHARE if job.arm.endswith("x") else 0.0
        step = Distill.model_validate({"student": student, "teachers": teachers, "unlabelled": share, **settings})
        candidate = step.apply(taught)
    if job.arm == TEACHER:
        save(candidate.model, job.model(work))
    answer_exported(candidate, clips.of_sites([job.held_out]), job, work)


def with_strangers(clips: Clips, arm: str) -> Clips:
    """Keep as many people without labels as the arm asks for, the first ones that were drawn."""
    times = asked_times(arm)
    if not times or clips.unlabelled is None:
        return replace(clips, unlabelled=None)
    drawn = SyntheticSettings.model_validate({"subjects": times * len(clips.subjects), "sites": clips.sites})
    names = {take.subject for take in takes(drawn)}
    return replace(clips, unlabelled=clips.unlabelled.of_subjects(names))


if __name__ == "__main__":
    sys.exit(main())
