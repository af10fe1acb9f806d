"""One face through a video: detected now and then, followed, smoothed, and interpolated between."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import hypot

from slimaffect.video.box import Box, between, overlap, turn
from slimaffect.video.decode import Frame
from slimaffect.video.detect import Detector
from slimaffect.video.settings import FaceSettings, Prefer

SAME_FACE = 0.2  # overlap of two successive detections from which they are one face


@dataclass(frozen=True)
class Sighting:
    """One detection of the followed face: as found, as smoothed, and the how many-th of its track."""

    time_s: float
    found: Box
    box: Box
    count: int


def follow(
    frames: Iterable[Frame], detector: Detector, settings: FaceSettings, *, rate: float
) -> Iterator[tuple[Frame, Box | None]]:
    """Yield every frame with the followed face's box in shown pixels, or None where there is none.

    Frames wait until the next detection tells where the face went: at most `bridge_s` plus `hold_s` seconds of them.
    """
    every = max(1, round(rate / settings.detect_hz))
    waiting: list[Frame] = []
    last: Sighting | None = None
    for index, frame in enumerate(frames):
        waiting.append(frame)
        if index % every:
            continue
        new = sight(frame, detector, last, settings)
        if new is not None:
            yield from ((w, settle(w.time_s, last, new, settings)) for w in waiting)
            waiting, last = [], new
        else:
            gone = _gone(waiting, last, frame.time_s, settings)
            yield from ((w, settle(w.time_s, last, None, settings)) for w in waiting[:gone])
            waiting = waiting[gone:]
    yield from ((w, settle(w.time_s, last, None, settings)) for w in waiting)


def sight(frame: Frame, detector: Detector, last: Sighting | None, settings: FaceSettings) -> Sighting | None:
    """Detect, and choose the face to follow; what was seen too long ago is no longer followed."""
    alive = last if last is not None and frame.time_s - last.time_s <= settings.bridge_s else None
    # Who is preferred by position must be looked for everywhere, not where the last face was.
    near = alive.found if alive and settings.prefer == "track" else None
    found = choose(detector.see(frame, near), alive, settings.prefer, frame.picture.width, frame.picture.height)
    return None if found is None else smooth(frame.time_s, found, alive, settings)


def choose(found: list[Box], alive: Sighting | None, prefer: Prefer, width: int, height: int) -> Box | None:
    """The face to follow among several (largest first), or None when it is not there.

    `track` keeps to the face that was seen last and begins with the largest. A position is asked for at every
    detection; while it shows somebody else than was seen last the face counts as missed, so that a moment's miss
    does not hand over to a neighbour, and after `bridge_s` whoever stands there is followed.
    """
    if alive is not None and prefer == "track":
        found = sorted(found, key=lambda box: -overlap(box, alive.found))
    elif prefer != "track":
        found = sorted(found, key=lambda box: _rank(box, prefer, width, height))
    if not found or (alive is not None and overlap(found[0], alive.found) < SAME_FACE):
        return None
    return found[0]


def _rank(box: Box, prefer: Prefer, width: int, height: int) -> float:
    """Lower for the face that stands more where it is preferred."""
    x, y = box.centre
    return {"left": x, "right": -x, "centre": hypot(x - width / 2, y - height / 2)}.get(prefer, -box.size)


def smooth(time_s: float, found: Box, last: Sighting | None, settings: FaceSettings) -> Sighting:
    """Exponential means of centre and size; the size begins as a plain mean, so that a first error fades soon."""
    if last is None:
        return Sighting(time_s, found, found, 1)
    count = last.count + 1
    size = last.box.size + max(1 / count, settings.size_weight) * (found.size - last.box.size)
    centre_x, centre_y = (
        old + last.box.size / 2 + settings.centre_weight * (new + found.size / 2 - old - last.box.size / 2)
        for old, new in ((last.box.x, found.x), (last.box.y, found.y))
    )
    angle = last.box.angle + settings.centre_weight * turn(last.box.angle, found.angle)
    return Sighting(time_s, found, Box(centre_x - size / 2, centre_y - size / 2, size, found.score, angle), count)


def settle(time_s: float, before: Sighting | None, after: Sighting | None, settings: FaceSettings) -> Box | None:
    """The box at a time between two sightings: interpolated over short gaps, held for a moment beside long ones."""
    if before and after and after.count > 1 and after.time_s - before.time_s <= settings.bridge_s:
        return between(before.box, after.box, (time_s - before.time_s) / (after.time_s - before.time_s))
    if after and after.time_s - time_s <= settings.hold_s:
        return after.box
    if before and time_s - before.time_s <= settings.hold_s:
        return before.box
    return None


def _gone(waiting: list[Frame], last: Sighting | None, now_s: float, settings: FaceSettings) -> int:
    """How many waiting frames no later sighting can reach any more."""
    if last is not None and now_s - last.time_s <= settings.bridge_s:
        return 0
    return sum(now_s - frame.time_s > settings.hold_s for frame in waiting)
