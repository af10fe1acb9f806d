"""Does `tune` find what random search finds, at a tenth of the cost? One fold of the synthetic dataset, 3 seeds.

Both search the same space (the default of `tune`) for the highest CCC on the same validation subjects, who belong to
training sites; the site S4 is held out and nobody looks at it.

- none: the settings that `train` has by default;
- random: 200 trainings at full size with settings drawn by chance; its best is the one of the highest CCC;
- random, equal cost: the first of these that cost together no more than `tune` did;
- tune: the step's search with its defaults, checks at full size included.

The best of many is lucky on the subjects that chose it, so each arm's settings are trained again with new seeds and
judged by the same subjects: that is the CCC to compare. Costs are CPU-seconds of everything before that.

Three seeds are 600 trainings for random search. `--one` lets all seeds be compared with one random search, that of seed
0, and judges everything by the subjects that chose its best: what `tune` found with other seeds was chosen by others.

Measured on 28 November 2026 (`--model micro --epochs 6 --one --again 6`), two cores of an AMD EPYC virtual machine:
docs/methods/tune.md and results/reference/tuning.json.

Finished jobs are kept in --work, so it can be stopped, and each is a process of its own, so --workers may be as many as
there are cores.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table
from shared.arms import parser
from shared.each import each
from shared.where import where

from slimaffect.bars import bars
from slimaffect.data import Clips, DataSettings, prepare
from slimaffect.data.synthetic import SyntheticSettings
from slimaffect.execute.cache import write_json
from slimaffect.run.places import Places

if TYPE_CHECKING:
    from slimaffect.search.trials import Trials

HELD_OUT = "S4"
ARMS = NONE, RANDOM, EQUAL, TUNE = "none", "random", "random, equal cost", "tune"
QUICK = {
    "frames": {"steps": 3, "batch": 16},
    "sequences": {"steps": 3, "batch": 4, "frames": 40},
    "end_to_end": {"steps": 2, "batch": 3, "frames": 24},
}


@dataclass(frozen=True)
class Job:
    """One process's work: a random trial, a search, or a training of what was found."""

    what: str
    seed: int
    number: int = 0

    def file(self, work: Path) -> Path:
        """Return where its figures are kept."""
        return work / f"{self.what.replace(', ', '-').replace(' ', '-')}.{self.seed}.{self.number}.json"


@dataclass(frozen=True)
class Setting:
    """What all jobs share."""

    model: str
    epochs: int
    quick: bool
    one: bool
    work: Path

    def of_random(self, seed: int) -> int:
        """Answer the seed of the random search that this seed is compared with."""
        return 0 if self.one else seed


def main() -> None:
    """Do what is missing, then print the table."""
    options = parser(__doc__ or "", "12 short recordings, 1 seed, 6 trials, trainings of a second: does it run?")
    options.add_argument("--trials", type=int, default=200, help="of random search")
    options.add_argument("--model", default="small", help="its shape")
    options.add_argument("--one", action="store_true", help="one random search for all seeds")
    options.add_argument("--again", type=int, default=3, help="trainings of what was found, with new seeds")
    chosen = options.parse_args()
    if chosen.quick:
        chosen.seeds, chosen.epochs, chosen.trials, chosen.again = 1, 3, 6, 1
    rows = compare(chosen, Console())
    if chosen.json:
        asked = {name: getattr(chosen, name) for name in ("model", "epochs", "seeds", "trials", "one", "again")}
        chosen.json.write_text(json.dumps({**where(), **asked, "rows": rows}, indent=1))


def compare(options: argparse.Namespace, console: Console) -> list[dict[str, Any]]:
    """Search by both, train what was found again, and compare."""
    people = SyntheticSettings(subjects=12, seconds=10) if options.quick else SyntheticSettings()
    with bars(console) as watch:
        found = prepare(DataSettings(synthetic=people), Places.choose().cache, workers=options.workers, watch=watch)
    clips = found.clips.without_site(HELD_OUT)
    work = (options.work or Places.choose().cache / "tuning") / (
        f"{clips.fingerprint[:12]}-{options.model}-{options.epochs}{'-quick' if options.quick else ''}"
    )
    setting = Setting(options.model, options.epochs, options.quick, options.one, work)
    seeds = range(options.seeds)
    searches = sorted({setting.of_random(seed) for seed in seeds})
    # The searches first: they are the longest jobs.
    first = [Job(TUNE, seed) for seed in seeds]
    first += [Job(RANDOM, seed, number) for number in range(options.trials) for seed in searches]
    second = [
        Job(f"again {arm}", seed, number)
        for arm in ARMS
        for seed in (searches if arm in {NONE, RANDOM} else seeds)
        for number in range(options.again)
    ]
    if not options.table:
        for jobs in (first, second):
            _run([job for job in jobs if not job.file(work).exists()], clips, setting, options, console)
    rows = _rows(setting, seeds, options) if all(job.file(work).exists() for job in (*first, *second)) else []
    console.print(_table(rows))
    return rows


def _run(jobs: Sequence[Job], clips: Clips, setting: Setting, options: argparse.Namespace, console: Console) -> None:
    setting.work.mkdir(parents=True, exist_ok=True)
    one, given = partial(_do, options.trials), (clips, setting)
    each(one, jobs, what="search and train", workers=options.workers, start=_start, given=given, console=console)


_shared: list[Any] = []


def _start(clips: Clips, setting: Setting) -> None:
    import torch

    torch.set_num_threads(1)
    _shared[:] = [clips, setting]


def _do(trials: int, job: Job) -> None:
    """Do a job and keep its figures; they are written last, so that a job is whole or not there."""
    begun, setting = time.process_time(), _shared[1]
    kind = job.what.split(" ")[0]
    figures = {RANDOM: _random, TUNE: _tune, "again": _again}[kind](job, setting, trials)
    write_json(job.file(setting.work), {"cpu_s": time.process_time() - begun, **figures})


def _trials(seed: int, setting: Setting) -> "Trials":
    from slimaffect.execute.store import first_candidate
    from slimaffect.meter import Meter
    from slimaffect.model.shapes import shape
    from slimaffect.search.trials import Trials
    from slimaffect.steps.tune import Tune

    clips = _shared[0]
    spec = shape(setting.model).model_copy(update={"pixels": clips.pixels})
    words = {"train": {"epochs": setting.epochs, **(QUICK if setting.quick else {})}}
    step = Tune.model_validate(words | ({"budget": {"trials": 4, "warm_up": 2}} if setting.quick else {}))
    candidate = first_candidate(spec, clips, seed)
    return Trials(candidate, step.train, step.space, step.proxy, step.budget, step.validation, meter=Meter().start())


def _random(job: Job, setting: Setting, _: int) -> dict[str, Any]:
    """Train at full size with settings drawn by chance."""
    from slimaffect.errors import RunError
    from slimaffect.search.space import to_values

    trials = _trials(job.seed, setting)
    point = np.random.default_rng([job.seed, job.number]).random(len(trials.space))
    values = to_values(point, trials.space, trials.knobs)
    try:
        ccc = trials.at_full_size(1.0, values, job.seed, lambda *_: None)
    except RunError as error:  # a rate that is too high counts as a trial
        return {"values": values, "ccc": None, "why": str(error)}
    return {"values": values, "ccc": ccc}


def _tune(job: Job, setting: Setting, _: int) -> dict[str, Any]:
    """Search as the step does, in a journal that survives a kill."""
    from slimaffect.search.space import value_at
    from slimaffect.search.trials import JOURNAL
    from slimaffect.train.journal import Journal, keeping

    folder = job.file(setting.work).with_suffix("")
    folder.mkdir(exist_ok=True)
    with keeping(Journal(folder)):
        trials = _trials(job.seed, setting)
        found = trials.search(None, tolerance=0.01)
        knobs, told = trials.recheck(found, (1.0, 0.5, 2.0))
    # After a kill the CPU-seconds of this process are not all: the journal has those of every trial.
    return {
        "values": {path: value_at(knobs, path) for path in trials.space},
        "ccc": told["validation_ccc"],
        "told": told,
        "journal": str(folder / JOURNAL),
        "cpu_s": told["spent"]["cpu_s"],
    }


def _again(job: Job, setting: Setting, trials: int) -> dict[str, Any]:
    """Train what an arm found with a new seed, and judge it by the same subjects."""
    searcher, arm = _trials(setting.of_random(job.seed), setting), job.what.removeprefix("again ")
    best = best_of(arm, job.seed, setting, trials)
    seed = 1000 * (job.seed + 1) + job.number
    return {"ccc": searcher.at_full_size(1.0, best["values"], seed, lambda *_: None)}


def best_of(arm: str, seed: int, setting: Setting, trials: int) -> dict[str, Any]:
    """Answer what an arm found: values, the CCC that chose them, and what that cost."""
    work, search = setting.work, setting.of_random(seed)
    if arm == NONE:
        return {"values": {}, "ccc": None, "cpu_s": 0.0, "tried": 0}
    if arm == TUNE:
        return json.loads(Job(TUNE, seed).file(work).read_text())
    tried = [json.loads(Job(RANDOM, search, number).file(work).read_text()) for number in range(trials)]
    if arm == EQUAL:
        tuned = json.loads(Job(TUNE, seed).file(work).read_text())
        within = np.cumsum([one["cpu_s"] for one in tried]) <= tuned["cpu_s"]
        tried = tried[: max(1, int(within.sum()))]
    best = max(tried, key=lambda one: -1.0 if one["ccc"] is None else one["ccc"])
    return best | {"cpu_s": sum(one["cpu_s"] for one in tried), "tried": len(tried)}


def _rows(setting: Setting, seeds: Sequence[int], options: argparse.Namespace) -> list[dict[str, Any]]:
    rows = []
    for seed in seeds:
        full = best_of(RANDOM, seed, setting, options.trials)
        for arm in ARMS:
            found = best_of(arm, seed, setting, options.trials)
            by = setting.of_random(seed) if arm in {NONE, RANDOM} else seed
            jobs = [Job(f"again {arm}", by, number) for number in range(options.again)]
            again = [json.loads(job.file(setting.work).read_text())["ccc"] for job in jobs]
            rows.append(
                {
                    "arm": arm,
                    "seed": seed,
                    "trainings": found["told"]["started"] if arm == TUNE else found["tried"],
                    "cpu_s": found["cpu_s"],
                    "cost": found["cpu_s"] / full["cpu_s"],
                    "chosen_by_ccc": found["ccc"],
                    "ccc": float(np.mean(again)),
                    "ccc_of_seeds": again,
                    "values": found["values"],
                    "frozen": found["told"]["frozen"] if arm == TUNE else None,
                }
            )
    return rows


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    laid = Table("seed", "arm", "trainings", "CPU s", "of random's", "CCC that chose", "CCC with new seeds", "frozen")
    for one in rows:
        laid.add_row(
            str(one["seed"]),
            one["arm"],
            str(one["trainings"]),
            f"{one['cpu_s']:.0f}",
            f"{one['cost']:.1%}",
            "-" if one["chosen_by_ccc"] is None else f"{one['chosen_by_ccc']:.3f}",
            f"{one['ccc']:.3f}",
            "-" if one["frozen"] is None else ", ".join(one["frozen"]) or "none",
        )
    return laid


if __name__ == "__main__":
    sys.exit(main())
