"""Videos and images by name; their length and rate come from the container, never from a guess without a note."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from slimaffect.data.importers.source.affect import Rows
from slimaffect.data.importers.source.notes import Notes
from slimaffect.data.importers.source.tree import Tree, within
from slimaffect.data.labels import LabelError
from slimaffect.data.layout import VIDEOS

IMAGES = {".jpg", ".jpeg", ".png"}
LAST_IMAGE = 10_000_000  # a file name with a larger number is no frame number


@dataclass(frozen=True)
class Places:
    """Where annotations are read and where videos and images are looked for; often one and the same."""

    source: Tree
    media: Tree


@dataclass(frozen=True)
class Still:
    """One image of a sequence: seconds from the first, its path in the media folder, its size in bytes."""

    time_s: float
    file: str
    bytes: int


class Videos:
    """The video files of a tree by the name before their ending (`Path.stem`: names may hold dots).

    A video that is alone in a folder is also found by the folder's name.
    """

    def __init__(self, tree: Tree) -> None:
        """Index the tree."""
        self.tree = tree
        self.by_stem: dict[str, list[str]] = defaultdict(list)
        self.by_folder: dict[str, list[str]] = defaultdict(list)
        for file in tree.files(VIDEOS):
            self.by_stem[PurePosixPath(file).stem.casefold()].append(file)
            self.by_folder[PurePosixPath(file).parent.name.casefold()].append(file)

    def get(self, stem: str) -> str | None:
        """The video of this name, ticked off; None where there is none.

        Raises:
            LabelError: several have this name.
        """
        found = self.by_stem.get(stem.casefold()) or self.by_folder.get(stem.casefold(), [])
        if len(found) > 1:
            raise LabelError(f"there are {len(found)} videos of that name: {', '.join(found[:4])}", "Keep one of them")
        for file in found:
            self.tree.take(file)
        return found[0] if found else None

    def need(self, stem: str) -> str:
        """The video of this name.

        Raises:
            LabelError: there is none, or several.
        """
        found = self.get(stem)
        if found is None:
            raise LabelError(
                f"there is no video {stem} (.mp4, .avi, .mkv, .mov or .webm)",
                "Add it anywhere below the media folder, or do without this recording",
            )
        return found


def duration_s(video: Path) -> float:
    """A video's length in seconds; decoded only where neither length nor number of frames is declared.

    Raises:
        VideoError: it cannot be read.
    """
    from slimaffect.video.decode import frames, probe

    facts = probe(video)
    if facts.length_s:
        return facts.length_s
    last = deque(frames(video, rate=facts.rate), maxlen=1)
    return last[0].time_s + 1 / facts.rate if last else 0.0


def rate_of(video: Path) -> float:
    """A video's average frames per second, from its container.

    Raises:
        VideoError: it cannot be read.
    """
    from slimaffect.video.decode import probe

    return probe(video).rate


def numbered(tree: Tree, folder: str) -> dict[int, str]:
    """The images in a folder by the number that their name is; others are not frames."""
    found: dict[int, str] = {}
    for name in sorted(tree.folders.get(folder, ())):
        path = PurePosixPath(name)
        number = path.stem.isascii() and path.stem.isdigit() and len(path.stem) <= 8
        if number and path.suffix.casefold() in IMAGES and int(path.stem) < LAST_IMAGE:
            found.setdefault(int(path.stem), name)
    return found


def sequence(
    tree: Tree, folder: str, rows: Mapping[int, tuple[float, float]], rate: float, where: str, notes: Notes
) -> tuple[tuple[Still, ...], Rows]:
    """Join a folder's images with labels on the frame number; time begins at the first image.

    Args:
        tree: where the images are; those that become part of the sequence are ticked off.
        folder: their folder in it.
        rows: valence and arousal by the number in an image's name.
        rate: images per second.
        where: the annotation, for the notes.
        notes: is told about images without a row, and rows without an image.

    Raises:
        LabelError: no image has a row.
    """
    images = numbered(tree, folder)
    both = sorted(images.keys() & rows.keys())
    if not both:
        raise LabelError(f"none of its {len(rows)} rows belongs to one of the {len(images)} images in {folder or '.'}",
                         "Give the images the names they were published with")  # fmt: skip
    _tell_unpaired(sorted(images.keys() - rows.keys()), "images without a row", where, notes)
    _tell_unpaired(sorted(rows.keys() - images.keys()), "rows without an image", where, notes)
    first = min(images)
    stills = tuple(_still(tree, within(folder, images[k]), (k - first) / rate) for k in sorted(images))
    times = np.array([(k - first) / rate for k in both])
    return stills, Rows(times, np.array([rows[k] for k in both], np.float64), np.array(both))


def _tell_unpaired(numbers: Iterable[int], what: str, where: str, notes: Notes) -> None:
    found = list(numbers)
    if found:
        first = ", ".join(map(str, found[:3]))
        frames = f"frames {first}{', ...' if len(found) > 3 else ''}"
        notes.warn(where, f"{what}: {len(found)} ({frames})", "There is no label at these times")


def _still(tree: Tree, file: str, time_s: float) -> Still:
    tree.take(file)
    return Still(time_s, file, tree.path(file).stat().st_size)
