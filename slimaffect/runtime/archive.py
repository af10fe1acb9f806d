"""Many videos to tables of affect: what is finished is kept, what cannot be read is listed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from slimaffect.callbacks import Watch
from slimaffect.errors import VideoError
from slimaffect.runtime.job import OURS, How, Job, Outcome, do, finished
from slimaffect.video.decode import probe

VIDEOS = {".mp4", ".m4v", ".mov", ".3gp", ".mkv", ".webm", ".avi"}
KILLED = "kills the process that decodes it. Convert it, e.g. to H.264 in mp4."

Each = Callable[[Callable[[Job], Outcome], Sequence[Job]], Iterable[tuple[Job, Outcome | None]]]
"""Does every job, here or in other processes, and yields each with its outcome; None for one that killed them."""


def predict(listed: Sequence[Job], *, fresh: bool, each: Each, watch: Watch) -> Iterator[Outcome]:
    """Read all videos that a former run has not finished; outcomes come as they are done, kept ones first.

    Raises:
        ModelError: the face model is missing or another one.
        OSError: the disk is full.
    """
    waiting = []
    for job in listed:
        kept = None if fresh else finished(job)
        if kept is None:
            waiting.append(job)
        else:
            yield kept
    if len(waiting) == 1:
        yield do(waiting[0], _tick(waiting[0].video, watch))
        return
    for number, (job, outcome) in enumerate(each(do, waiting), start=1):
        watch("read videos", number, len(waiting))
        yield outcome or Outcome(job.video, f"{job.video}: {KILLED}")


def _tick(video: Path, watch: Watch) -> Callable[[float], None]:
    """Show how many seconds of a single video are read."""
    try:
        seconds = int(probe(video).length_s or 0)
    except VideoError:
        seconds = 0  # reading it will say why
    return lambda read_s: watch(f"read {video.name}", min(int(read_s), seconds), seconds)


def jobs(given: Iterable[Path], out: Path | None, how: How) -> list[Job]:
    """List the videos and where each table goes: beside its video, or under `out` with the folders below a given one.

    Raises:
        VideoError: a folder holds no video, or two videos would write one table.
    """
    found = [(video, base) for path in given for video, base in _videos(path)]
    tables: dict[Path, Job] = {}
    for video, base in found:
        table = (video.parent if out is None else out / base) / f"{video.name}{OURS}csv"
        other = tables.setdefault(table.absolute(), Job(video, table, how))
        if other.video.absolute() != video.absolute():
            raise VideoError(f"{other.video} and {video} would both be written to {table}. Give the folder above them.")
    return list(tables.values())


def _videos(path: Path) -> list[tuple[Path, Path]]:
    """A file, or all videos under a folder; each with the folders that it keeps."""
    if not path.is_dir():
        return [(path, Path())]
    files = (file for file in path.rglob("*") if file.suffix.lower() in VIDEOS and OURS not in file.name)
    places = [(file, file.relative_to(path)) for file in sorted(files)]
    visible = [(file, place.parent) for file, place in places if not any(p.startswith(".") for p in place.parts)]
    if not visible:
        raise VideoError(f"{path}: holds no video ({', '.join(sorted(VIDEOS))}). Give a file, or another folder.")
    return visible
