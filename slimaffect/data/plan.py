"""What preparing a dataset will take: hours, disk and memory, predicted from a sample of its recordings."""

import random
import shutil
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from math import sqrt
from pathlib import Path

from rich.table import Table

from slimaffect.callbacks import Watch, ignore
from slimaffect.data.hashes import sha256
from slimaffect.data.layout import Source, read_dataset
from slimaffect.data.prepare import check_detector, dataset_folder
from slimaffect.data.reading import Task, finder
from slimaffect.data.settings import DataSettings
from slimaffect.data.workers import each
from slimaffect.errors import DataError, VideoError
from slimaffect.meter import peak_mb

SECONDS = 20.0  # of each sampled video that are read
INDEX_BYTES = 80  # per frame in index.npz: times, box, score, angle, face, affect, valid


@dataclass(frozen=True)
class Header:
    """What a video's header and its folder say."""

    source: Source
    kind: str
    seconds: float
    bytes: int


@dataclass(frozen=True)
class Trial:
    """What reading the beginning of one video took, in a process of its own."""

    kind: str
    cpu_s_per_video_s: float
    hash_s_per_byte: float
    peak_mb: float | None


@dataclass(frozen=True)
class Plan:
    """The prediction.

    Attributes:
        recordings: that can be opened.
        unreadable: that cannot.
        video_hours: their length together.
        video_gb: their size on disk.
        sampled: recordings of which the beginning was read.
        cpu_hours: to prepare them all.
        cpu_hours_error: standard error of that, from the differences within kinds of video.
        hours: wall time with `workers` processes, each with a core to itself.
        workers: processes.
        disk_gb: of prepared crops.
        free_gb: on the cache's disk.
        worker_mb: peak resident memory of a worker, in 1e6 bytes; None where the system does not tell.
    """

    recordings: int
    unreadable: int
    video_hours: float
    video_gb: float
    sampled: int
    cpu_hours: float
    cpu_hours_error: float
    hours: float
    workers: int
    disk_gb: float
    free_gb: float
    worker_mb: float | None

    @property
    def fits(self) -> bool:
        """Whether the crops find room on the cache's disk."""
        return self.disk_gb < self.free_gb


def plan_dataset(
    settings: DataSettings,
    cache: Path,
    *,
    workers: int = 1,
    sample: int = 8,
    seconds: float = SECONDS,
    watch: Watch = ignore,
) -> Plan:
    """Read every header and the beginning of a few videos of each kind, and predict the rest.

    Kinds are codec and size of the picture; each is sampled, in proportion to its length and at least once.
    CPU-seconds are what is extrapolated, so that a busy machine does not spoil the prediction.

    Raises:
        DataError: there is no dataset, or none of its videos can be opened.
        ModelError: the detector's file is missing or another one.
    """
    dataset = read_dataset(dataset_folder(settings, cache, workers=workers, watch=watch))
    check_detector(settings)
    headers = _headers(dataset.sources, workers, watch)
    if not headers:
        raise DataError(f"{dataset.root}: none of {len(dataset.sources)} videos can be opened. Try `slim data check`.")
    chosen = choose(headers, sample)
    tries = [_Try(Task(h.source, dataset.facts, settings, Path()), h.kind, h.bytes, seconds) for h in chosen]
    # At least two processes, so that memory is that of a worker and not of this process.
    with closing(each(attempt, tries * (1 if len(tries) > 1 else 2), workers=max(2, workers))) as done:
        trials = []
        for task, trial in done:
            trials += [trial] if trial else []
            watch(f"tried {task.task.source.where}", len(trials), len(tries))
    if not trials:
        raise DataError(f"{dataset.root}: none of {len(tries)} sampled videos can be read. Try `slim data check`.")
    free_gb = shutil.disk_usage(_existing(cache)).free / 1e9
    return predict(headers, trials, len(dataset.sources), settings, workers=workers, free_gb=free_gb)


def predict(
    headers: Sequence[Header], trials: Sequence[Trial], recordings: int, settings: DataSettings, *, workers: int,
    free_gb: float,
) -> Plan:  # fmt: skip
    """From a few trials to all recordings, kind by kind; a kind without a trial costs the mean of the others."""
    decoding_s, error_s = _decoding(headers, trials)
    size = sum(header.bytes for header in headers)
    cpu_s = decoding_s + size * _mean([trial.hash_s_per_byte for trial in trials])
    longest_s = max(h.seconds for h in headers) * _mean([trial.cpu_s_per_video_s for trial in trials])
    video_s = sum(header.seconds for header in headers)
    frame = 3 * settings.pixels**2 + INDEX_BYTES
    return Plan(
        recordings=len(headers),
        unreadable=recordings - len(headers),
        video_hours=video_s / 3600,
        video_gb=size / 1e9,
        sampled=len(trials),
        cpu_hours=cpu_s / 3600,
        cpu_hours_error=error_s / 3600,
        hours=max(cpu_s / workers, longest_s) / 3600,
        workers=workers,
        disk_gb=video_s * settings.rate * frame / 1e9,
        free_gb=free_gb,
        worker_mb=max((trial.peak_mb for trial in trials if trial.peak_mb is not None), default=None),
    )


def _decoding(headers: Sequence[Header], trials: Sequence[Trial]) -> tuple[float, float]:
    """CPU-seconds of everything but hashing, and their standard error."""
    by_kind: dict[str, list[float]] = defaultdict(list)
    for trial in trials:
        by_kind[trial.kind].append(trial.cpu_s_per_video_s)
    everything = [trial.cpu_s_per_video_s for trial in trials]
    cpu_s, variance = 0.0, 0.0
    for kind in {header.kind for header in headers}:
        costs, length_s = by_kind[kind] or everything, sum(h.seconds for h in headers if h.kind == kind)
        cpu_s += length_s * _mean(costs)
        variance += (length_s * _error(costs if len(costs) > 1 else everything)) ** 2
    return cpu_s, sqrt(variance)


def choose(headers: Sequence[Header], sample: int) -> list[Header]:
    """Videos to try: of each kind in proportion to its length, at least one, drawn with a fixed seed."""
    kinds: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        kinds[header.kind].append(header)
    total_s = sum(header.seconds for header in headers) or 1.0
    draw, chosen = random.Random(0), []  # noqa: S311  no secret
    for _, same in sorted(kinds.items()):
        share = sum(header.seconds for header in same) / total_s
        chosen += draw.sample(same, min(len(same), max(1, round(sample * share))))
    return chosen


@dataclass(frozen=True)
class _Try:
    task: Task
    kind: str
    bytes: int
    seconds: float


def attempt(given: _Try) -> Trial | None:
    """Read the beginning of a video as preparation would, and hash it; None where that fails."""
    import cv2

    from slimaffect.video.faces import faces

    cv2.setNumThreads(1)
    task, settings = given.task, given.task.settings
    try:
        detector = finder(task)
        begun = time.process_time()
        seen = faces(task.source.video, detector, settings.faces, rate=settings.rate, pixels=settings.pixels)
        ticks = sum(1 for _ in islice(seen, round(given.seconds * settings.rate)))
        read = time.process_time()
        sha256(task.source.video)
        hashed = time.process_time()
    except (VideoError, OSError):
        return None
    cpu_s_per_video_s = (read - begun) * settings.rate / max(1, ticks)
    return Trial(given.kind, cpu_s_per_video_s, (hashed - read) / given.bytes, peak_mb())


def header(source: Source) -> Header | None:
    """Read a video's header; None where it cannot be opened."""
    from slimaffect.video.decode import probe

    try:
        facts = probe(source.video)
        seconds = facts.length_s or 0.0
        return Header(source, f"{facts.codec} {facts.width}x{facts.height}", seconds, source.video.stat().st_size)
    except (VideoError, OSError):
        return None


def _headers(sources: Sequence[Source], workers: int, watch: Watch) -> list[Header]:
    headers = []
    with closing(each(header, sources, workers=workers)) as done:
        for count, (source, found) in enumerate(done, 1):
            headers += [found] if found else []
            watch(f"read the header of {source.where}", count, len(sources))
    return sorted(headers, key=lambda found: found.source)


def plan_table(plan: Plan) -> Table:
    """The prediction for a terminal."""
    table = Table(title="Preparing this dataset", title_justify="left", show_header=False)
    unreadable = f" ({plan.unreadable} cannot be opened)" if plan.unreadable else ""
    table.add_row("videos", f"{plan.recordings}{unreadable}, {plan.video_hours:.2f} h, {plan.video_gb:.2f} GB")
    table.add_row("CPU", f"{plan.cpu_hours:.2f} ± {plan.cpu_hours_error:.2f} core-hours")
    table.add_row("time", f"{plan.hours:.2f} h with {plan.workers} workers, each with a core to itself")
    room = "" if plan.fits else ": too little room, set --cache to another disk"
    table.add_row("disk", f"{plan.disk_gb:.2f} GB of crops; {plan.free_gb:.0f} GB are free{room}")
    each = plan.worker_mb
    table.add_row("memory", f"{each:.0f} MB per worker, {each * plan.workers:.0f} MB together" if each else "-")
    table.caption = f"predicted from the beginnings of {plan.sampled} videos; crops are prepared once"
    return table


def _existing(folder: Path) -> Path:
    return next(f for f in (folder.absolute(), *folder.absolute().parents) if f.exists())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _error(values: Sequence[float]) -> float:
    """Standard error of the mean; 0 where there is one value."""
    if len(values) < 2:
        return 0.0
    mean = _mean(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))
