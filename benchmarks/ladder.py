"""From a plain training to a cheap one, one lever at a time: what each saves, and what it costs in accuracy.

The baseline trains a model (--model) leave-one-site-out as one would without this package: it decodes the videos in
every epoch, 25 frames a second, crops of 96 pixels, float32, every frame in every epoch, and 16 settings tried at full
size in each fold. The rungs, each added to those before it, those first that are meant to lose nothing:

- decode once: crops are prepared once and mapped from disk;
- frame rate: 12.5 frames a second;
- pixels: crops of 48 pixels;
- precision: bfloat16 where the processor has it, and kernels that lie in memory as pictures do;
- schedule: the three stages of `train`, an epoch of which is a fixed number of steps, for --short epochs;
- backbone: another shape (--other);
- trials: `tune` with 16 trials on proxies, the best of them tried at full size beside no search, in the place of 16
  trainings;
- subset: a quarter of each subject's clips, evenly in time, trained twice as long as their share.

Each rung is also taken alone, all else as in the baseline. Costs are CPU-seconds of everything: decoding, selection,
training, search. What was measured and what was counted from it: every arm is trained once in each fold with each seed,
on all sites but one, and scored by its exported file on that one. Decoding in every epoch is one measured decoding of
the fold's videos times the epochs; decoding once changes no training, so it shares the baseline's. The 16 trials are 16
times the measured training. `tune` is run and measured wherever it stands in the ladder; alone it would be a search at
baseline cost in every fold, and is left out unless --everything is given. Other rungs that are trained alone may be
so on some folds only (--alone), and are then compared with the baseline of these. Every way is scored at all frames of
the baseline's rate: one that sees every second frame holds each answer for two.
Packing folds on one device is no lever on a CPU, where each process has its own core, so it is not here.

Changes of CCC are against the baseline, on the same resampled subjects. The baseline's trials are not trained, so its
CCC is that of the default settings.

What it came to is told in docs/ladder.md. With `reference` one fold is two core-hours where there is bfloat16; finished
jobs are kept in --work, so it can be stopped.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from shared.arms import Job as Answered
from shared.arms import exported_session, parser
from shared.each import each
from shared.rungs import draw, table
from shared.where import where

from slimaffect.bars import bars
from slimaffect.data import Clips, DataSettings, prepare
from slimaffect.data.prepare import Prepared, dataset_folder
from slimaffect.data.synthetic import SyntheticSettings
from slimaffect.evaluate.answers import Answers
from slimaffect.evaluate.scores import score
from slimaffect.evaluate.versus import versus
from slimaffect.execute.cache import write_json
from slimaffect.run.places import Places

if TYPE_CHECKING:
    from slimaffect.runtime.session import Session
    from slimaffect.steps.train import Train
    from slimaffect.train.candidate import Candidate

BASELINE = "baseline"
RUNGS = ("decode once", "frame rate", "pixels", "precision", "schedule", "backbone", "trials", "subset")
RATE, PIXELS = 25.0, 96  # frames a second and side of the crops, of the baseline; its rungs halve them
TRIED = 16  # settings in each fold of the baseline
BATCH, WINDOWS, WINDOW, UNSCORED = 128, 6, 52, 20  # frames, as in the defaults of `train`


@dataclass(frozen=True)
class Way:
    """One way to train: the rungs that are taken."""

    name: str
    taken: tuple[str, ...]

    @property
    def data(self) -> tuple[float, int]:
        """Frames a second, and the side of the crops."""
        return RATE / (2 if "frame rate" in self.taken else 1), PIXELS // (2 if "pixels" in self.taken else 1)

    @property
    def training(self) -> str:
        """Name what is trained: how often videos are decoded changes no training, so two ways may share one."""
        return ", ".join(rung for rung in self.taken if rung != "decode once") or BASELINE


@dataclass(frozen=True)
class Job:
    """A way on one fold with one seed."""

    way: Way
    held_out: str
    seed: int

    @property
    def answered(self) -> Answered:
        """Where its answers lie."""
        return Answered(self.way.training, self.held_out, self.seed)

    def file(self, work: Path) -> Path:
        """Return where its costs are kept; they are written last."""
        return self.answered.file(work).with_suffix(".json")


@dataclass(frozen=True)
class Setting:
    """What all jobs share."""

    work: Path
    epochs: int
    short: int  # epochs of the rung `schedule`
    quick: bool
    people: SyntheticSettings
    cache: Path
    models: tuple[str, str]  # shapes of the baseline and of the rung `backbone`

    def prepared(self, rate: float, pixels: int) -> Prepared:
        """Answer the crops of a kind, which are prepared once, each kind in a cache of its own."""
        settings = DataSettings(synthetic=self.people, rate=rate, pixels=pixels)
        return prepare(settings, self.work / f"crops-{rate:g}-{pixels}", workers=1)


def ways(*, everything: bool) -> tuple[list[Way], list[Way]]:
    """List the ladder from its baseline on, and every rung alone."""
    ladder = [Way(f"+ {rung}", RUNGS[: number + 1]) for number, rung in enumerate(RUNGS)]
    alone = [Way(f"{rung} alone", (rung,)) for rung in RUNGS if everything or rung != "trials"]
    return [Way(BASELINE, ()), *ladder], alone


def main() -> None:
    """Do what is missing, then print the ladder."""
    options = parser(__doc__ or "", "12 short recordings, 1 seed, trainings of seconds: does it run?")
    options.set_defaults(seeds=1, epochs=10)
    options.add_argument("--model", default="reference", help="shape of the baseline")
    options.add_argument("--other", default="small", help="shape of the rung `backbone`")
    options.add_argument("--short", type=int, default=12, help="epochs of the rung `schedule`")
    options.add_argument("--sites", nargs="+", metavar="SITE", help="sites that are held out in turn; all")
    options.add_argument("--alone", nargs="+", metavar="SITE", help="those of them for rungs taken alone; all of them")
    options.add_argument("--everything", action="store_true", help="search alone too")
    options.add_argument("--picture", type=Path, metavar="FILE", help="draw the ladder")
    chosen = options.parse_args()
    rows = climb(chosen, Console())
    if chosen.json:
        asked = {
            name: getattr(chosen, name) for name in ("model", "other", "seeds", "epochs", "short", "sites", "alone")
        }
        chosen.json.write_text(json.dumps({**where(), **asked, "rows": rows}, indent=1))
    if chosen.picture and rows:
        draw(rows, chosen.picture)


def climb(options: argparse.Namespace, console: Console) -> list[dict[str, Any]]:
    """Train what is missing and put the rows together."""
    quick = SyntheticSettings(subjects=12, seconds=10)
    people, cache = quick if options.quick else SyntheticSettings(), Places.choose().cache
    seeds, epochs = (1, 1) if options.quick else (options.seeds, options.epochs)
    short, models = 1 if options.quick else options.short, (options.model, options.other)
    kind = f"{people.subjects}-{people.seconds:g}-{epochs}-{short}"
    work = (options.work or cache / "ladder") / "-".join((kind, *models))
    work.mkdir(parents=True, exist_ok=True)
    setting = Setting(work, epochs, short, options.quick, people, cache, models)
    ladder, alone = ways(everything=options.everything)
    every = [*ladder, *alone]
    decoding = {way.data: decoded(way.data, setting, options.workers, console) for way in every}
    sites = options.sites or people.sites
    shared = {way.training for way in ladder}  # these trainings are there on every site
    jobs = [
        Job(way, site, seed)
        for way in every
        for seed in range(seeds)
        for site in (sites if way.training in shared else options.alone or sites)
    ]
    if not options.table:
        missing = {job.file(work): job for job in reversed(jobs) if not job.file(work).exists()}
        _run([*missing.values()][::-1], setting, options.workers, console)
    whole = [way for way in every if all(job.file(work).exists() for job in jobs if job.way == way)]
    rows = [] if every[0] not in whole else [_row(way, every[0], jobs, decoding, setting) for way in whole]
    console.print(table(rows))
    return rows


def decoded(data: tuple[float, int], setting: Setting, workers: int, console: Console) -> dict[str, float]:
    """Prepare a kind of crops in a cache of its own, and answer what that cost; a second call reads what it wrote."""
    kept = setting.work / f"decoding-{data[0]:g}-{data[1]}.json"
    settings = DataSettings(synthetic=setting.people, rate=data[0], pixels=data[1])
    with bars(console) as watch:
        dataset_folder(settings, setting.cache, workers=workers, watch=watch)  # draws the videos, which is no cost
    if not kept.exists():
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            spent = pool.submit(_prepared_alone, settings, setting).result()
        write_json(kept, spent)
    return json.loads(kept.read_text())


def _prepared_alone(settings: DataSettings, setting: Setting) -> dict[str, float]:
    """Decode, find faces and crop once, in one process so that its CPU time is all there is."""
    found = setting.prepared(settings.rate, settings.pixels)
    once = time.process_time()
    _decode(found.dataset.sources[0].video, settings.rate)
    seconds = len(found.clips.recordings[0]) / settings.rate
    per_second = (time.process_time() - once) / seconds
    return {"prepare_cpu_s": once, "decode_cpu_s_per_s": per_second}


def _decode(video: Path, rate: float) -> None:
    from slimaffect.video.decode import frames

    for _ in frames(video, rate=rate):
        pass


def _run(jobs: Sequence[Job], setting: Setting, workers: int, console: Console) -> None:
    each(partial(_train, setting), jobs, what="train", workers=workers, start=_start, console=console)


def _start() -> None:
    import torch

    torch.set_num_threads(1)


def _train(setting: Setting, job: Job) -> None:
    """Select, search, train, export and answer."""
    from slimaffect.execute.store import first_candidate
    from slimaffect.model.shapes import shape
    from slimaffect.steps.subset import Subset
    from slimaffect.train.journal import Journal, keeping

    rate, pixels = job.way.data
    clips, taken = setting.prepared(rate, pixels).clips, job.way.taken
    training = clips.without_site(job.held_out)
    spec = shape(setting.models["backbone" in taken]).model_copy(update={"pixels": pixels})
    candidate = first_candidate(spec, training, job.seed)
    with keeping(Journal()) as journal:  # without checkpoints: one that is stopped begins anew, and its bill is whole
        begun = time.process_time()
        if "subset" in taken:
            candidate = Subset(keep=0.25, by="stride").apply(candidate)
        selected = time.process_time()
        candidate = _trained(candidate, training, job.way, setting)
        trained = time.process_time()
    scored = setting.prepared(RATE, PIXELS).clips.of_sites([job.held_out])
    with exported_session(candidate) as session:
        held = answer_held(session, clips.of_sites([job.held_out]), scored, job.seed)
    held.save(job.answered.file(setting.work))
    video_s = sum(len(recording) for recording in training.recordings) / rate
    cost = {"selection_s": selected - begun, "training_s": trained - selected, "video_s": video_s}
    write_json(job.file(setting.work), cost | {"examples": journal.examples, "trainings": journal.trainings})


def answer_held(session: "Session", seen: Clips, scored: Clips, seed: int) -> Answers:
    """Answer to what is seen, and hold each answer until the next at the times that are scored."""
    from slimaffect.execute.deploy import of_subjects

    held = []
    for fewer, every in zip(seen.recordings, scored.recordings, strict=True):
        # Frames lie on whole multiples of the rate, so a quarter of one is rounding, and no neighbour.
        last = np.searchsorted(fewer.times, every.times + 0.25 / scored.rate, side="right") - 1
        held.append(session.recording(fewer.frames)[last])
    return of_subjects(scored, held, seed)


def _trained(candidate: "Candidate", training: Clips, way: Way, setting: Setting) -> "Candidate":
    from slimaffect.steps.tune import Tune

    train = schedule(training, way, setting)
    if "trials" not in way.taken:
        return train.apply(candidate)
    words = {"train": train.model_dump(exclude={"weights"})}
    tried = 3 if setting.quick else TRIED
    few = {"budget": {"trials": tried, "warm_up": tried}, "recheck": [1.0]}
    return Tune.model_validate(words | few).apply(candidate)


def schedule(training: Clips, way: Way, setting: Setting) -> "Train":
    """Make the training: every frame in every epoch, half of them under a head and half end to end, or our own."""
    from slimaffect.steps.train import Train

    amp = "auto" if "precision" in way.taken else "off"
    if "schedule" in way.taken:
        # On a subset an epoch has as many fewer steps, and there are twice as many epochs.
        longer = 2 if "subset" in way.taken else 1
        return Train.model_validate({"epochs": setting.short * longer, "amp": amp})
    frames = sum(len(recording) for recording in training.recordings)
    windows = {"batch": WINDOWS, "frames": WINDOW, "unscored": UNSCORED}
    stages = {
        "frames": {"share": 0.5, "steps": max(1, frames // BATCH), "batch": BATCH},
        "sequences": {"share": 0.0},
        "end_to_end": {"share": 0.5, "steps": max(1, frames // (WINDOWS * WINDOW)), **windows},
    }
    return Train.model_validate({"epochs": setting.epochs, "amp": amp, **stages})


def _row(
    way: Way, baseline: Way, jobs: Sequence[Job], decoding: dict[tuple[float, int], dict[str, float]], setting: Setting
) -> dict[str, Any]:
    """Add up a way's costs over folds and seeds, and compare it with the baseline on the same folds."""
    sites = {job.held_out for job in jobs if job.way == way}
    jobs = [job for job in jobs if job.held_out in sites]
    answers = {one: _answers(one, jobs, setting.work) for one in (way, baseline)}
    compared = versus(answers[baseline], answers[way], margin=0.03)
    costs = {one: _costs(one, jobs, decoding, setting) for one in (way, baseline)}
    return {
        "way": way.name,
        "sites": sorted(sites),
        "taken": list(way.taken),
        "ccc": score(answers[way]).ccc,
        "delta": compared.delta,
        "delta_interval": list(compared.interval),
        **costs[way],
        "factor": costs[baseline]["cpu_s"] / costs[way]["cpu_s"],
        "factor_of_one_training": costs[baseline]["one_training_s"] / costs[way]["one_training_s"],
    }


def _answers(way: Way, jobs: Sequence[Job], work: Path) -> list[Answers]:
    return [Answers.load(job.answered.file(work)) for job in jobs if job.way == way]


def _costs(
    way: Way, jobs: Sequence[Job], decoding: dict[tuple[float, int], dict[str, float]], setting: Setting
) -> dict[str, float]:
    """Sum over folds and seeds; what was counted and not measured is said in the file's first lines."""
    told = [json.loads(job.file(setting.work).read_text()) for job in jobs if job.way == way]
    spent = {name: float(np.sum([one[name] for one in told])) for name in told[0]}
    of_videos = decoding[way.data]
    epochs = setting.short if "schedule" in way.taken else setting.epochs
    again = of_videos["decode_cpu_s_per_s"] * spent["video_s"] * epochs
    decode = of_videos["prepare_cpu_s"] if "decode once" in way.taken else again
    times = 1 if "trials" in way.taken else TRIED
    # Crops that lie on disk serve every trial, fold and seed; decoding in every epoch is paid in each of them.
    decode_s = decode if "decode once" in way.taken else decode * times
    return {
        "decode_s": decode_s,
        "selection_s": spent["selection_s"],
        "training_s": spent["training_s"] * times,
        "one_training_s": (decode if "decode once" not in way.taken else 0.0) + spent["training_s"],
        "cpu_s": decode_s + spent["selection_s"] + spent["training_s"] * times,
        "examples": spent["examples"] * times,
        "trainings": spent["trainings"] * times,
    }


if __name__ == "__main__":
    sys.exit(main())
