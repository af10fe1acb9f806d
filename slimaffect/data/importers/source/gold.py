"""Ratings of several annotators to one gold standard, and one dimension joined with the other."""

import numpy as np
from jaxtyping import Float

from slimaffect.data.importers.source.affect import Rows
from slimaffect.data.importers.source.notes import Notes
from slimaffect.data.importers.source.tables import Table, cell, number
from slimaffect.data.labels import LabelError


def concordance(x: Float[np.ndarray, " rows"], y: Float[np.ndarray, " rows"]) -> float:
    """Lin's concordance correlation (Lin 1989, https://doi.org/10.2307/2532051); 0 where both are constant."""
    spread = x.var() + y.var() + (x.mean() - y.mean()) ** 2
    return float(2 * np.mean((x - x.mean()) * (y - y.mean())) / spread) if spread > 0 else 0.0


def gold_standard(ratings: Float[np.ndarray, "rows raters"]) -> Float[np.ndarray, " rows"]:
    """The mean of ratings that are centred first, with weight for annotators who agree with the others.

    A rater's agreement is the mean concordance with each other rater; every rating loses its rater's own mean and
    gains the mean of those means, weighted by agreement (Valstar et al. 2016, https://arxiv.org/abs/1605.01600).

    >>> gold_standard(np.array([[0.0, 0.2], [0.2, 0.4]])).round(2).tolist()
    [0.1, 0.3]
    """
    raters = ratings.shape[1]
    if raters == 1:
        return ratings[:, 0]
    means = ratings.mean(axis=0)
    agreement = np.array([
        np.mean([concordance(ratings[:, r], ratings[:, o]) for o in range(raters) if o != r]) for r in range(raters)
    ])  # fmt: skip
    # Raters who contradict each other leave no positive weight to centre on: then all count the same.
    weights = agreement if agreement.sum() > 0 else np.ones(raters)
    return (ratings - means + np.sum(means * weights) / weights.sum()).mean(axis=1)


def rated(table: Table) -> Rows:
    """The gold standard of a table with a time and a column per rater, as rows whose affect is (value, value).

    Raises:
        LabelError: it has no time or no rater.
    """
    time = table.column("time")
    raters = [i for i, name in enumerate(table.names) if i != time and name]
    if not raters:
        raise LabelError("has no rater", "Give a column of ratings for each rater beside time")
    ratings = np.array([[number(cell(row, i)) for i in raters] for row in table.rows]).reshape(-1, len(raters))
    whole = np.isfinite(ratings).all(axis=1)
    gold = np.full(len(ratings), np.nan)
    if whole.any():
        gold[whole] = gold_standard(np.clip(ratings[whole], -1e6, 1e6))
    return column([number(cell(row, time)) for row in table.rows], gold, [row.line for row in table.rows])


def column(times: list[float], values: Float[np.ndarray, " rows"] | list[float], lines: list[int]) -> Rows:
    """One dimension as rows, until it is joined with the other."""
    both = np.repeat(np.asarray(values, np.float64).reshape(-1, 1), 2, axis=1)
    return Rows(np.asarray(times, np.float64), both, np.asarray(lines, np.int64))


def join(valence: Rows, arousal: Rows, where: str, notes: Notes) -> Rows:
    """Valence and arousal of the moments that both files have, to the millisecond."""
    places = [_by_millisecond(rows) for rows in (valence, arousal)]
    shared = sorted(places[0].keys() & places[1].keys())
    alone = len(valence.times) + len(arousal.times) - 2 * len(shared)
    if alone:
        notes.warn(where, f"{alone} rows have only one of valence and arousal at their time", "They are left out")
    left, right = (np.array([place[ms] for ms in shared], np.int64) for place in places)
    return Rows(
        valence.times[left], np.stack([valence.affect[left, 0], arousal.affect[right, 0]], axis=1), valence.lines[left]
    )


def _by_millisecond(rows: Rows) -> dict[int, int]:
    """The first row at each time."""
    usable = np.flatnonzero(np.abs(rows.times) < 1e9)
    milliseconds = np.round(rows.times[usable] * 1000).astype(np.int64)
    return dict(zip(milliseconds[::-1].tolist(), usable[::-1].tolist(), strict=True))
