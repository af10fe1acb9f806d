"""Dataset to clips: every video is decoded once, its face crops are kept, and what was set aside is listed."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from slimaffect.callbacks import Watch, ignore
from slimaffect.data import store
from slimaffect.data.clips import Clips, Recording, cut
from slimaffect.data.hashes import Hashes
from slimaffect.data.layout import Dataset, Source, read_dataset, refuse_lost_sites
from slimaffect.data.problems import Problem
from slimaffect.data.reading import VERSION, Outcome, Task, crashed, digest_of, found, read, where
from slimaffect.data.settings import SYNTHETIC, DataSettings
from slimaffect.data.workers import each
from slimaffect.errors import DataError

"""Told what is going on, how many are done, and of how many."""

UNEVEN_POINTS = 5.0  # sites whose face coverage differs by more let the mask tell the site


@dataclass(frozen=True, eq=False)
class Prepared:
    """Clips to train and score on, and what a reader must know about them.

    Attributes:
        clips: fixed-length windows over all usable recordings.
        problems: everything that was set aside or is doubtful.
        coverage: share of frames with a face, by site.
        subject_coverage: share of frames with a face, by subject.
        dataset: the dataset they come from.
    """

    clips: Clips
    problems: tuple[Problem, ...]
    coverage: dict[str, float]
    subject_coverage: dict[str, float]
    dataset: Dataset

    @property
    def fingerprint(self) -> str:
        """sha256 of what was prepared and how it was cut."""
        return self.clips.fingerprint


def prepare(
    settings: DataSettings, cache: Path, *, workers: int = 1, watch: Watch = ignore, strict: bool = False
) -> Prepared:
    """Prepare a dataset's recordings, each at most once, and cut them into clips.

    What is prepared already is found again by the content of its files; a killed preparation goes on where it stopped.

    Args:
        settings: which dataset and how to read it.
        cache: folder for datasets that are drawn and for prepared recordings (readable by their owner only).
        workers: processes, one video each.
        watch: is told about progress.
        strict: refuse a dataset with any problem.

    Raises:
        DataError: there is no dataset, a site has no usable recording, or `strict` finds problems.
        ModelError: the detector's file is missing or another one.
    """
    dataset = read_dataset(dataset_folder(settings, cache, workers=workers, watch=watch))
    _refuse_if_strict(dataset.problems, strict=strict)
    outcomes = _prepare_all(dataset, settings, cache, workers=workers, watch=watch)
    prepared = _together(dataset, outcomes, settings, strict=strict)
    strangers = _unlabelled_dataset(settings)
    if strangers is None:
        return prepared
    others = _prepare_all(strangers, settings, cache, workers=workers, watch=watch)
    return _with_unlabelled(prepared, strangers, others, settings, strict=strict)


def already_prepared(settings: DataSettings, cache: Path) -> Prepared | None:
    """Answer what `prepare` kept earlier, without decoding anything; None if that is nothing.

    Raises:
        DataError: there is no dataset, or a site has no usable recording.
    """
    folder = _synthetic_folder(settings, cache) if settings.source == SYNTHETIC else Path(settings.source).expanduser()
    if settings.source == SYNTHETIC and not folder.exists():
        return None
    dataset = read_dataset(folder)
    outcomes = _kept(dataset, settings, cache)
    if not outcomes:
        return None
    prepared, strangers = _together(dataset, outcomes, settings, strict=False), _unlabelled_dataset(settings)
    if strangers is None:
        return prepared
    others = _kept(strangers, settings, cache)
    return _with_unlabelled(prepared, strangers, others, settings, strict=False) if others else None


def _kept(dataset: Dataset, settings: DataSettings, cache: Path) -> list[Outcome]:
    hashes = Hashes(cache / "hashes.json")
    return [outcome for task in tasks_of(dataset, settings, cache) if (outcome := found(task, hashes)) is not None]


def _unlabelled_dataset(settings: DataSettings) -> Dataset | None:
    if settings.unlabelled is None:
        return None
    return read_dataset(Path(settings.unlabelled).expanduser(), labelled=False)


def _with_unlabelled(
    prepared: Prepared, strangers: Dataset, outcomes: list[Outcome], settings: DataSettings, *, strict: bool
) -> Prepared:
    """Put videos without labels beside the clips; where faces are missing among them tells no model anything."""
    recordings, problems = _usable(outcomes, settings)
    problems = (*strangers.problems, *problems)
    refuse_lost_sites(replace(strangers, sites=()), {recording.site for recording in recordings}, problems)
    _refuse_if_strict(problems, strict=strict)
    clips = cut(recordings, length=settings.clip.frames, stride=settings.clip.stride, rate=settings.rate)
    return replace(prepared, clips=replace(prepared.clips, unlabelled=clips), problems=(*prepared.problems, *problems))


def _together(dataset: Dataset, outcomes: list[Outcome], settings: DataSettings, *, strict: bool) -> Prepared:
    """Cut what was prepared into clips, and list what was not."""
    recordings, problems = _usable(outcomes, settings)
    by_site = _coverage(outcomes, lambda source: source.site)
    problems = (*dataset.problems, *problems, *_uneven(by_site))
    refuse_lost_sites(dataset, {recording.site for recording in recordings}, problems)
    _refuse_if_strict(problems, strict=strict)
    clips = cut(recordings, length=settings.clip.frames, stride=settings.clip.stride, rate=settings.rate)
    return Prepared(clips, problems, by_site, _coverage(outcomes, lambda source: source.subject), dataset)


def dataset_folder(settings: DataSettings, cache: Path, *, workers: int, watch: Watch) -> Path:
    """The dataset's folder; the synthetic one is drawn there on first use."""
    if settings.source != SYNTHETIC:
        return Path(settings.source).expanduser()
    from slimaffect.data.synthetic import synthesise

    folder = _synthetic_folder(settings, cache)
    complete = folder / ".complete"
    if not complete.exists():
        synthesise(folder, settings.synthetic, workers=workers, watch=watch)
        complete.touch()
    return folder


def _synthetic_folder(settings: DataSettings, cache: Path) -> Path:
    from slimaffect.data.synthetic import VERSION as GENERATOR

    drawn = settings.synthetic.model_dump(mode="json")
    return cache / "datasets" / f"synthetic-{digest_of(drawn, GENERATOR)[:12]}"


def _store(dataset: Dataset, settings: DataSettings, cache: Path) -> Path:
    # Two datasets may have one name and both be in use, and one may be prepared with and without its labels.
    labelled = [] if any(source.labels for source in dataset.sources) else ["unlabelled"]
    return cache / "prepared" / digest_of(settings.reading, str(dataset.root.resolve()), VERSION, *labelled)[:16]


def tasks_of(dataset: Dataset, settings: DataSettings, cache: Path) -> list[Task]:
    """Every recording of a dataset with what is to be done and the folder where it is kept."""
    folder = _store(dataset, settings, cache)
    return [Task(s, dataset.facts, settings, folder / s.site / s.subject / s.name) for s in dataset.sources]


def check_detector(settings: DataSettings) -> None:
    """Refuse a detector that would fail on every recording.

    Raises:
        ModelError: yunet's file is not declared, missing, or another one.
    """
    if settings.detector == "yunet":
        from slimaffect.video.faces import detector

        detector(settings.detector, settings.faces)


def _prepare_all(dataset: Dataset, settings: DataSettings, cache: Path, *, workers: int, watch: Watch) -> list[Outcome]:
    folder, hashes = _store(dataset, settings, cache), Hashes(cache / "hashes.json")
    store.private_folder(folder)
    store.sweep(folder)
    tasks = tasks_of(dataset, settings, cache)
    done = {task: outcome for task in tasks if (outcome := found(task, hashes)) is not None}
    if len(done) < len(tasks):
        check_detector(settings)
    watch("preparing recordings", len(done), len(tasks))
    try:
        with closing(each(read, [t for t in tasks if t not in done], workers=workers)) as finished:
            for task, outcome in finished:
                done[task] = outcome or Outcome(task.source, None, (crashed(task.source),))
                hashes.remember(*done[task].hashes)
                watch(f"prepared {task.source.where}", len(done), len(tasks))
    finally:
        hashes.save()  # what stopped this run shall not make the next one hash again
    return [done[task] for task in tasks]


def _usable(outcomes: Iterable[Outcome], settings: DataSettings) -> tuple[list[Recording], list[Problem]]:
    """Map what was prepared, and set aside recordings without a usable moment."""
    recordings, problems = [], []
    for outcome in outcomes:
        problems += outcome.problems
        if outcome.folder is None:
            continue
        source = outcome.source
        recording = store.load(outcome.folder, source.site, source.subject, source.name)
        unusable = _unusable(outcome, recording, settings)
        problems += [unusable] if unusable else []
        recordings += [] if unusable else [recording]
    return recordings, problems


def _unusable(outcome: Outcome, recording: Recording, settings: DataSettings) -> Problem | None:
    place, length = where(outcome.source, "video"), settings.clip.frames
    if outcome.faces == 0:
        return Problem(
            place, "shows no face that can be found", "Look at it; if it is cropped already, set detector: none"
        )
    if not recording.valid.any():
        return Problem(
            place, "has no moment with both a face and a label", "Compare the times in its CSV with the video"
        )
    if len(recording) < length:
        return Problem(
            place, f"has {len(recording)} frames, a clip has {length}", "Set clip.frames lower, or do without it"
        )
    return None


def _coverage(outcomes: Iterable[Outcome], key: Callable[[Source], str]) -> dict[str, float]:
    faces, frames = defaultdict(int), defaultdict(int)
    for outcome in outcomes:
        faces[key(outcome.source)] += outcome.faces
        frames[key(outcome.source)] += outcome.frames
    return {name: faces[name] / frames[name] for name in sorted(frames) if frames[name]}


def _uneven(coverage: dict[str, float]) -> tuple[Problem, ...]:
    """Warn when the share of frames without a face tells the sites apart."""
    if not coverage:
        return ()
    worst, best = min(coverage, key=coverage.__getitem__), max(coverage, key=coverage.__getitem__)
    if 100 * (coverage[best] - coverage[worst]) <= UNEVEN_POINTS:
        return ()
    what = f"a face is found in {coverage[worst]:.1%} of its frames but in {coverage[best]:.1%} of {best}'s"
    next_ = "Look at its videos: masked frames may tell a model the site, and its score rests on fewer frames"
    return (Problem(worst, what, next_, "warning"),)


def _refuse_if_strict(problems: Iterable[Problem], *, strict: bool) -> None:
    found = list(problems)
    if strict and found:
        lines = "\n".join(f"  {problem}" for problem in found)
        raise DataError(f"{len(found)} problems, and --strict accepts none:\n{lines}")
