"""RECOLA as recorded (Ringeval et al. 2013): six raters per dimension, made one by CCC-centring."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import ClassVar

from slimaffect.data.importers.format import Format, Found
from slimaffect.data.importers.source import Notes, Places, Tree, Videos, duration_s, read_table, usable
from slimaffect.data.importers.source.gold import join, rated
from slimaffect.data.labels import LabelError

DIMENSIONS = ("valence", "arousal")


class Recola(Format):
    """RECOLA: one CSV per person and dimension with a column for each of six raters, and a video of that name."""

    name: ClassVar[str] = "recola"
    gap_s: ClassVar[float | None] = 0.2

    def find(self, places: Places, notes: Notes) -> Iterator[Found]:
        """Yield one recording per person (P16 ... P65)."""
        videos = Videos(places.media)
        for (_, name), files in sorted(by_dimension(places.source, {".csv"}).items()):
            for file in files.values():
                places.source.take(file)
            where = next(iter(files.values()))
            with notes.about(where):
                valence, arousal = (rated(read_table(places.source.path(file))) for file in both(files))
                rows = usable(join(valence, arousal, where, notes), where, notes)
                video = videos.need(name)
                yield Found(None, name, name, video, rows, where, duration_s(places.media.path(video)))


def by_dimension(tree: Tree, suffixes: set[str]) -> dict[tuple[str, str], dict[str, str]]:
    """Annotation files that stand in folders `valence` and `arousal`, by (folder above, name) and dimension."""
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for file in tree.files(suffixes):
        path = PurePosixPath(file)
        if path.parent.name.casefold() in DIMENSIONS:
            found[str(path.parent.parent), path.stem].setdefault(path.parent.name.casefold(), file)
    return found


def both(files: dict[str, str]) -> tuple[str, str]:
    """The files of valence and arousal.

    Raises:
        LabelError: one of them is missing.
    """
    for dimension in DIMENSIONS:
        if dimension not in files:
            raise LabelError(f"has no counterpart in the folder {dimension}", "Add it: both dimensions are needed")
    return files["valence"], files["arousal"]
