"""RECOLA as packed for AVEC 2015 and 2016 (Valstar et al. 2016): a gold standard in ARFF files of any header length."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import ClassVar

from slimaffect.data.importers.format import Format, Found
from slimaffect.data.importers.recola import both, by_dimension
from slimaffect.data.importers.source import (
    Notes,
    Places,
    Rows,
    Tree,
    Videos,
    duration_s,
    read_arff,
    read_table,
    usable,
)
from slimaffect.data.importers.source.gold import column, join, rated
from slimaffect.data.importers.source.tables import cell, number

GOLD, RATERS = "ratings_gold_standard", "ratings_individual"


class AvecRecola(Format):
    """AVEC 2015/16: ratings_gold_standard/{arousal,valence}/{train,dev}_N.arff, or the individual ratings."""

    name: ClassVar[str] = "avec-recola"
    gap_s: ClassVar[float | None] = 0.2

    def find(self, places: Places, notes: Notes) -> Iterator[Found]:
        """Yield one recording per part and number (train_1 ... dev_9), which is also the subject."""
        videos = Videos(places.media)
        for name, files in sorted(_annotations(places.source, notes).items()):
            where = next(iter(files.values()))
            with notes.about(where):
                valence, arousal = (_read(places.source, file) for file in both(files))
                rows = usable(join(valence, arousal, where, notes), where, notes)
                video = videos.need(name)
                yield Found(None, name, name, video, rows, where, duration_s(places.media.path(video)))


def _annotations(tree: Tree, notes: Notes) -> dict[str, dict[str, str]]:
    """Files by name and dimension: the published gold standard, else the individual ratings."""
    gold = _kind(tree, {".arff"}, GOLD)
    raters = _kind(tree, {".csv"}, RATERS)
    for name in [name for name in gold if name.endswith("_all")]:
        for file in gold.pop(name).values():
            notes.warn(file, "repeats what the files of single recordings hold", "It was not used")
    if unused := sorted(raters.keys() & gold.keys()):
        what = f"the individual ratings of {len(unused)} recordings are not used: their gold standard was published"
        notes.warn(RATERS, what, "Remove the gold standard to have it computed from them")
    if computed := sorted(raters.keys() - gold.keys()):
        what = f"the gold standard of {len(computed)} recordings is computed from the individual ratings"
        notes.warn(RATERS, f"{what} (first: {computed[0]})", "Add the published files to use those")
    return raters | gold


def _kind(tree: Tree, suffixes: set[str], folder: str) -> dict[str, dict[str, str]]:
    found = {}
    for (above, name), files in by_dimension(tree, suffixes).items():
        if PurePosixPath(above).name.casefold() == folder:
            found.setdefault(name, files)
            for file in files.values():
                tree.take(file)
    return found


def _read(tree: Tree, file: str) -> Rows:
    if not file.casefold().endswith(".arff"):
        return rated(read_table(tree.path(file)))
    table = read_arff(tree.path(file))
    time, gold = table.column("frametime", "time"), table.column("goldstandard", "gold_standard")
    times = [number(cell(row, time)) for row in table.rows]
    return column(times, [number(cell(row, gold)) for row in table.rows], [row.line for row in table.rows])
