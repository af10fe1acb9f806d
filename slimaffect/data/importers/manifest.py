"""Any dataset that a CSV describes: which recording is where, whose it is, and how it was rated."""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from slimaffect.data.importers.format import Format, Found
from slimaffect.data.importers.source import (
    Notes,
    Places,
    Rows,
    Still,
    Table,
    Tree,
    constant,
    duration_s,
    read_table,
    refuse_scale,
    usable,
)
from slimaffect.data.importers.source.media import IMAGES, rate_of
from slimaffect.data.importers.source.tables import Row, cell, number
from slimaffect.data.labels import LabelError
from slimaffect.data.layout import VIDEOS
from slimaffect.errors import DataError

Word = Literal[
    "site", "subject", "group", "recording", "path", "labels", "time", "frame", "valence", "arousal", "valid"
]
ALSO = {"recording": ("clip",)}  # words that manifests use for ours
NO = {"0", "false", "no"}


class Manifest(Format):
    """A CSV manifest: a row per recording (with labels, or a rating) or per moment, with columns of any name."""

    name: ClassVar[str] = "manifest"
    has_sites: ClassVar[bool] = True

    manifest: str | None = None
    """The CSV in SOURCE; without it, the only one there. SOURCE may also be the CSV itself."""
    columns: dict[Word, str] = Field(default_factory=dict)
    """What the manifest (and the files it names under `labels`) calls site, subject, recording, path, labels, ..."""
    affect_range: tuple[float, float] = (-1.0, 1.0)
    """Lowest and highest value that valence and arousal can take."""
    rate: Annotated[float, Field(gt=0, le=240)] | None = None
    """Frames per second, where rows have a frame and no time; without it, the video's own."""
    first_frame: Annotated[int, Field(ge=0, le=1)] = 0
    """The number of a video's first frame in the column `frame`: 0 or 1."""

    def find(self, places: Places, notes: Notes) -> Iterator[Found]:
        """Yield one recording per row, or per rows of one recording."""
        file = self._file(places.source)
        places.source.take(file)
        try:
            table = read_table(places.source.path(file))
            index = self._index(table)
        except LabelError as error:
            raise DataError(f"{file}: {error}. Columns are mapped by columns.OURS=THEIRS.") from error
        _tell_shared_groups(file, table, index, notes)
        ratings = _moments(table.rows, index, [0.0] * len(table.rows)) if _is_rated_once(index) else None
        for where, rows in self._recordings(file, table, index, notes):
            with notes.about(where):
                if ratings is not None:
                    refuse_scale(ratings, self.affect_range, option="affect_range")
                yield self._recording(where, rows, index, places, notes)

    def _file(self, tree: Tree) -> str:
        tables = [file for file in tree.files({".csv", ".tsv", ".txt"}) if self.manifest in {None, file}]
        top = [file for file in tables if "/" not in file] or tables
        if len(top) != 1:
            named = f" ({', '.join(top[:4])})" if top else ""
            raise DataError(f"{tree.root}: {len(top)} files may be the manifest{named}. Set manifest to its name.")
        return top[0]

    def _index(self, table: Table) -> dict[str, int | None]:
        """The column of each of our words; path, subject and some labels must be there."""
        found = {w: self._column(table, w) for w in Word.__args__}  # type: ignore[attr-defined]
        for needed in ("subject", "path"):
            if found[needed] is None:
                table.column(self.columns.get(needed, needed))
        if found["labels"] is None:
            table.column(self.columns.get("valence", "valence"))
            table.column(self.columns.get("arousal", "arousal"))
        return found

    def _column(self, table: Table, word: Word) -> int | None:
        if word in self.columns:
            return table.column(self.columns[word])
        return table.find(word, *ALSO.get(word, ()))

    def _recordings(
        self, file: str, table: Table, index: dict[str, int | None], notes: Notes
    ) -> Iterator[tuple[str, list[Row]]]:
        """Rows that belong together: those of one site, subject and recording where they are moments."""
        moments = index["labels"] is None and (index["time"] is not None or index["frame"] is not None)
        groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in table.rows:
            wrong = _incomplete(row, index)
            if wrong:
                notes.aside(f"{file} line {row.line}", f"has no {wrong}", "Complete or delete the row")
                continue
            of = "recording" if index["recording"] is not None else "path"
            key = tuple(cell(row, index[word]) for word in ("site", "subject", of)) if moments else (str(row.line),)
            groups[key].append(row)
        for rows in groups.values():
            yield f"{file} line {rows[0].line}", rows

    def _recording(
        self, where: str, rows: list[Row], index: dict[str, int | None], places: Places, notes: Notes
    ) -> Found:
        row = rows[0]
        path = confined(places.media, cell(row, index["path"]))
        site = cell(row, index["site"]) if index["site"] is not None else None
        name = cell(row, index["recording"]) or PurePosixPath(path).stem
        if PurePosixPath(path).suffix.casefold() in IMAGES:
            stills, labels = self._stills(rows, index, places.media, where, notes)
            return Found(site, cell(row, index["subject"]), name, stills, labels, where)
        if PurePosixPath(path).suffix.casefold() not in VIDEOS:
            raise LabelError(f"its path {path} is neither a video nor an image", "Convert it, e.g. to H.264 in mp4")
        if len({cell(r, index["path"]) for r in rows}) > 1:
            raise LabelError("its rows name several videos", "Name each video's rows as a recording of its own")
        video = places.media.path(path)
        length_s = duration_s(video)
        labels = self._labels(
            rows, index, rate_of(video) if self.rate is None else self.rate, length_s, where, places, notes
        )
        return Found(site, cell(row, index["subject"]), name, path, labels, where, length_s)

    def _labels(
        self,
        rows: list[Row],
        index: dict[str, int | None],
        rate: float,
        length_s: float,
        where: str,
        places: Places,
        notes: Notes,
    ) -> Rows:
        if index["labels"] is not None:
            return self._labels_file(confined(places.source, cell(rows[0], index["labels"])), places.source, notes)
        if _is_rated_once(index):
            valence, arousal = _affect(rows[0], index)
            if not np.isfinite([valence, arousal]).all():
                raise LabelError("its rating is no pair of numbers", "Correct the row")
            labels = constant((valence, arousal), length_s, rows[0].line)
        else:
            labels = _moments(rows, index, [self._time(row, index, rate) for row in rows])
        return usable(labels, where, notes, affect_range=self.affect_range, option="affect_range")

    def _labels_file(self, file: str, tree: Tree, notes: Notes) -> Rows:
        """Read a file of time, valence and arousal that the manifest names."""
        tree.take(file)
        table = read_table(tree.path(file))
        index = {word: self._column(table, word) for word in ("time", "valence", "arousal", "valid")}
        for word in ("time", "valence", "arousal"):
            if index[word] is None:
                table.column(word)
        labels = _moments(table.rows, index, [number(cell(row, index["time"])) for row in table.rows])
        return usable(labels, file, notes, affect_range=self.affect_range, option="affect_range")

    def _time(self, row: Row, index: dict[str, int | None], rate: float) -> float:
        if index["time"] is not None:
            return number(cell(row, index["time"]))
        return (number(cell(row, index["frame"])) - self.first_frame) / rate

    def _stills(
        self, rows: list[Row], index: dict[str, int | None], tree: Tree, where: str, notes: Notes
    ) -> tuple[tuple[Still, ...], Rows]:
        """A recording whose rows each name an image; time begins at the first."""
        if index["time"] is None and (index["frame"] is None or self.rate is None):
            raise LabelError("names images, and nothing tells their times", "Give a column time, or frame and set rate")
        timed = [(self._time(row, index, self.rate or 1.0), row) for row in rows]
        known = sorted((pair for pair in timed if np.isfinite(pair[0])), key=lambda pair: pair[0])
        files = [confined(tree, cell(row, index["path"])) for _, row in known]
        begin = known[0][0] if known else 0.0
        stills = {round(t - begin, 6): Still(t - begin, f, tree.path(f).stat().st_size)
                  for (t, _), f in reversed(list(zip(known, files, strict=True)))}  # fmt: skip
        for file in files:
            tree.take(file)
        labels = _moments([row for _, row in known], index, [t - begin for t, _ in known])
        return tuple(stills[t] for t in sorted(stills)), usable(
            labels, where, notes, affect_range=self.affect_range, option="affect_range"
        )


def confined(tree: Tree, path: str) -> str:
    """A path from a manifest, relative to the tree's root, which it may not leave.

    Raises:
        LabelError: it leaves the root, or there is no such file.
    """
    plain = path.replace("\\", "/")
    inside = os.path.relpath(plain, tree.root) if plain.startswith("/") else os.path.normpath(plain)
    if inside.split("/")[0] == "..":
        raise LabelError(f"its path {path} leaves {tree.root}", "Write paths relative to that folder, or set media")
    if not tree.has(inside):
        raise LabelError(
            f"there is no file {path} in {tree.root}", "Correct the path, or set media to the folder of videos"
        )
    return inside


def _tell_shared_groups(file: str, table: Table, index: dict[str, int | None], notes: Notes) -> None:
    """Warn where several subjects are in one video (group): a split by subject may part them."""
    people: dict[str, set[str]] = defaultdict(set)
    for row in table.rows if index["group"] is not None else ():
        people[cell(row, index["group"])].add(cell(row, index["subject"]))
    shared = sorted(group for group, subjects in people.items() if group and len(subjects) > 1)
    if shared:
        what = f"{len(shared)} groups hold several subjects (first: {shared[0]}), whom a split may part"
        notes.warn(file, what, "To keep them together name one subject for both, e.g. columns.subject=group")


def _incomplete(row: Row, index: dict[str, int | None]) -> str | None:
    """The first of our words that a row must have and has not."""
    needed = ["subject", "path", *(word for word in ("site", "labels") if index[word] is not None)]
    return next((word for word in needed if not cell(row, index[word])), None)


def _is_rated_once(index: dict[str, int | None]) -> bool:
    """Whether a row is a rating of a whole recording."""
    return index["labels"] is None and index["time"] is None and index["frame"] is None


def _affect(row: Row, index: dict[str, int | None]) -> tuple[float, float]:
    """Valence and arousal; NaN where the row says that it is not valid."""
    if cell(row, index.get("valid")).casefold() in NO:
        return float("nan"), float("nan")
    return number(cell(row, index["valence"])), number(cell(row, index["arousal"]))


def _moments(rows: list[Row], index: dict[str, int | None], times: list[float]) -> Rows:
    affect = np.array([_affect(row, index) for row in rows], np.float64).reshape(-1, 2)
    return Rows(np.asarray(times, np.float64), affect, np.array([row.line for row in rows], np.int64))
