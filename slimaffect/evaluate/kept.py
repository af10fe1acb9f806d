"""What a result keeps of each subject's answers, so that people can be resampled again without a single frame.

Six numbers per subject, seed and dimension of affect: frames, mean of the predictions, mean of the labels, their two
variances and their covariance (all over n). Every pooled CCC of any group of subjects follows from them exactly.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from slimaffect.evaluate.answers import Answers
from slimaffect.evaluate.bootstrap import resample
from slimaffect.evaluate.moments import Moments, ccc_of, moments
from slimaffect.evaluate.pulls import Pulls, score_and_pulls
from slimaffect.evaluate.scores import by_seed

Kept = Mapping[str, Mapping[str, Sequence[Sequence[Sequence[float | None]]]]]
"""site -> subject -> seed -> valence and arousal -> the six numbers."""


def keep(answers: Sequence[Answers]) -> dict[str, dict[str, list[list[list[float]]]]]:
    """Sum up what was answered, subject by subject, to seven significant figures."""
    found: dict[str, dict[str, list[list[list[float]]]]] = {}
    for folds in by_seed(answers).values():
        for site, one in folds.items():
            summed = moments(one)
            names = sorted(subject.subject for subject in one.subjects)
            for name, sums in zip(names, summed.sums, strict=True):
                found.setdefault(site, {}).setdefault(name, []).append(_six(sums, summed.centre))
    return found


def site_replicates(kept: Kept, *, draws: int, seed: int = 0) -> Float[np.ndarray, "sites draws 2"]:
    """Score resamplings of each site's subjects: CCC of valence and arousal, the mean over seeds.

    Sites stand in the order of their names. Equal sites, subjects and seed give equal resamplings, so that two models
    scored on the same people are paired draw by draw. NaN where a CCC is undefined.
    """
    sites = []
    for site in sorted(kept):
        table = np.array([kept[site][name] for name in sorted(kept[site])], dtype=np.float64)  # None becomes NaN
        weights = resample(site, len(table), draws, seed)
        sites.append(np.mean([ccc_of(_moments(table[:, one]), weights) for one in range(table.shape[1])], axis=0))
    return np.stack(sites)


def pulls_of(kept: Kept) -> Pulls:
    """Leave every subject out once, as a run does: the score and each subject's pull at it.

    Sites without a CCC are left out of the mean. What a run tells of seeds and single subjects is not made here.
    """
    scores, sites = {}, {}
    for site in sorted(kept):
        table = np.array([kept[site][name] for name in sorted(kept[site])], dtype=np.float64)
        seeds = [_moments(table[:, one]) for one in range(table.shape[1])]
        found = [score_and_pulls(one.sums, one.centre) for one in seeds]
        scores[site] = float(np.mean([score for score, _ in found]))
        sites[site] = np.mean([pull for _, pull in found], axis=0)
    moving = [site for site in sites if not np.isnan(scores[site])]
    value = float(np.mean([scores[site] for site in moving])) if moving else float("nan")
    shares = {site: sites[site] / len(moving) for site in moving}
    return Pulls(value, shares, {site: scores[site] for site in moving}, {}, np.empty(0))


def alike(one: Kept, other: Kept) -> bool:
    """Tell whether two models were scored on the same frames of the same people: then they can be paired."""
    return {site: set(people) for site, people in one.items()} == {
        site: set(people) for site, people in other.items()
    } and all(
        [six[0] for six in seed] == [six[0] for six in twin] and [six[2] for six in seed] == [six[2] for six in twin]
        for site in one
        for name in one[site]
        for seed, twin in zip(one[site][name][:1], other[site][name][:1], strict=True)
    )


def _six(sums: Float[np.ndarray, "2 6"], centre: Float[np.ndarray, "2 2"]) -> list[list[float]]:
    n = sums[:, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y, xx, yy, xy = (sums[:, column] / n for column in range(1, 6))
    six = np.stack([n, x + centre[0], y + centre[1], xx - x**2, yy - y**2, xy - x * y], axis=-1)
    return [[float(f"{value:.7g}") for value in dimension] for dimension in six]


def _moments(table: Float[np.ndarray, "subjects 2 6"]) -> Moments:
    """Turn means and variances back into sums around the mean of the site."""
    n, x, y, xx, yy, xy = np.moveaxis(table, -1, 0)
    centre = np.stack([(n * mean).sum(axis=0) / n.sum(axis=0) for mean in (x, y)])
    x, y = x - centre[0], y - centre[1]
    means = np.stack([np.ones_like(n), x, y, xx + x**2, yy + y**2, xy + x * y], axis=-1)
    return Moments(n[..., None] * means, centre)
