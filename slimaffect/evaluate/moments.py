"""The sums from which a CCC follows, per subject, so that 5,000 resamplings of subjects take a moment.

Sums add: the moments of two groups of frames are the sum of theirs. They are taken around the fold's
own mean, because E[x^2] - E[x]^2 around zero loses a small spread beside a large mean.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from slimaffect.evaluate.answers import Answers, pooled
from slimaffect.evaluate.metrics import SMALLEST_SPREAD


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums of one fold per subject and dimension of affect.

    Attributes:
        sums: number of frames, then sums of x, y, xx, yy and xy, with x the prediction and y the label,
            both minus their `centre`. Subjects stand in the order of their names.
        centre: what was subtracted from predictions and labels, for each dimension.
    """

    sums: Float[np.ndarray, "subjects 2 6"]
    centre: Float[np.ndarray, "2 2"]


def moments(answers: Answers) -> Moments:
    """Sum up each subject's valid frames around the mean of the fold."""
    people = tuple(sorted(answers.subjects, key=lambda one: one.subject))
    series = [pooled(replace(answers, subjects=(one,))) for one in people]
    centre = np.stack([part.mean(axis=0) for part in pooled(replace(answers, subjects=people))])
    return Moments(np.stack([_sums(x - centre[0], y - centre[1]) for x, y in series]), centre)


def ccc_of(moments: Moments, weights: Int[np.ndarray, "draws subjects"]) -> Float[np.ndarray, "draws 2"]:
    """CCC of each dimension for each resampling; `weights` says how often each subject was drawn.

    NaN where the drawn subjects have fewer than two frames or labels that stand still.
    """
    return ccc_of_sums(np.tensordot(weights.astype(np.float64), moments.sums, axes=1), moments.centre)


def ccc_of_sums(
    sums: Float[np.ndarray, "*batch 2 6"], centre: Float[np.ndarray, "2 2"]
) -> Float[np.ndarray, "*batch 2"]:
    """CCC of each dimension from sums over frames; NaN with fewer than two frames or labels that stand still."""
    n = sums[..., 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y, xx, yy, xy = np.moveaxis(sums[..., 1:] / n[..., None], -1, 0)
        gap = (x + centre[0]) - (y + centre[1])
        spread = yy - y**2
        value = 2 * (xy - x * y) / ((xx - x**2) + spread + gap**2)
    size = np.abs(centre[1]) + np.sqrt(yy)
    return np.where((n < 2) | (spread <= (SMALLEST_SPREAD * size) ** 2), np.nan, value)


def _sums(x: Float[np.ndarray, "frames 2"], y: Float[np.ndarray, "frames 2"]) -> Float[np.ndarray, "2 6"]:
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1).sum(axis=0)
