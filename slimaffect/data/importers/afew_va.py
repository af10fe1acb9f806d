"""AFEW-VA (Kossaifi et al. 2017): 600 clips from films, as images; flat, or in twelve parent folders."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from slimaffect.data.importers.format import Format, Found
from slimaffect.data.importers.source import Notes, Places, Tree, numbered, read_json, sequence, usable
from slimaffect.data.labels import LabelError

RANGE = (-10.0, 10.0)  # integers, as published


class AfewVa(Format):
    """AFEW-VA: a JSON per clip with actor and values in -10..10, and images numbered from 0 beside it."""

    name: ClassVar[str] = "afew-va"
    gap_s: ClassVar[float | None] = 0.2

    rate: Annotated[float, Field(gt=0, le=240)] = 25.0
    """Images per second: the dataset does not store it."""
    divided: Literal["auto", "yes", "no"] = "auto"
    """Whether values were divided by 10 already; `auto` takes a clip with fractions and none beyond 1 as divided."""

    def find(self, places: Places, notes: Notes) -> Iterator[Found]:
        """Yield one recording per JSON file; the actor is the subject."""
        files = places.source.files({".json"})
        if files and "rate" not in self.model_fields_set:
            notes.warn(
                ".", f"the frame rate is not stored; {self.rate:g} is taken", "Set rate if the films had another"
            )
        for file in files:
            places.source.take(file)
            with notes.about(file):
                yield self._clip(file, places, notes)

    def _clip(self, file: str, places: Places, notes: Notes) -> Found:
        actor, frames = _annotation(read_json(places.source.path(file)))
        values = _values(frames, file, notes)
        folder = _images(places.media, str(PurePosixPath(file).parent), len(frames))
        stills, rows = sequence(places.media, folder, values, self.rate, file, notes)
        affect_range = self._range(rows.affect, file, notes)
        rows = usable(rows, file, notes, affect_range=affect_range, unit="frame")
        return Found(None, actor, PurePosixPath(file).stem, stills, rows, file)

    def _range(self, affect: np.ndarray, file: str, notes: Notes) -> tuple[float, float]:
        known = affect[np.isfinite(affect)]
        fractions = (known != np.round(known)).any() and (np.abs(known) <= 1).all()
        if self.divided == "yes" or (self.divided == "auto" and fractions):
            if self.divided == "auto":
                notes.warn(
                    file, "its values look divided by 10 already and are taken as they are", "If not, set divided=no"
                )
            return (-1.0, 1.0)
        return RANGE


def _annotation(read: Any) -> tuple[str, dict[str, Any]]:
    if not isinstance(read, dict) or not isinstance(read.get("frames"), dict):
        raise LabelError("is no AFEW-VA annotation: it has no frames", "Give the JSON files as they were published")
    actor = read.get("actor")
    if not isinstance(actor, str) or not actor.strip():
        raise LabelError("names no actor, so nobody could tell which clips show the same person", "Add its actor")
    return actor.strip(), read["frames"]


def _values(frames: dict[str, Any], file: str, notes: Notes) -> dict[int, tuple[float, float]]:
    """Valence and arousal by frame number; NaN where they are no numbers."""
    numbered_frames = {key: frame for key, frame in frames.items() if key.isascii() and key.isdigit() and len(key) <= 8}
    if len(numbered_frames) < len(frames):
        strange = next(key for key in frames if key not in numbered_frames)
        notes.warn(
            file, f"{len(frames) - len(numbered_frames)} frames have no number (first: {strange})", "They are left out"
        )
    return {int(key): (_number(frame, "valence"), _number(frame, "arousal")) for key, frame in numbered_frames.items()}


def _number(frame: Any, dimension: str) -> float:
    value = frame.get(dimension) if isinstance(frame, dict) else None
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
    except OverflowError:
        return float("nan")


def _images(media: Tree, folder: str, labelled: int) -> str:
    """The folder with a clip's images: the JSON's own, or the only one below it."""
    folder = "" if folder == "." else folder
    below = [
        f for f in sorted(media.folders) if f.startswith(f"{folder}/" if folder else "") and f and numbered(media, f)
    ]
    if numbered(media, folder):
        return folder
    if len(below) != 1:
        raise LabelError(
            f"has {labelled} frames but {len(below)} folders of images below {folder or '.'} and none in it",
            "Put its images beside the JSON file, numbered from 00000",
        )
    return below[0]
