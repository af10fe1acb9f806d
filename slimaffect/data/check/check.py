"""The check of a dataset: prepare it, read the headers of its videos, and sum up both."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from slimaffect.callbacks import Watch, ignore
from slimaffect.data.check.delay import Delay, estimate_delay
from slimaffect.data.check.sites import SiteFacts, VideoSeen, look, narrow, site_facts
from slimaffect.data.check.twins import Twins, same_faces, same_files
from slimaffect.data.hashes import Hashes
from slimaffect.data.layout import Source
from slimaffect.data.prepare import UNEVEN_POINTS, Prepared, prepare
from slimaffect.data.problems import Problem
from slimaffect.data.settings import DataSettings
from slimaffect.data.workers import each
from slimaffect.errors import DataError


@dataclass(frozen=True)
class Check:
    """All that a check found out; no face is in it.

    Attributes:
        name: the declared name of the dataset.
        folder: where it lies.
        licence: under which terms it may be used.
        sites: what each site holds.
        delay: of annotators, estimated.
        twins: recordings that seem to be one.
        remarks: what a reader should look at, in sentences.
        problems: what was set aside or is doubtful, with reasons.
    """

    name: str
    folder: str
    licence: str
    sites: tuple[SiteFacts, ...]
    delay: Delay
    twins: tuple[Twins, ...]
    remarks: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def uneven_points(self) -> float:
        """Percentage points between the sites with the largest and the smallest share of frames with a face."""
        shares = [site.coverage for site in self.sites if site.coverage is not None]
        return 100 * (max(shares) - min(shares)) if shares else 0.0


def check_dataset(settings: DataSettings, cache: Path, *, workers: int = 1, watch: Watch = ignore) -> Check:
    """Check a dataset; its recordings are prepared on the way, and are then ready for a run.

    Nothing is refused here but a dataset that cannot be used at all: see `refuse_uneven`.

    Args:
        settings: which dataset and how to read it.
        cache: where prepared recordings are kept.
        workers: processes, one video each.
        watch: is told about progress.

    Raises:
        DataError: there is no dataset, or a site has no usable recording.
        ModelError: the detector's file is missing or another one.
    """
    prepared = prepare(settings, cache, workers=workers, watch=watch)
    dataset = prepared.dataset
    seen = _look_at_all(dataset.sources, workers=workers, watch=watch)
    sites = tuple(_site(name, prepared, seen) for name in dataset.sites)
    recordings = prepared.clips.recordings
    delay = estimate_delay(recordings, rate=settings.rate, declared_s=dataset.facts.annotation_delay_s)
    twins = (*same_files(dataset.sources, _hashes(dataset.sources, cache)), *same_faces(recordings))
    return Check(
        name=dataset.name,
        folder=str(dataset.root),
        licence=dataset.facts.licence,
        sites=sites,
        delay=delay,
        twins=_once(twins),
        remarks=_remarks(sites),
        problems=prepared.problems,
    )


def refuse_uneven(check: Check, *, most_points: float = UNEVEN_POINTS) -> None:
    """Refuse a dataset in which the share of masked frames tells a site.

    Raises:
        DataError: the sites' coverage differs by more than `most_points` percentage points.
    """
    if check.uneven_points <= most_points:
        return
    known = [site for site in check.sites if site.coverage is not None]
    worst, best = (f(known, key=lambda site: site.coverage or 0.0) for f in (min, max))
    raise DataError(
        f"{check.folder}: a face is found in {worst.coverage:.1%} of {worst.name}'s frames but in {best.coverage:.1%} "
        f"of {best.name}'s: {check.uneven_points:.1f} points apart, {most_points:g} are allowed. A mask that tells the "
        f"site is a leak. Look at {worst.name} with `slim data show`, try detector: yunet or boxes, set its bad "
        "recordings aside, or say --allow-uneven and mention it where you publish."
    )


def _look_at_all(sources: tuple[Source, ...], *, workers: int, watch: Watch) -> dict[Source, VideoSeen | None]:
    seen: dict[Source, VideoSeen | None] = {}
    watch("reading headers", 0, len(sources))
    with closing(each(look, sources, workers=workers)) as finished:
        for source, facts in finished:
            seen[source] = facts
            watch(f"read the header of {source.where}", len(seen), len(sources))
    return seen


def _site(name: str, prepared: Prepared, seen: dict[Source, VideoSeen | None]) -> SiteFacts:
    sources = [source for source in prepared.dataset.sources if source.site == name]
    recordings = [recording for recording in prepared.clips.recordings if recording.site == name]
    videos = [seen[source] for source in sources]
    return site_facts(name, sources, videos, recordings, prepared.coverage.get(name), prepared.clips.rate)


def _hashes(sources: tuple[Source, ...], cache: Path) -> dict[Source, str]:
    """The hashes that preparation remembered; a video that has vanished since has none."""
    remembered = Hashes(cache / "hashes.json")
    return {s: found for s in sources if s.video.exists() and (found := remembered.get(s.video)) is not None}


def _once(twins: tuple[Twins, ...]) -> tuple[Twins, ...]:
    """Equal files show equal faces: such a pair is told once."""
    first: dict[tuple[str, str], Twins] = {}
    for pair in twins:
        first.setdefault((pair.one, pair.other), pair)
    return tuple(first.values())


def _remarks(sites: tuple[SiteFacts, ...]) -> tuple[str, ...]:
    said = [remark for site in sites if (remark := narrow(site))]
    for what, values in (
        ("frame rates", {rate for site in sites for rate, _ in site.rates}),
        ("codecs", {codec for site in sites for codec, _ in site.codecs}),
    ):
        if len(values) > 1:
            said.append(f"{what} differ: {', '.join(sorted(values))}; all are read on one clock")
    return tuple(said)
