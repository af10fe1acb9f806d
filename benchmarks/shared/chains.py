"""What benchmarks of whole recipes share: chains of steps on every fold and seed, scored here and timed wherever.

Training and timing are two commands, because the machine that trains need not be the one that deploys: `train` leaves
in WORK/found what the tables need (answers, records, exported files of one fold): some megabytes to take along.
Chains share the steps they share, and a killed run goes on, by the same cache that `slim run` uses.
"""

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from shared.packed import packed_or_prepared

from slimaffect.bars import bars
from slimaffect.data import Clips, DataSettings
from slimaffect.data.synthetic import SyntheticSettings
from slimaffect.evaluate.answers import Answers
from slimaffect.evaluate.scores import score
from slimaffect.evaluate.versus import interval, versus
from slimaffect.execute import Execution, Plan, Task, execute, tasks_of
from slimaffect.execute.attempt import total
from slimaffect.execute.cache import Cache, write_json
from slimaffect.execute.deploy import COMPARED, answers_file
from slimaffect.execute.estimate import expected_seconds
from slimaffect.execute.view import TerminalView
from slimaffect.export.int8 import sample
from slimaffect.measure.contenders import agreeing, clip_reader, pairs
from slimaffect.measure.latency import measure_clips
from slimaffect.model.spec import ModelSpec
from slimaffect.steps import STEPS, Step

MARGIN = 0.03  # of CCC
DIGITS = 4  # of an answer that is kept: a CCC moves by less than 1e-5
FOUND = "found"


@dataclass(frozen=True)
class Chain:
    """Steps in their order, under a name."""

    name: str
    steps: tuple[Step, ...]


def chain(name: str, *lines: dict[str, Any]) -> Chain:
    """Read a chain from lines as a recipe has them: `{"prune": {"until": {"macs": 0.5}}}`."""
    return Chain(name, tuple(STEPS[word].model_validate(told) for line in lines for word, told in line.items()))


@dataclass(frozen=True)
class Job:
    """One chain on one fold with one seed."""

    chain: str
    held_out: str
    seed: int

    def file(self, work: Path, suffix: str) -> Path:
        """Return where a part of what was found lies."""
        name = self.chain.replace(",", "").replace(" ", "-")
        return work / FOUND / f"{name}.{self.held_out}.{self.seed}{suffix}"


def parser(about: str, quick: str) -> argparse.ArgumentParser:
    """Make the options that all of them have."""
    options = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help=quick)
    options.add_argument("--clips", type=Path, metavar="FOLDER", help="clips packed by benchmarks/pack.py")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="what trains")
    options.add_argument("--work", type=Path, metavar="FOLDER", help="where finished tasks are kept")
    options.add_argument("--train-only", action="store_true", help="leave what was found in WORK/found, time nothing")
    options.add_argument("--table", action="store_true", help="train nothing: time and score what WORK/found holds")
    options.add_argument("--json", type=Path, metavar="FILE", help="write the rows")
    return options


def screen() -> Console:
    """Print wide tables whole where nobody watches."""
    return Console(width=None if sys.stdout.isatty() else 160)


def clips_of(asked: argparse.Namespace, pixels: int, console: Console) -> Clips:
    """Read packed clips, or prepare the default data."""
    people = SyntheticSettings(subjects=8, seconds=10, sites=("S1", "S2")) if asked.quick else SyntheticSettings()
    with bars(console) as watch:
        return packed_or_prepared(asked.clips, DataSettings(pixels=pixels, synthetic=people), asked.workers, watch)


def train(
    chains: Sequence[Chain], spec: ModelSpec, clips: Clips, seeds: Sequence[int], asked: argparse.Namespace, work: Path
) -> None:
    """Do what is missing, fold by fold and seed by seed, and lay what was found beside it."""
    cache, console, on = Cache(work / "tasks"), screen(), {"device": asked.device}
    common: dict[str, Any] = {"model": spec, "threads": 1, "data": clips.fingerprint, "sites": clips.sites, **on}
    every = {one.name: tasks_of([one.steps], seeds=seeds, **common) for one in chains}
    plan = Plan([task for tasks in every.values() for task in tasks], cache)
    settings = Execution.model_validate({"workers": asked.workers, **on})
    with TerminalView(console, expected_seconds(plan.waiting.values(), cache), reused=len(plan.records)) as view:
        records = execute(plan, clips, cache, settings, view)
    for name, tasks in every.items():
        for task in tasks:
            _lay(name, task, records, cache, seeds[0], work)


def _lay(name: str, task: Task, records: Mapping[str, dict[str, Any]], cache: Cache, first: int, work: Path) -> None:
    """Copy answers and record of a finished task; of the first seed the files too."""
    assert task.held_out
    job, folder = Job(name, task.held_out, task.seed), cache.folder(task.key)
    figures = records[task.key]["figures"]
    exported = figures["exported"]
    flavour = next(flavour for flavour in exported["files"] if flavour != "s8s8")
    answers = Answers.load(answers_file(folder, flavour, "onnxruntime"))
    for one in answers.subjects:
        one.predicted[:] = np.round(one.predicted, DIGITS)
    answers.save(job.file(work, ".npz"))
    if task.seed == first:
        shutil.copyfile(folder / exported["files"][flavour], job.file(work, ".onnx"))
        shutil.copyfile(folder / exported["streams"][flavour], job.file(work, ".stream.onnx"))
    told = {
        "spec": figures["spec"],
        "flavour": flavour,
        "steps": task.settled,
        "found": {link.step: records[link.key]["figures"] for link in task.chain if not link.deploy},
        "cost": total([records[link.key]["cost"] for link in task.chain]),
        "own": {link.step: records[link.key]["cost"] for link in task.chain},
    }
    write_json(job.file(work, ".json"), told)


def whole(names: Sequence[str], sites: Sequence[str], seeds: Sequence[int], work: Path) -> dict[str, list[Job]]:
    """List the chains that are finished on all sites with all seeds."""
    jobs = {name: [Job(name, site, seed) for seed in seeds for site in sites] for name in names}
    return {name: found for name, found in jobs.items() if all(job.file(work, ".json").exists() for job in found)}


def score_row(name: str, jobs: Sequence[Job], against: Sequence[Job], work: Path) -> dict[str, Any]:
    """Score a chain, and compare it with another on the same resampled subjects."""
    answers, other = ([Answers.load(job.file(work, ".npz")) for job in given] for given in (jobs, against))
    scores, compared = score(answers), versus(other, answers, margin=MARGIN)
    told = [json.loads(job.file(work, ".json").read_text()) for job in jobs]
    return {
        "chain": name,
        "ccc": scores.ccc,
        "interval": list(interval(answers)),
        "sites": {site: one.ccc for site, one in scores.sites.items()},
        "seeds": list(scores.ccc_of_seeds),
        "delta": compared.delta,
        "delta_interval": list(compared.interval),
        "non_inferior": compared.non_inferior,
        "power": compared.power,
        "flavour": told[0]["flavour"],
        "train_cpu_s": statistics.fmean(one["cost"]["cpu_s"] for one in told),
        "train_s": statistics.fmean(one["cost"]["seconds"] for one in told),
        "examples": statistics.fmean(one["cost"]["examples"] for one in told),
    }


def timed(
    found: Mapping[str, Sequence[Job]],
    work: Path,
    clips: Clips,
    others: Mapping[str, Callable[[], object]],
    budget_s: float,
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Time each chain's file of the first fold and seed on one core, clip and stream, beside `others`, interleaved.

    Answers for each chain the figures of the fastest runtime that reads faces as ONNX Runtime does, whose answers are
    scored, and the figures of the others.
    """
    readers: dict[str, Callable[[], object]] = dict(others)
    for name, jobs in found.items():
        flavour = json.loads(jobs[0].file(work, ".json").read_text())["flavour"]
        files = {flavour: jobs[0].file(work, ".onnx")}
        agree, _ = agreeing(files, pairs(files, [flavour]), sample(clips, COMPARED, jobs[0].seed))
        for _, runtime in agree:
            for kind, suffix, frames in (("clip", ".onnx", 16), ("stream", ".stream.onnx", 1)):
                readers[f"{name}|{kind}|{runtime}"] = clip_reader(jobs[0].file(work, suffix), runtime, frames=frames)
    measured = measure_clips(readers, budget_s=budget_s * len(readers))
    rows: dict[str, dict[str, Any]] = {
        name: {"mb": jobs[0].file(work, ".onnx").stat().st_size / 1e6} for name, jobs in found.items()
    }
    for key in readers.keys() - others.keys():
        name, kind, runtime = key.split("|")
        took = 1e3 * measured[key].cpu_s_per_clip
        rows[name][f"{kind}_ms_{runtime}"] = took
        if took < rows[name].get(f"{kind}_ms", float("inf")):
            rows[name] |= {f"{kind}_ms": took, f"{kind}_runtime": runtime}
    return rows, {name: measured[name].record() for name in others}


def table(rows: Sequence[Mapping[str, Any]], against: str, times: Mapping[str, float]) -> Table:
    """Lay the rows out for a terminal; `times` are milliseconds that a clip is compared with, by heading."""
    more = [f"faster than {name}" for name in times]
    laid = Table(
        "chain", "CCC", "95 %", f"against {against}", "95 %", "within 0.03", "clip ms", "stream ms", "MB", *more
    )
    laid.add_column("CPU-s")
    for one in rows:
        clip = one.get("clip_ms")
        speed = ["-" if clip is None else f"{ms / clip:.1f}x" for ms in times.values()]
        laid.add_row(
            str(one["chain"]),
            f"{one['ccc']:.3f}",
            _span(one["interval"]),
            f"{one['delta']:+.3f}",
            _span(one["delta_interval"]),
            {True: "yes", False: "not shown", None: "-"}[one["non_inferior"]],
            *(_number(one.get(key)) for key in ("clip_ms", "stream_ms", "mb")),
            *speed,
            f"{one['train_cpu_s']:.0f}",
        )
    return laid


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _span(ends: Sequence[float] | None) -> str:
    return "-" if ends is None else f"{ends[0]:+.3f} to {ends[1]:+.3f}"
