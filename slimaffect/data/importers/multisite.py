"""A protocol at several sites, as WorkingAge had it: site/subject/task, rated continuously or once per task."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from slimaffect.data.importers.format import Format, Found
from slimaffect.data.importers.source import (
    Notes,
    Places,
    Rows,
    Table,
    Tree,
    constant,
    duration_s,
    read_table,
    refuse_scale,
    usable,
)
from slimaffect.data.importers.source.tables import Row, cell, number
from slimaffect.data.labels import LabelError
from slimaffect.data.layout import VIDEOS

Word = Literal["time", "valence", "arousal", "task", "subject", "site"]
Key = tuple[str, str, str]
"""Site, subject and task, without capitals."""


@dataclass(frozen=True)
class Rating:
    """One row of a table of ratings."""

    file: str
    line: int
    valence: float
    arousal: float

    @property
    def where(self) -> str:
        """Its place, for messages."""
        return f"{self.file} line {self.line}"


class Multisite(Format):
    """Several sites: site/subject/task.mp4 (or site/subject/task/*.mp4) with a CSV each, or a table of ratings."""

    name: ClassVar[str] = "multisite"
    has_sites: ClassVar[bool] = True

    columns: dict[Word, str] = Field(default_factory=dict)
    """What the CSV files call time, valence, arousal, task, subject and site, where they use other words."""
    affect_range: tuple[float, float] = (-1.0, 1.0)
    """Lowest and highest value that valence and arousal can take, e.g. [1, 9] for the Self-Assessment Manikin."""
    camera: str | None = None
    """Which video of a task's folder to take where there are several: its name without ending."""

    def find(self, places: Places, notes: Notes) -> Iterator[Found]:
        """Yield one recording per task; its own CSV counts more than a row in a table."""
        videos = _videos(places.media, notes)
        curves, ratings = self._annotations(places.source, notes)
        for key in sorted(videos):
            where = curves[key][0] if key in curves else videos[key][0]
            with notes.about(where):
                video = self._camera(videos[key], places.media)
                site, subject, task = _names(video)
                length_s = duration_s(places.media.path(video))
                rows = self._rows(key, curves, ratings, length_s, places.source, notes)
                yield Found(site, subject, task, video, rows, where, length_s)
        _tell_unmatched(videos, curves, ratings, notes)

    def _annotations(self, tree: Tree, notes: Notes) -> tuple[dict[Key, list[str]], dict[Key, list[Rating]]]:
        """Continuous annotations and single ratings by recording."""
        curves, ratings = defaultdict(list), defaultdict(list)
        for file in tree.files({".csv", ".tsv"}):
            with notes.about(file):
                table = read_table(tree.path(file))
                if table.find(self._word("task")) is not None:
                    tree.take(file)
                    for key, rating in self._table(file, table, notes):
                        ratings[key].append(rating)
                elif len(PurePosixPath(file).parts) in {3, 4}:
                    tree.take(file)
                    curves[_key(_names(file))].append(file)
        return curves, ratings

    def _table(self, file: str, table: Table, notes: Notes) -> Iterator[tuple[Key, Rating]]:
        """Read a table of ratings; the folder it stands in tells the site and subject that it has no column for."""
        folders = PurePosixPath(file).parts[:-1]
        site, subject = table.find(self._word("site")), table.find(self._word("subject"))
        task, valence, arousal = (table.column(self._word(word)) for word in ("task", "valence", "arousal"))
        for row in table.rows:
            where = f"{file} line {row.line}"
            with notes.about(where):
                names = (
                    _place(row, site, folders, 0, "site"),
                    _place(row, subject, folders, 1, "subject"),
                    cell(row, task),
                )
                yield _key(names), Rating(file, row.line, number(cell(row, valence)), number(cell(row, arousal)))

    def _rows(
        self,
        key: Key,
        curves: dict[Key, list[str]],
        ratings: dict[Key, list[Rating]],
        length_s: float,
        tree: Tree,
        notes: Notes,
    ) -> Rows:
        own, rated = curves.get(key, []), ratings.get(key, [])
        if not own and not rated:
            raise LabelError("has no annotation", "Add a CSV of the same name, or a row in a table of ratings")
        if len(own) > 1:
            raise LabelError(f"has {len(own)} annotations: {', '.join(own)}", "Keep one of them")
        if own:
            for rating in rated:
                notes.warn(rating.where, f"rates a task that {own[0]} annotates over time", "The latter is used")
            return self._curve(own[0], tree, notes)
        if len(rated) > 1:
            raise LabelError(
                f"is rated {len(rated)} times ({', '.join(r.where for r in rated)})", "Keep one of the rows"
            )
        rating = (rated[0].valence, rated[0].arousal)
        if not np.isfinite(rating).all():
            raise LabelError(f"its rating in {rated[0].where} is no pair of numbers", "Correct that row")
        labels = constant(rating, length_s, rated[0].line)
        alike = [r for of_key in ratings.values() for r in of_key if r.file == rated[0].file]
        seen = Rows(
            np.zeros(len(alike)),
            np.array([(r.valence, r.arousal) for r in alike]),
            np.array([r.line for r in alike], np.int64),
        )
        unit, affect_range = f"{rated[0].file} line", self.affect_range
        refuse_scale(seen, affect_range, option="affect_range", unit=unit)
        return usable(labels, rated[0].file, notes, affect_range=affect_range, unit=unit)

    def _curve(self, file: str, tree: Tree, notes: Notes) -> Rows:
        table = read_table(tree.path(file))
        columns = [table.column(self._word(word)) for word in ("time", "valence", "arousal")]
        values = np.array([[number(cell(row, i)) for i in columns] for row in table.rows], np.float64).reshape(-1, 3)
        rows = Rows(values[:, 0], values[:, 1:], np.array([row.line for row in table.rows], np.int64))
        return usable(rows, file, notes, affect_range=self.affect_range, option="affect_range")

    def _camera(self, videos: list[str], tree: Tree) -> str:
        chosen = [video for video in videos if self.camera in {None, PurePosixPath(video).stem}]
        if len(chosen) != 1:
            names = ", ".join(PurePosixPath(video).name for video in videos)
            raise LabelError(
                f"has {len(chosen)} videos to choose from: {names}", "Set camera to the name of the one to use"
            )
        for video in videos:
            tree.take(video)
        return chosen[0]

    def _word(self, word: Word) -> str:
        return self.columns.get(word, word)


def _videos(tree: Tree, notes: Notes) -> dict[Key, list[str]]:
    found = defaultdict(list)
    for file in tree.files(VIDEOS):
        if len(PurePosixPath(file).parts) in {3, 4}:
            found[_key(_names(file))].append(file)
        else:
            tree.take(file)
            notes.aside(file, "stands neither at site/subject/task.mp4 nor at site/subject/task/*.mp4", "Move it there")
    return found


def _names(file: str) -> tuple[str, str, str]:
    """Site, subject and task of a file: the task is its folder's name or its own."""
    parts = PurePosixPath(file).parts
    return parts[0], parts[1], parts[2] if len(parts) == 4 else PurePosixPath(file).stem


def _key(names: tuple[str, str, str]) -> Key:
    return names[0].casefold(), names[1].casefold(), names[2].casefold()


def _place(row: Row, index: int | None, folders: tuple[str, ...], depth: int, word: str) -> str:
    if index is not None:
        return cell(row, index)
    if depth < len(folders):
        return folders[depth]
    raise LabelError(f"does not tell its {word}", f"Add a column {word}, or put the table into the {word}'s folder")


def _tell_unmatched(
    videos: dict[Key, list[str]], curves: dict[Key, list[str]], ratings: dict[Key, list[Rating]], notes: Notes
) -> None:
    for key in sorted(curves.keys() - videos.keys()):
        for file in curves[key]:
            notes.aside(file, "has no video", "Add a video of the same name, or remove the annotation")
    for key in sorted(ratings.keys() - videos.keys()):
        for rating in ratings[key]:
            notes.aside(rating.where, f"rates {'/'.join(key)}, of which there is no video", "Add it, or remove the row")
