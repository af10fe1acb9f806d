"""What each site holds: people, hours, cameras, and how valence and arousal are spread."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from slimaffect.data.clips import Recording
from slimaffect.data.layout import Source
from slimaffect.errors import VideoError

BINS = 20
NARROW = 0.15  # labels that reach no further from 0 than this may have been divided by their scale twice


@dataclass(frozen=True)
class Spread:
    """How one dimension of affect is spread over all moments that have a label.

    Attributes:
        low: smallest value.
        high: largest value.
        mean: over moments, not over recordings.
        deviation: standard deviation.
        shares: of moments in 20 equal bins from -1 to 1; they add up to 1.
    """

    low: float
    high: float
    mean: float
    deviation: float
    shares: tuple[float, ...]


@dataclass(frozen=True)
class SiteFacts:
    """One site; counts are of recordings, hours are of video and of moments with a face and a label."""

    name: str
    subjects: int
    recordings: int
    usable: int
    hours: float
    labelled_hours: float
    coverage: float | None
    rates: tuple[tuple[str, int], ...]
    codecs: tuple[tuple[str, int], ...]
    sizes: tuple[tuple[str, int], ...]
    valence: Spread | None
    arousal: Spread | None


@dataclass(frozen=True)
class VideoSeen:
    """What a video's header says, or nothing where it cannot be opened."""

    rate: str
    codec: str
    size: str
    seconds: float


def look(source: Source) -> VideoSeen | None:
    """Read a video's header; None where that cannot be done, which preparation tells as a problem."""
    from slimaffect.video.decode import probe

    try:
        facts = probe(source.video)
    except (VideoError, OSError):
        return None
    seconds = facts.length_s or 0.0
    return VideoSeen(f"{facts.rate:.5g}", facts.codec, f"{facts.width}x{facts.height}", seconds)


def site_facts(
    name: str,
    sources: Sequence[Source],
    seen: Sequence[VideoSeen | None],
    recordings: Sequence[Recording],
    coverage: float | None,
    rate: float,
) -> SiteFacts:
    """Sum up one site from its videos' headers and its prepared recordings."""
    known = [video for video in seen if video is not None]
    affect = np.concatenate([recording.affect[recording.valid] for recording in recordings] or [np.zeros((0, 2))])
    return SiteFacts(
        name=name,
        subjects=len({source.subject for source in sources}),
        recordings=len(sources),
        usable=len(recordings),
        hours=sum(video.seconds for video in known) / 3600,
        labelled_hours=len(affect) / rate / 3600,
        coverage=coverage,
        rates=_counted(video.rate for video in known),
        codecs=_counted(video.codec for video in known),
        sizes=_counted(video.size for video in known),
        valence=spread(affect[:, 0]),
        arousal=spread(affect[:, 1]),
    )


def spread(values: Float[np.ndarray, " moments"]) -> Spread | None:
    """Sum up one dimension; None where nothing is labelled."""
    if not len(values):
        return None
    counts, _ = np.histogram(values, BINS, (-1.0, 1.0))
    shares = tuple(float(share) for share in counts / len(values))
    return Spread(float(values.min()), float(values.max()), float(values.mean()), float(values.std()), shares)


def narrow(site: SiteFacts) -> str | None:
    """Say so when a site's labels reach so little of the scale that they may have been scaled twice."""
    both = [part for part in (site.valence, site.arousal) if part]
    reach = max((max(abs(part.low), abs(part.high)) for part in both), default=1.0)
    if reach >= NARROW:
        return None
    return f"labels of {site.name} reach only {reach:.3f} from 0: were they divided by their scale before?"


def _counted(values: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(Counter(values).most_common())
