"""Annotation files: a CSV with time, valence and arousal, checked row by row and read at any time."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from slimaffect.errors import DataError

COLUMNS = ("time", "valence", "arousal")
ROUNDING_S = 0.001  # label files round their times to milliseconds
ALWAYS_MILLISECONDS = 50.0  # labels that last this many times as long as the video are not in seconds
# Scales that labs use, to name the likely cause of a value out of range.
KNOWN_RANGES = ((-1, 1), (0, 1), (1, 5), (1, 7), (1, 9), (-10, 10), (0, 100), (-100, 100), (-1000, 1000))
SENTINELS = (-5.0, -2.0, -999.0)


class LabelError(DataError):
    """An annotation file that cannot be used: what is wrong, and what would mend it."""

    def __init__(self, what: str, next_: str) -> None:
        """Keep both halves apart, so that a list of problems can show them in columns."""
        self.what, self.next = what, next_
        super().__init__(what, next_)

    def __str__(self) -> str:
        """Both halves as one message."""
        return f"{self.what}. {self.next}"


@dataclass(frozen=True, eq=False)
class Labels:
    """Affect over time as annotated.

    Attributes:
        times: seconds from the start of the video, increasing.
        affect: valence and arousal, both in [-1, 1].
        gap_s: longest gap between two rows across which affect is read; beyond it there is no label.
    """

    times: Float[np.ndarray, " rows"]
    affect: Float[np.ndarray, "rows 2"]
    gap_s: float = np.inf

    def at(self, times: Float[np.ndarray, " frames"], *, delay_s: float = 0.0) -> Float[np.ndarray, "frames 2"]:
        """Affect at frame times, by straight lines between rows; NaN before the first row and after the last.

        An annotator answers `delay_s` after what was seen, so a frame at t takes the label of t + delay_s.
        The last `delay_s` seconds of a recording have none: they are left out, not filled with zeros.

        >>> labels = Labels(np.array([0.0, 2.0]), np.array([[0.0, 1.0], [1.0, 0.0]]))
        >>> labels.at(np.array([0.0, 1.0]), delay_s=0.5).tolist()
        [[0.25, 0.75], [0.75, 0.25]]
        >>> labels.at(np.array([2.0]), delay_s=0.5).tolist()
        [[nan, nan]]
        """
        wanted = times + delay_s
        known = (wanted >= self.times[0] - ROUNDING_S) & (wanted <= self.times[-1] + ROUNDING_S) & self._bridged(wanted)
        lines = np.stack([np.interp(wanted, self.times, self.affect[:, i]) for i in range(2)], axis=1)
        return np.where(known[:, None], lines, np.nan)

    def _bridged(self, wanted: Float[np.ndarray, " frames"]) -> Bool[np.ndarray, " frames"]:
        """Whether a time stands on a row, or between two rows that are near enough to be read across."""
        before = np.clip(np.searchsorted(self.times, wanted, side="right") - 1, 0, max(0, len(self.times) - 2))
        left, right = self.times[before], self.times[np.minimum(before + 1, len(self.times) - 1)]
        on_a_row = np.minimum(np.abs(wanted - left), np.abs(wanted - right)) <= ROUNDING_S
        return on_a_row | (right - left <= self.gap_s + ROUNDING_S)


def read_labels(path: Path, *, affect_range: tuple[float, float] = (-1.0, 1.0), gap_s: float | None = None) -> Labels:
    """Read time, valence and arousal by their names in the header, scaled from `affect_range` to [-1, 1].

    Columns stand in any order among others; blanks and capitals in the header do not matter.
    Commas, semicolons or tabs separate them; with semicolons a decimal comma is understood.
    Rows more than `gap_s` seconds apart leave the time between them without a label; None reads across any gap.

    Raises:
        LabelError: the file cannot be used.
    """
    names, rows = _table(path)
    columns = [_column(names, wanted) for wanted in COLUMNS]
    values = np.array([_numbers(line, row, columns) for line, row in rows], np.float64).reshape(-1, 3)
    lines = np.array([line for line, _ in rows])
    _check(values, lines, affect_range)
    low, high = affect_range
    affect = np.clip(2 * (values[:, 1:] - low) / (high - low) - 1, -1.0, 1.0)
    return Labels(values[:, 0], affect, np.inf if gap_s is None else gap_s)


def check_length(last_s: float, video_s: float | None) -> None:
    """Refuse labels whose clock cannot be the video's.

    Raises:
        LabelError: the labels last some fifty times as long as the video, whose length is known.
    """
    if video_s and last_s > ALWAYS_MILLISECONDS * video_s:
        raise LabelError(
            f"its times reach {last_s:g} but the video lasts {video_s:.1f} s: they look like milliseconds",
            "Write times in seconds from the start of the video",
        )


def _table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header's names, and (line number, cells) of every row that is not blank."""
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if "\0" in text or sum(not (c.isprintable() or c.isspace()) for c in text[:4096]) > 0:
        raise LabelError("is binary, not text", "Save the annotation as CSV text with a header time,valence,arousal")
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    if separator == ";":
        text = text.replace(",", ".")
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        table = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise LabelError(f"is no CSV ({error})", "Save the annotation as CSV text") from error
    if not table:
        raise LabelError("is empty", "Give it a header time,valence,arousal and a row for every moment annotated")
    return [name.strip().casefold() for name in table[0][1]], table[1:]


def _column(names: list[str], wanted: str) -> int:
    if names.count(wanted) == 1:
        return names.index(wanted)
    if all(_is_number(name) for name in names):
        raise LabelError("has no header", "Begin it with a line that names its columns, e.g. time,valence,arousal")
    fault = f"has no column {wanted}" if wanted not in names else f"has {names.count(wanted)} columns {wanted}"
    raise LabelError(f"{fault}: its header names {', '.join(names)}", "Name the columns time, valence and arousal")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(line: int, row: list[str], columns: list[int]) -> list[float]:
    if len(row) <= max(columns):
        what = f"breaks off on line {line}: {len(row)} cells where the header has more"
        raise LabelError(what, "Complete or delete that line")
    cells = [row[column] for column in columns]
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        if any(not cell.strip() for cell in cells):
            return [float(cell) if _is_number(cell) else np.nan for cell in cells]
        raise LabelError(f"holds {cells} on line {line}, which is no row of numbers", "Correct that line") from None


def _check(values: Float[np.ndarray, "rows 3"], lines: np.ndarray, affect_range: tuple[float, float]) -> None:
    """Raise the first fault in the order in which they hide each other."""
    if len(values) < 2:
        raise LabelError(f"has {len(values)} rows of labels", "At least two are needed to read affect between them")
    broken = ~np.isfinite(values).all(axis=1)
    if broken.any():
        raise LabelError(
            f"has {broken.sum()} rows that are empty or NaN, the first on line {lines[broken][0]}",
            "Delete the rows that were not annotated: affect is read between the others",
        )
    steps = np.diff(values[:, 0])
    if (steps <= 0).any():
        at = int(np.argmax(steps <= 0))
        raise LabelError(
            f"has times that do not rise: {values[at, 0]:g} s, then {values[at + 1, 0]:g} s on line {lines[at + 1]}",
            "Sort the rows by time and keep one per moment",
        )
    low, high = affect_range
    outside = ((values[:, 1:] < low) | (values[:, 1:] > high)).any(axis=1)
    if outside.any():
        raise LabelError(*_out_of_range(values[:, 1:], int(lines[outside][0]), affect_range))


def _out_of_range(affect: np.ndarray, line: int, affect_range: tuple[float, float]) -> tuple[str, str]:
    """What is wrong and the likely cause of values outside the declared range."""
    low, high = affect_range
    what = f"holds values from {affect.min():g} to {affect.max():g}, outside [{low:g}, {high:g}] (first on line {line})"
    outside = affect[(affect < low) | (affect > high)]
    if np.isin(outside, SENTINELS).all():
        marks = ", ".join(f"{v:g}" for v in np.unique(outside))
        return what, f"{marks} looks like a mark for rows without annotation: delete those rows"
    fitting = [known for known in KNOWN_RANGES if known[0] <= affect.min() and affect.max() <= known[1]]
    if not fitting:
        return what, "Correct the values, or declare their scale as affect_range in dataset.yaml"
    low, high = min(fitting, key=lambda known: known[1] - known[0])
    return what, f"They look like a scale of {low}..{high}: declare affect_range: [{low}, {high}] in dataset.yaml"
