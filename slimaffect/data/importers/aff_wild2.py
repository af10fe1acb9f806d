"""Aff-Wild2 and the ABAW challenges (Kollias and Zafeiriou 2019): videos or cropped faces, labels per video frame."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from slimaffect.data.importers.format import Format, Found
from slimaffect.data.importers.source import Notes, Places, Rows, Tree, Videos, duration_s, sequence, usable
from slimaffect.data.importers.source.media import rate_of
from slimaffect.data.importers.source.tables import cell, number, read_lines, read_table
from slimaffect.data.labels import LabelError
from slimaffect.data.layout import SEQUENCE, Source

CROPS = {"cropped": "cropped", "cropped_aligned": "cropped_aligned", "cropped-aligned": "cropped_aligned"}
TRACKS = ("va_estimation_challenge", "va_set")  # the newer packaging first; then any other, then multi-task
USUAL_RATE = 30.0
PERSON = re.compile(r"_(left|right)$", re.IGNORECASE)
FRAME = re.compile(r"(?P<video>[^,]+)/(?P<frame>\d{1,8})\.(jpe?g|png)", re.IGNORECASE)

Values = dict[int, tuple[float, float]]
"""Valence and arousal by frame number, counted from 1."""


@dataclass(frozen=True)
class Track:
    """The labels that one packaging gives a video."""

    rank: int
    file: str
    part: str
    values: Values


class AffWild2(Format):
    """Aff-Wild2/ABAW: valence,arousal per video frame, marked -5 where there is none; videos or cropped frames."""

    name: ClassVar[str] = "aff-wild2"
    gap_s: ClassVar[float | None] = 0.2

    medium: Literal["auto", "video", "cropped", "cropped_aligned"] = "auto"
    """What to look at; `auto` takes aligned crops where there are any, then crops, then videos: one for all."""
    rate: Annotated[float, Field(gt=0, le=240)] | None = None
    """Frames per second of everything; without it, each video's own, and 30 for crops whose video is not there."""

    def find(self, places: Places, notes: Notes) -> Iterator[Found]:
        """Yield one recording per labelled person; people of one video share a subject folder."""
        tracks = _tracks(places.source, notes)
        crops = _crop_folders(places.media)
        medium = self.medium if self.medium != "auto" else _best(crops)
        _tell_unused(crops, medium, places.media, notes)
        videos = Videos(places.media)
        unknown_rates = 0
        for name in sorted(tracks):
            track = _choose(tracks[name], notes)
            with notes.about(track.file):
                if medium == "video":
                    yield self._video(name, track, videos, notes)
                else:
                    rate = self._rate(name, videos)
                    unknown_rates += rate is None
                    yield _cropped(name, track, crops[medium], rate or USUAL_RATE, places.media, notes)
        if unknown_rates:
            what = f"{unknown_rates} recordings of crops have no video that tells their rate; {USUAL_RATE:g} is taken"
            notes.warn(".", what, "Add the videos, or set rate")

    def advice(self, recordings: tuple[Source, ...]) -> tuple[str, ...]:
        """Crops need no detector."""
        cropped = any(recording.video.suffix == SEQUENCE for recording in recordings)
        return ("Its images are face crops already: set data.detector: none in the recipe.",) if cropped else ()

    def _video(self, name: str, track: Track, videos: Videos, notes: Notes) -> Found:
        file = videos.get(name)
        if file is None and PERSON.search(name) and videos.get(PERSON.sub("", name)):
            what = f"is about one of several people in the video {PERSON.sub('', name)}, and nothing tells which"
            raise LabelError(what, "Import cropped frames for it")
        file = file or videos.need(name)
        path = videos.tree.path(file)
        rate = self.rate or rate_of(path)
        numbers = np.array(sorted(track.values), np.int64)
        affect = np.array([track.values[k] for k in numbers], np.float64).reshape(-1, 2)
        rows = usable(Rows((numbers - 1) / rate, affect, numbers), track.file, notes, unit="frame")
        return Found(None, PERSON.sub("", name), name, file, rows, track.file, duration_s(path))

    def _rate(self, name: str, videos: Videos) -> float | None:
        """The rate of crops: as set, or of the video that they were cut from; None where that is not known."""
        file = videos.get(name) or videos.get(PERSON.sub("", name))
        return self.rate or (rate_of(videos.tree.path(file)) if file is not None else None)


def _cropped(name: str, track: Track, folders: dict[str, str], rate: float, media: Tree, notes: Notes) -> Found:
    if name not in folders:
        raise LabelError(f"has no folder {name} of cropped frames", "Add it, or set medium=video")
    stills, rows = sequence(media, folders[name], track.values, rate, track.file, notes)
    return Found(None, PERSON.sub("", name), name, stills, usable(rows, track.file, notes, unit="frame"), track.file)


def _tracks(tree: Tree, notes: Notes) -> dict[str, list[Track]]:
    """Every valence-arousal track of every video; text files of other tracks are left over."""
    found: dict[str, list[Track]] = defaultdict(list)
    for file in tree.files({".txt", ".csv"}):
        with notes.about(file):
            first = next(read_lines(tree.path(file)), (0, ""))[1].replace(" ", "").casefold()
            if first == "valence,arousal":
                tree.take(file)
                track = _per_video(tree, file)
                found[PurePosixPath(file).stem].append(track)
            elif FRAME.match(first) or first.startswith("image,valence,arousal"):
                tree.take(file)
                for name, values in _per_image(tree, file, notes).items():
                    found[name].append(Track(len(TRACKS) + 1, file, PurePosixPath(file).stem, values))
    return found


def _per_video(tree: Tree, file: str) -> Track:
    table = read_table(tree.path(file), separator=",")
    valence, arousal = table.column("valence"), table.column("arousal")
    # The first line is the header, so that the line after it is frame 1.
    values = {row.line - 1: (number(cell(row, valence)), number(cell(row, arousal))) for row in table.rows}
    folders = [folder.casefold() for folder in PurePosixPath(file).parts]
    rank = next((i for i, track in enumerate(TRACKS) if track in folders), len(TRACKS))
    return Track(rank, file, PurePosixPath(file).parent.name or ".", values)


def _per_image(tree: Tree, file: str, notes: Notes) -> dict[str, Values]:
    """The multi-task track: video/00001.jpg,valence,arousal,expression and twelve action units."""
    found: dict[str, Values] = defaultdict(dict)
    strange = []
    for line, text in read_lines(tree.path(file)):
        image, *values = text.split(",")
        match = FRAME.fullmatch(image.strip())
        if match and len(values) >= 2 and int(match["frame"]) not in found[match["video"]]:
            found[match["video"]][int(match["frame"])] = (number(values[0].strip()), number(values[1].strip()))
        elif line > 1:
            strange.append(line)
    if strange:
        notes.warn(
            file,
            f"{len(strange)} rows repeat an image or name none with two values (first on line {strange[0]})",
            "They are left out",
        )
    return found


def _choose(tracks: list[Track], notes: Notes) -> Track:
    """The track of the newest packaging; the others are told, because their train and validation parts may differ."""
    chosen, *others = sorted(tracks, key=lambda track: (track.rank, track.file))
    for other in others:
        same = (
            "the same part"
            if other.part.casefold() == chosen.part.casefold()
            else f"{other.part} there, {chosen.part} here"
        )
        notes.warn(other.file, f"labels a video that {chosen.file} labels too ({same})", "The latter is used")
    return chosen


def _crop_folders(media: Tree) -> dict[str, dict[str, str]]:
    """Folder of crops by kind and name."""
    found: dict[str, dict[str, str]] = {"cropped": {}, "cropped_aligned": {}}
    for folder in sorted(media.folders):
        path = PurePosixPath(folder)
        if path.parent.name.casefold() in CROPS:
            found[CROPS[path.parent.name.casefold()]].setdefault(path.name, folder)
    return found


def _best(crops: dict[str, dict[str, str]]) -> str:
    return next((kind for kind in ("cropped_aligned", "cropped") if crops[kind]), "video")


def _tell_unused(crops: dict[str, dict[str, str]], medium: str, media: Tree, notes: Notes) -> None:
    for kind, folders in crops.items():
        if kind == medium:
            continue
        for parent in sorted({str(PurePosixPath(folder).parent) for folder in folders.values()}):
            count = media.take_folder(parent)
            notes.warn(
                parent, f"its {count} images are not used: {medium} was chosen", f"Set medium={kind} to use them"
            )
