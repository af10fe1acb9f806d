"""Faces that another tool has found: `<recording>.boxes.csv` with time,x,y,width,height[,score][,x1,y1,...,x5,y5]."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from slimaffect.errors import VideoError
from slimaffect.video.align import aligned, square
from slimaffect.video.box import Box
from slimaffect.video.decode import Frame
from slimaffect.video.settings import FaceSettings

SUFFIX = ".boxes.csv"
COLUMNS = ("time", "x", "y", "width", "height")
POINTS = tuple(f"{axis}{number}" for number in range(1, 6) for axis in "xy")
LARGEST = 1 << 28  # bytes; ten hours of two faces at 25 a second with landmarks have half of that
ROUNDING_S = 0.001  # tools write times to the millisecond


@dataclass(frozen=True, eq=False)
class Table:
    """All boxes of a recording in order of time; several rows of one time are several faces.

    Attributes:
        times: seconds from the first frame, never falling.
        boxes: x, y, width, height in shown pixels, and score.
        points: five landmarks in shown pixels, NaN where there are none.
    """

    times: Float[np.ndarray, " rows"]
    boxes: Float[np.ndarray, "rows 5"]
    points: Float[np.ndarray, "rows 5 2"]

    def at(self, time_s: float, within_s: float) -> range:
        """The rows of the moment nearest to a time, if that is near enough."""
        after = int(np.searchsorted(self.times, time_s))
        nearby = [float(self.times[i]) for i in (after - 1, after) if 0 <= i < len(self.times)]
        nearest = min(nearby, key=lambda found: abs(found - time_s), default=np.inf)
        if abs(nearest - time_s) > within_s + ROUNDING_S:
            return range(0)
        return range(*(int(np.searchsorted(self.times, nearest, side=side)) for side in ("left", "right")))


class BoxesDetector:
    """Looks boxes up by time, and never at a picture."""

    def __init__(self, path: Path, settings: FaceSettings) -> None:
        """Read the table.

        Raises:
            VideoError: it cannot be used.
        """
        self.settings = settings
        self.table = read_boxes(path)

    def see(self, frame: Frame, near: Box | None = None) -> list[Box]:  # noqa: ARG002 - as the protocol has it
        """The faces of the moment within half a detection's step, framed by `grow` and `drop`, largest first."""
        rows = self.table.at(frame.time_s, 0.5 / self.settings.detect_hz)
        boxes = sorted((self._box(row) for row in rows), key=lambda box: -box.size)
        return [box.framed(self.settings.grow, self.settings.drop) for box in boxes]

    def _box(self, row: int) -> Box:
        box, points = self.table.boxes[row].tolist(), self.table.points[row]
        return aligned(points, box[4]) if self.settings.align and np.isfinite(points).all() else square(*box)


def boxes_beside(video: Path) -> Path:
    """Where a video's boxes are looked for."""
    return video.with_name(video.stem + SUFFIX)


def read_boxes(path: Path) -> Table:
    """Read and check a table of boxes; columns stand in any order among others.

    Raises:
        VideoError: it is missing, no CSV with these columns, or holds a row that is no box.
    """
    names, rows = _rows(path)
    values = np.array([_numbers(path, line, row, names) for line, row in rows], np.float64).reshape(-1, 16)
    lines = np.array([line for line, _ in rows])
    _check(path, values, lines)
    return Table(values[:, 0], values[:, 1:6], values[:, 6:].reshape(-1, 5, 2))


def _rows(path: Path) -> tuple[dict[str, int], list[tuple[int, list[str]]]]:
    if not path.is_file():
        raise VideoError(f"{path}: there is no such file. Write one with a line {','.join(COLUMNS)} for every face.")
    if path.stat().st_size > LARGEST:
        raise VideoError(f"{path}: has {path.stat().st_size} bytes, boxes at most {LARGEST}. Write fewer per second.")
    try:
        reader = csv.reader(io.StringIO(path.read_text("utf-8-sig")))
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise VideoError(f"{path}: is no CSV ({error}). Save the boxes as CSV text.") from error
    names = {name.strip().casefold(): column for column, name in enumerate(rows[0][1])} if rows else {}
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise VideoError(f"{path}: has no column {', '.join(missing)}. Begin it with {','.join(COLUMNS)}.")
    return names, rows[1:]


def _numbers(path: Path, line: int, row: list[str], names: dict[str, int]) -> list[float]:
    """Time, rectangle, score (1 where none is given), and ten coordinates (NaN where none are given)."""

    def cell(name: str, absent: float) -> float:
        column = names.get(name)
        return absent if column is None or not row[column].strip() else float(row[column])

    try:
        given = [float(row[names[name]]) for name in COLUMNS]
        return [*given, cell("score", 1.0), *(cell(name, np.nan) for name in POINTS)]
    except (ValueError, IndexError):
        raise VideoError(f"{path}: line {line} is no row of numbers: {row[:6]}. Correct or delete it.") from None


def _check(path: Path, values: Float[np.ndarray, "rows 16"], lines: np.ndarray) -> None:
    """Refuse the first row that is no box: what it holds would be cropped without anybody seeing it."""
    usable = np.isfinite(values[:, :6]).all(axis=1) & (values[:, 0] >= 0) & (values[:, 3:5] > 0).all(axis=1)
    if not usable.all():
        at = int(np.argmin(usable))
        shown = ", ".join(f"{v:g}" for v in values[at, :5])
        raise VideoError(
            f"{path}: line {lines[at]} is no box ({shown}): width and height must be above 0, times not below. "
            "Delete the rows without a face."
        )
    falls = np.diff(values[:, 0]) < 0
    if falls.any():
        at = int(np.argmax(falls))
        raise VideoError(
            f"{path}: {values[at + 1, 0]:g} s on line {lines[at + 1]} follows {values[at, 0]:g} s. Sort it by time."
        )
