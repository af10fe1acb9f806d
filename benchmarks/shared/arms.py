"""What benchmarks of accuracy share: arms on every fold and seed, kept as they finish and compared by subject."""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from shared.each import each

from slimaffect.data import Clips
from slimaffect.evaluate.answers import Answers
from slimaffect.evaluate.scores import score
from slimaffect.evaluate.versus import interval, versus

if TYPE_CHECKING:
    from slimaffect.runtime.session import Session
    from slimaffect.train.candidate import Candidate


@dataclass(frozen=True)
class Job:
    """One training: an arm, the site it is tested on, and a seed."""

    arm: str
    held_out: str
    seed: int

    def file(self, work: Path) -> Path:
        """Return where its answers are kept."""
        return work / f"{self.arm.replace(' ', '-').replace('%', 'percent')}.{self.held_out}.{self.seed}.npz"

    def model(self, work: Path) -> Path:
        """Return the folder where its model is kept, if other arms start from it."""
        return self.file(work).with_suffix("")


Do = Callable[[Job, Clips, Path, int], None]
"""Does a job on the clips, keeps its answers in the folder, and trains for so many epochs."""


def parser(about: str, quick: str) -> argparse.ArgumentParser:
    """Make the options that all of them have."""
    options = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help=quick)
    options.add_argument("--json", type=Path, metavar="FILE", help="write the rows")
    options.add_argument("--table", action="store_true", help="train nothing: print the arms that are whole")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--epochs", type=int, default=12)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="what trains")
    options.add_argument("--work", type=Path, metavar="FOLDER", help="where finished arms are kept")
    return options


def run(
    do: Do,
    jobs: Sequence[Job],
    first: str,
    clips: Clips,
    work: Path,
    *,
    epochs: int,
    workers: int,
    console: Console,
    device: str = "cpu",
) -> None:
    """Do what is missing, one process each; the arm `first` comes first, for others start from its models."""
    work.mkdir(parents=True, exist_ok=True)
    missing = [job for job in jobs if not job.file(work).exists()]
    early, late = ([job for job in missing if (job.arm == first) is wanted] for wanted in (True, False))
    one = partial(_do, do, work, epochs)
    for what, batch in ((first, early), ("other arms", late)):
        each(one, batch, what=what, workers=workers, start=_start, given=(clips, device), console=console)


_given: list[tuple[Clips, str]] = []


def _start(clips: Clips, device: str) -> None:
    import torch

    torch.set_num_threads(1)
    _given.append((clips, device))


def _do(do: Do, work: Path, epochs: int, job: Job) -> None:
    from slimaffect.train.device import computing_on

    clips, device = _given[0]
    with computing_on(device):
        do(job, clips, work, epochs)


def answer_exported(candidate: "Candidate", test: Clips, job: Job, work: Path) -> None:
    """Export, let the file answer to the tested recordings, and keep what it says."""
    from slimaffect.execute.deploy import answer

    with exported_session(candidate) as session:
        answer(session, test, job.seed).save(job.file(work))


@contextmanager
def exported_session(candidate: "Candidate") -> Iterator["Session"]:
    """Open what a candidate exports in float32; the file is gone afterwards."""
    from slimaffect.export import export
    from slimaffect.runtime.session import open_model

    with tempfile.TemporaryDirectory() as folder:
        yield open_model(export(candidate, Path(folder)).files["fp32"], runtime="onnxruntime")


def whole_arms(arms: Sequence[str], sites: Sequence[str], seeds: Sequence[int], work: Path) -> dict[str, list[Answers]]:
    """Read the answers of every arm that is finished on all sites with all seeds."""
    jobs = {arm: [Job(arm, site, seed) for seed in seeds for site in sites] for arm in arms}
    return {
        arm: [Answers.load(job.file(work)) for job in of_arm]
        for arm, of_arm in jobs.items()
        if all(job.file(work).exists() for job in of_arm)
    }


def row(arm: str, answers: list[Answers], against: list[Answers]) -> dict[str, Any]:
    """Score an arm, and compare it with another on the same resampled subjects."""
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


def table(rows: Sequence[dict[str, Any]], against: str) -> Table:
    """Lay the rows out for a terminal."""
    laid = Table("arm", "CCC", "95 %", "valence", "arousal", "sites", f"against {against}", "95 %")
    for one in rows:
        laid.add_row(
            one["arm"],
            _number(one["ccc"]),
            _span(one["interval"]),
            _number(one["valence"]),
            _number(one["arousal"]),
            " ".join(_number(ccc) for ccc in one["sites"].values()) if one["sites"] else "-",
            f"{one['delta']:+.3f}",
            _span(one["delta_interval"]),
        )
    return laid


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _span(ends: list[float] | None) -> str:
    return "-" if ends is None else f"{ends[0]:+.3f} to {ends[1]:+.3f}"
