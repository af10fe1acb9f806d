"""Affect as annotated to affect in [-1, 1]: marks are dropped and counted, a wrong scale is refused with its cause."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from slimaffect.data.importers.source.notes import Notes
from slimaffect.data.labels import KNOWN_RANGES, SENTINELS, LabelError

CONSTANT_STEP_S = 1.0  # a rating of a whole recording is written once per second, so that it bridges no gap


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of an annotation: times in seconds, valence and arousal in that order, and where each stood in its file."""

    times: Float[np.ndarray, " rows"]
    affect: Float[np.ndarray, "rows 2"]
    lines: Int[np.ndarray, " rows"]

    def pick(self, kept: Bool[np.ndarray, " rows"] | Int[np.ndarray, " kept"]) -> "Rows":
        """Keep these rows, or these in this order."""
        return Rows(self.times[kept], self.affect[kept], self.lines[kept])


def usable(
    rows: Rows,
    where: str,
    notes: Notes,
    *,
    affect_range: tuple[float, float] = (-1.0, 1.0),
    option: str | None = None,
    unit: str = "line",
) -> Rows:
    """Keep the rows with two values inside the range, in order of time, scaled to [-1, 1]; tell about the others.

    Args:
        rows: as read.
        where: their file, for the notes.
        notes: is told which rows are not used.
        affect_range: the lowest and highest value an annotator could give.
        option: the setting that declares this range, where there is one; for the error.
        unit: what `rows.lines` count, for messages.

    Raises:
        LabelError: a value outside the range is no known mark for a missing annotation, or no two rows are left.
    """
    refuse_scale(rows, affect_range, option=option, unit=unit)
    low, high = affect_range
    inside = ((rows.affect >= low) & (rows.affect <= high)).all(axis=1)  # False where a value is NaN
    missing = ~inside | ~np.isfinite(rows.times)
    _tell_missing(rows, missing, unit, where, notes)
    kept = _in_time(rows.pick(~missing), unit, where, notes)
    if len(kept.times) < 2:
        raise LabelError(f"has {len(kept.times)} usable rows of {len(rows.times)}", "At least two rows are needed")
    return Rows(kept.times, 2 * (kept.affect - low) / (high - low) - 1, kept.lines)


def constant(affect: tuple[float, float], length_s: float, line: int) -> Rows:
    """One rating, from one line, as an annotation that stays the same over a recording."""
    count = max(2, int(np.ceil(length_s / CONSTANT_STEP_S)) + 1)
    times = np.linspace(0.0, max(length_s, 0.001 * count), count)
    return Rows(times, np.tile(np.asarray(affect, np.float64), (count, 1)), np.full(count, line))


def _tell_missing(rows: Rows, missing: Bool[np.ndarray, " rows"], unit: str, where: str, notes: Notes) -> None:
    if not missing.any():
        return
    marks = np.unique(rows.affect[missing & np.isin(rows.affect, SENTINELS).any(axis=1)])
    marks = ", ".join(f"{mark:g}" for mark in marks[np.isin(marks, SENTINELS)]) or "empty or no number"
    what = (
        f"{missing.sum()} of {len(missing)} rows are not annotated ({marks}; first on {unit} {rows.lines[missing][0]})"
    )
    notes.warn(where, what, "They are left out; frames at their times have no label")


def _in_time(rows: Rows, unit: str, where: str, notes: Notes) -> Rows:
    order = np.argsort(rows.times, kind="stable")
    ordered = rows.pick(order)
    repeated = np.diff(ordered.times, prepend=-np.inf) <= 0
    if repeated.any():
        what = f"{repeated.sum()} rows repeat a time (first on {unit} {ordered.lines[repeated][0]})"
        notes.warn(where, what, "The first row of each moment is used; remove the others")
    if (order != np.arange(len(order))).any():
        notes.warn(where, "its rows are not in order of time", "They were sorted; check that its times are right")
    return ordered.pick(~repeated)


def refuse_scale(
    rows: Rows, affect_range: tuple[float, float], *, option: str | None = None, unit: str = "line"
) -> None:
    """Refuse rows on one scale, of which one goes beyond the range and is no known mark for a missing annotation.

    Raises:
        LabelError: the value, and the likely scale.
    """
    low, high = affect_range
    inside = (rows.affect >= low) & (rows.affect <= high)
    strange = ~inside & ~np.isin(rows.affect, SENTINELS) & np.isfinite(rows.affect)
    if not strange.any():
        return
    known = rows.affect[inside | strange]
    place = f"{unit} {rows.lines[strange.any(axis=1)][0]}"
    what = f"holds {rows.affect[strange][0]:g} on {place}, outside [{low:g}, {high:g}]"
    what = f"{what}; its values go from {known.min():g} to {known.max():g}"
    fitting = [scale for scale in KNOWN_RANGES if scale[0] <= known.min() and known.max() <= scale[1]]
    if not fitting:
        raise LabelError(what, "Correct them")
    guess = min(fitting, key=lambda scale: scale[1] - scale[0])
    next_ = f"set {option}=[{guess[0]}, {guess[1]}]" if option else "give the file as it was published"
    raise LabelError(f"{what}, as on a scale of {guess[0]}..{guess[1]}", f"If that is its scale, {next_}")
