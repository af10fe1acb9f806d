"""From what a model answered to what it scores: pooled within a fold, then the plain mean over sites."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from slimaffect.errors import RunError
from slimaffect.evaluate.answers import Answers, SubjectAnswers, pooled
from slimaffect.evaluate.metrics import ccc, is_constant, pcc, rmse, sagr

__all__ = [
    "Answers",
    "Scores",
    "SiteScores",
    "SubjectAnswers",
    "by_seed",
    "score",
    "site_scores",
    "subject_ccc",
    "undefined",
]

# Which dimensions of affect must move in a fold before the fold counts in the mean of a metric.
_NEEDS = {"ccc": (0, 1), "ccc_valence": (0,), "ccc_arousal": (1,), "pcc": (0, 1), "rmse": (0, 1), "sagr": (0, 1)}


@dataclass(frozen=True)
class SiteScores:
    """The scores on one held-out site; all its frames pooled, the mean over seeds, NaN where undefined."""

    ccc: float  # mean of valence and arousal
    ccc_valence: float
    ccc_arousal: float
    pcc: float
    rmse: float
    sagr: float
    subjects: int
    frames: int  # valid ones


@dataclass(frozen=True)
class Scores:
    """The plain mean over sites, every site, and how many units could not be scored.

    Attributes:
        undefined: sites x dimensions whose labels stand still; they are in no mean.
        clipped: whether predictions were moved into [-1, 1] before scoring.
        beyond_range: share of valid predictions outside [-1, 1], before any clipping.
        ccc_of_seeds: the mean over sites for each seed, seeds in ascending order.
    """

    ccc: float
    ccc_valence: float
    ccc_arousal: float
    pcc: float
    rmse: float
    sagr: float
    sites: dict[str, SiteScores]
    worst_site: str | None
    undefined: int
    clipped: bool
    beyond_range: float
    ccc_of_seeds: tuple[float, ...]


def score(answers: Sequence[Answers], *, clip: bool = False) -> Scores:
    """Score every fold and seed: pool within a fold, average over sites, then over seeds.

    Raises:
        RunError: a fold is missing or given twice, or there is none.
    """
    table = by_seed([one.clipped() for one in answers] if clip else answers)
    first = next(iter(table.values()))
    still = {site: undefined(first[site]) for site in first}
    seeds = [{site: site_scores(folds[site]) for site in folds} for folds in table.values()]
    sites = {site: _over_seeds([scores[site] for scores in seeds]) for site in first}
    return Scores(
        **_over_sites(sites, still),
        sites=sites,
        worst_site=min((s for s in sites if not np.isnan(sites[s].ccc)), key=lambda s: sites[s].ccc, default=None),
        undefined=int(np.sum(list(still.values()))),
        clipped=clip,
        beyond_range=_beyond_range(answers),
        ccc_of_seeds=tuple(_over_sites(scores, still)["ccc"] for scores in seeds),
    )


def site_scores(answers: Answers) -> SiteScores:
    """Score one fold and seed, all valid frames of all its subjects in one series.

    A prediction that is NaN or infinite on a valid frame makes the scores NaN: a model that does not
    answer must not be scored on the frames where it does.
    """
    predicted, affect = pooled(answers)
    broken = not np.isfinite(predicted).all()
    values = {
        metric.__name__: [float("nan") if broken else metric(predicted[:, d], affect[:, d]) for d in (0, 1)]
        for metric in (ccc, pcc, rmse, sagr)
    }
    valence, arousal = values["ccc"]
    means = {name: float(np.mean(pair)) for name, pair in values.items()}
    return SiteScores(
        **means, ccc_valence=valence, ccc_arousal=arousal, subjects=len(answers.subjects), frames=len(affect)
    )


def subject_ccc(answers: Sequence[Answers]) -> dict[str, dict[str, float]]:
    """Score every subject alone: site -> subject -> CCC, the mean over dimensions and seeds; NaN where undefined.

    Another scope than the pooled CCC, and usually far below it: never compare the two.
    """
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in answers:
        for subject in one.subjects:
            found[one.held_out][subject.subject].append(site_scores(replace(one, subjects=(subject,))).ccc)
    return {site: {name: _mean(seeds) for name, seeds in sorted(found[site].items())} for site in sorted(found)}


def by_seed(answers: Sequence[Answers]) -> dict[int, dict[str, Answers]]:
    """Sort answers into seed -> held-out site, both ascending, and refuse a table with holes.

    Raises:
        RunError: a fold is missing or given twice, or there is none.
    """
    table: dict[int, dict[str, Answers]] = defaultdict(dict)
    for one in answers:
        if one.held_out in table[one.seed]:
            raise RunError(f"two sets of answers for site {one.held_out!r}, seed {one.seed}; give each fold once.")
        table[one.seed][one.held_out] = one
    sites = sorted({one.held_out for one in answers})
    holes = [f"{site} (seed {seed})" for seed in sorted(table) for site in sites if site not in table[seed]]
    if holes or not table:
        missing = ", ".join(holes) or "every fold"
        raise RunError(f"answers are missing for {missing}. A mean over sites needs all of them: run the recipe again.")
    return {seed: {site: table[seed][site] for site in sites} for seed in sorted(table)}


def undefined(answers: Answers) -> tuple[bool, bool]:
    """Tell for valence and arousal whether the labels of this fold stand still, so that no CCC exists."""
    affect = pooled(answers)[1]
    return is_constant(affect[:, 0]), is_constant(affect[:, 1])


def _over_sites(scores: Mapping[str, SiteScores], still: Mapping[str, tuple[bool, bool]]) -> dict[str, float]:
    """Average each metric over the sites whose labels move; each site counts once, whatever its size."""
    return {
        metric: _mean(getattr(scores[site], metric) for site in scores if not any(still[site][d] for d in needs))
        for metric, needs in _NEEDS.items()
    }


def _over_seeds(scores: Sequence[SiteScores]) -> SiteScores:
    return replace(scores[0], **{metric: _mean(getattr(one, metric) for one in scores) for metric in _NEEDS})


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return float(np.mean(found)) if found else float("nan")


def _beyond_range(answers: Sequence[Answers]) -> float:
    beyond = np.concatenate([np.abs(pooled(one)[0]).ravel() > 1 for one in answers])
    return float(beyond.mean()) if beyond.size else float("nan")
