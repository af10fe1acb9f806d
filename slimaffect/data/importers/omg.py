"""OMG-Emotion (Barros et al. 2018): one rating per utterance of a video that is often no longer to be had."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from slimaffect.data.importers.format import Format, Found
from slimaffect.data.importers.source import (
    Notes,
    Places,
    Table,
    Tree,
    constant,
    duration_s,
    numbered,
    read_table,
    sequence,
    usable,
)
from slimaffect.data.importers.source.tables import Row, cell, number
from slimaffect.data.labels import LabelError
from slimaffect.data.layout import VIDEOS

DETAILS = "detailedannotations"  # what each rater said; the tables hold their gold standard


class Omg(Format):
    """OMG-Emotion: omg_*.csv with a rating per utterance, and <video>/utterance_N.mp4 or folders of images."""

    name: ClassVar[str] = "omg"

    rate: Annotated[float, Field(gt=0, le=240)] = 30.0
    """Images per second of utterances that are folders of images."""

    def find(self, places: Places, notes: Notes) -> Iterator[Found]:
        """Yield one recording per utterance; the video it is from is the subject."""
        media = _media(places.media)
        for file in _tables(places.source, notes):
            with notes.about(file):
                table = read_table(places.source.path(file))
                if table.find("arousal") is None or table.find("valence") is None:
                    raise LabelError(f"has {len(table.rows)} utterances without arousal and valence",
                                     "Use the file with labels of the same part")  # fmt: skip
                yield from self._utterances(file, table, media, places.media, notes)

    def _utterances(
        self, file: str, table: Table, media: dict[tuple[str, str], str], tree: Tree, notes: Notes
    ) -> Iterator[Found]:
        video, utterance = table.column("video"), table.column("utterance")
        columns = table.column("valence"), table.column("arousal")
        missing = 0
        for row in table.rows:
            subject, name = cell(row, video), PurePosixPath(cell(row, utterance)).stem
            where = f"{file} line {row.line}"
            medium = media.get((subject.casefold(), name.casefold()))
            missing += medium is None
            with notes.about(where):
                if medium is None or not subject or not name:
                    raise LabelError(
                        f"its utterance {subject}/{name} has no video", "Download it, if it is still there"
                    )
                yield self._utterance(
                    subject, name, medium, _rating(row, columns, where, notes), tree, where, row.line, notes
                )
        if missing:
            what = f"{missing} of {len(table.rows)} utterances have no video"
            notes.warn(file, what, "Many links of this dataset are dead; the others are used")

    def _utterance(
        self,
        subject: str,
        name: str,
        medium: str,
        rating: tuple[float, float],
        tree: Tree,
        where: str,
        line: int,
        notes: Notes,
    ) -> Found:
        if not tree.has(medium):
            labels = dict.fromkeys(numbered(tree, medium), rating)
            stills, rows = sequence(tree, medium, labels, self.rate, where, notes)
            return Found(None, subject, name, stills, usable(rows, where, notes, unit="frame"), where)
        length_s = duration_s(tree.path(medium))
        return Found(
            None, subject, name, medium, usable(constant(rating, length_s, line), where, notes), where, length_s
        )


def _tables(tree: Tree, notes: Notes) -> Iterator[str]:
    """Tables of utterances: their header names video and utterance, whatever the case of the other columns."""
    for file in tree.files({".csv"}):
        if DETAILS in [part.casefold() for part in PurePosixPath(file).parts]:
            continue
        with notes.about(file):
            if {"video", "utterance"} <= set(read_table(tree.path(file)).names):
                tree.take(file)
                yield file


def _rating(row: Row, columns: tuple[int, int], where: str, notes: Notes) -> tuple[float, float]:
    valence, arousal = (number(cell(row, column)) for column in columns)
    if not np.isfinite([valence, arousal]).all():
        raise LabelError(
            f"rates valence {cell(row, columns[0])!r}, arousal {cell(row, columns[1])!r}", "Correct the row"
        )
    if -1 <= arousal < 0:
        what = f"has an arousal of {arousal:g}, and this dataset's are said to lie in [0, 1]"
        notes.warn(where, what, "It is used as it is; check where the table comes from")
    return valence, arousal


def _media(tree: Tree) -> dict[tuple[str, str], str]:
    """A video file or folder of images by (video, utterance); `<video>/video/<utterance>` is understood."""
    found: dict[tuple[str, str], str] = {}
    for file in tree.files(VIDEOS):
        found.setdefault(_key(PurePosixPath(file).with_suffix("")), file)
    for folder in sorted(folder for folder in tree.folders if folder and numbered(tree, folder)):
        found.setdefault(_key(PurePosixPath(folder)), folder)
    return found


def _key(path: PurePosixPath) -> tuple[str, str]:
    parent = path.parent.parent if path.parent.name.casefold() == "video" else path.parent
    return parent.name.casefold(), path.name.casefold()
