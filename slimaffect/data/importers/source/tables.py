"""Text files of unknown origin: read with limits, told apart by their header, never trusted."""

import csv
import difflib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slimaffect.data.importers.source.notes import shown
from slimaffect.data.labels import LabelError

LONGEST_LINE = 1 << 16  # bytes
LARGEST_FILE = 256 << 20  # bytes; an hour of labels at 100 Hz has some 10 MB
MOST_ROWS = 2_000_000
SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class Row:
    """One row: its line in the file, and its cells without surrounding blanks and quotes."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class Table:
    """A table with its column names (stripped, without capitals; empty where there is no header)."""

    names: list[str]
    rows: list[Row]

    def column(self, *wanted: str) -> int:
        """The index of the column that has one of these names.

        Raises:
            LabelError: there is none, or several.
        """
        found = [i for i, name in enumerate(self.names) if name in {w.strip().casefold() for w in wanted}]
        if len(found) == 1:
            return found[0]
        close = difflib.get_close_matches(wanted[0].casefold(), self.names, 1)
        hint = f"Did you mean {shown(close[0])}" if close and not found else f"Name one column {wanted[0]}"
        fault = f"has {len(found) or 'no'} column{'s' if found else ''} {' or '.join(wanted)}"
        raise LabelError(f"{fault}: its header names {shown(', '.join(self.names))}", hint)

    def find(self, *wanted: str) -> int | None:
        """The index of a column, None where there is none of these names."""
        return self.column(*wanted) if {w.casefold() for w in wanted} & set(self.names) else None


def cell(row: Row, index: int | None) -> str:
    """A cell's text; empty where the row is too short or there is no such column."""
    return row.cells[index] if index is not None and index < len(row.cells) else ""


def number(text: str) -> float:
    """A number as annotators write it, with a point or a comma; NaN where there is none.

    >>> number("0,25"), number("-1e-1"), number("=1+1"), number("1_0")
    (0.25, -0.1, nan, nan)
    """
    try:
        return math.nan if "_" in text else float(text.replace(",", "."))
    except ValueError:
        return math.nan


def read_table(path: Path, *, header: bool = True, separator: str | None = None) -> Table:
    """Read a CSV whose separator is the one that its first line has most of.

    Raises:
        LabelError: it is binary, too large, empty, or no table.
    """
    lines = list(read_lines(path))
    if not lines:
        raise LabelError("is empty", "Give it a header and rows, or remove it")
    rows = _rows(lines, separator or max(SEPARATORS, key=lines[0][1].count))
    names = [name.casefold() for name in rows.pop(0).cells] if header else []
    return Table(names, rows)


def read_arff(path: Path) -> Table:
    """Read an ARFF file: attributes are named until `@data`, however many lines that takes.

    Raises:
        LabelError: it is binary, too large, or has no data section.
    """
    lines = list(read_lines(path))
    starts = [i for i, (_, text) in enumerate(lines) if text.strip().casefold() == "@data"]
    if not starts:
        raise LabelError("has no @data line", "Give the ARFF file as it was published")
    head = [text.split() for _, text in lines[: starts[0]]]
    names = [
        words[1].strip("'\"").casefold() for words in head if len(words) > 1 and words[0].casefold() == "@attribute"
    ]
    data = [(line, text) for line, text in lines[starts[0] + 1 :] if not text.lstrip().startswith("%")]
    return Table(names, _rows(data, ",") if data else [])


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        LabelError: it is too large, or no JSON.
    """
    _refuse_large(path)
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise LabelError(f"is no JSON ({shown(error)})", "Copy it again from its source") from error


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line number, text) of the lines that are not blank; no line is held beyond the limit.

    Raises:
        LabelError: it is binary or too large, or has a line that is too long.
    """
    _refuse_large(path)
    with path.open("rb") as file:
        for line in range(1, MOST_ROWS + 2):
            raw = file.readline(LONGEST_LINE + 1)
            if not raw:
                return
            if len(raw) > LONGEST_LINE:
                raise LabelError(f"has more than {LONGEST_LINE} characters on line {line}", "Give one row per line")
            if b"\0" in raw:
                raise LabelError(f"is binary, not text (line {line})", "Save it as CSV text")
            text = _text(raw if line > 1 else raw.removeprefix(b"\xef\xbb\xbf"))
            if text.strip():
                yield line, text
    raise LabelError(f"has more than {MOST_ROWS} lines", "Split it into one file per recording")


def _refuse_large(path: Path) -> None:
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise LabelError(f"has {size / 1e6:.0f} MB, at most {LARGEST_FILE / 1e6:.0f} are read", "Split it")


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        return raw.decode("latin-1").rstrip("\r\n")


def _rows(lines: list[tuple[int, str]], separator: str) -> list[Row]:
    """Split every line on its own, so that a quotation mark left open swallows no further row."""
    try:
        split = [
            (line, next(csv.reader([text], delimiter=separator, skipinitialspace=True), [])) for line, text in lines
        ]
    except csv.Error as error:
        raise LabelError(f"is no table ({error})", "Save it as CSV text") from error
    return [Row(line, [cell.strip().strip("'\"").strip() for cell in cells]) for line, cells in split]
