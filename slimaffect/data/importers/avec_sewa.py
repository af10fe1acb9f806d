"""SEWA as packed for AVEC 2017 and 2018 (Ringeval et al. 2018): no header, arousal before valence, 10 rows a second."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import ClassVar, Literal

import numpy as np

from slimaffect.data.importers.format import Format, Found
from slimaffect.data.importers.source import Notes, Places, Rows, Table, Videos, duration_s, read_table, usable
from slimaffect.data.importers.source.tables import cell, number
from slimaffect.data.labels import LabelError

COLUMNS = ["instance", "timestamp", "arousal", "valence", "liking"]
CULTURE = re.compile(r"(train|devel|test)_(?P<culture>[A-Z]{2})_\d+", re.IGNORECASE)


class AvecSewa(Format):
    """AVEC 2017/18: labels/*.csv with instance;timestamp;arousal;valence;liking and no header; site = culture."""

    name: ClassVar[str] = "avec-sewa"
    gap_s: ClassVar[float | None] = 0.5
    has_sites: ClassVar[bool] = True

    site: Literal["culture", "none"] = "culture"
    """`culture` takes DE, HU, ... from the names as sites; names of 2017 have none."""

    def find(self, places: Places, notes: Notes) -> Iterator[Found]:
        """Yield one recording per label file, which is also the subject."""
        videos = Videos(places.media)
        files = [f for f in places.source.files({".csv"}) if PurePosixPath(f).parent.name.casefold() == "labels"]
        cultures = {file: self._culture(file) for file in files}
        for file in files:
            places.source.take(file)
            with notes.about(file):
                name = PurePosixPath(file).stem
                video = videos.need(name)
                if cultures[file] is None and any(cultures.values()):
                    raise LabelError(
                        "has no culture in its name, and others have", "Rename it as Train_DE_01, or set site=none"
                    )
                rows = usable(_rows(read_table(places.source.path(file), header=False)), file, notes)
                yield Found(cultures[file], name, name, video, rows, file, duration_s(places.media.path(video)))
        _tell_unlabelled(videos, {PurePosixPath(file).stem.casefold() for file in files}, notes)

    def _culture(self, file: str) -> str | None:
        match = CULTURE.fullmatch(PurePosixPath(file).stem)
        return match["culture"].upper() if match and self.site == "culture" else None


def _rows(table: Table) -> Rows:
    names, rows = COLUMNS, table.rows
    if rows and "timestamp" in [c.casefold() for c in rows[0].cells]:
        names, rows = [c.casefold() for c in rows[0].cells], rows[1:]
    if all(len(row.cells) < 4 for row in rows):
        raise LabelError("has no columns of arousal and valence", "Labels of the test part are withheld: leave it out")
    table = Table(names, rows)
    time, valence, arousal = table.column("timestamp"), table.column("valence"), table.column("arousal")
    times = np.array([number(cell(row, time)) for row in rows], np.float64)
    affect = np.array([[number(cell(row, i)) for i in (valence, arousal)] for row in rows], np.float64)
    return Rows(times, affect.reshape(-1, 2), np.array([row.line for row in rows], np.int64))


def _tell_unlabelled(videos: Videos, labelled: set[str], notes: Notes) -> None:
    for stem, files in sorted(videos.by_stem.items()):
        if stem not in labelled and stem.startswith("test"):
            for file in files:
                videos.tree.take(file)
                notes.aside(file, "has no labels: those of the test part are withheld", "Leave it out")
