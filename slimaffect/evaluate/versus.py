"""How sure we are of a score, and whether a variant is as good as its baseline on the same people.

Intervals are the score plus and minus Student's t times the jackknife's standard error over subjects, with as many
degrees of freedom as subjects are left when each site has given one for its mean. Simulated with four sites and 45
subjects (benchmarks/intervals.py), 95 % of them hold the truth; of the bootstrap's intervals 63 to 84 % do (percentile,
CCC), because a pooled CCC of few people is too low, and BCa's 84 to 95 %.

Several variants are looked at, so the best of them looks better than it is. The verdict for all of them takes the
largest of their joint errors (max-T), drawn from the same pulls of the same people: variants that err together are
not counted twice, as Holm's correction would.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from slimaffect.errors import RunError
from slimaffect.evaluate.answers import Answers, pooled
from slimaffect.evaluate.pulls import Pulls, pulls
from slimaffect.evaluate.scores import by_seed

DRAWS = 5000
LEVEL = 0.95
Ends = tuple[float, float]


@dataclass(frozen=True)
class SiteDelta:
    """A variant against the baseline at one site alone; wide, because a site has few subjects."""

    delta: float
    interval: Ends


@dataclass(frozen=True)
class Versus:
    """A variant against its baseline, on the same subjects.

    Attributes:
        delta: CCC of the variant minus CCC of the baseline.
        interval: the paired interval of delta, over subjects.
        margin: the largest tolerated loss, written down before training.
        non_inferior: the lower end lies above -margin; None where there is no interval.
        power: the probability that a variant truly equal to the baseline would be found non-inferior
            with these subjects: Phi(margin / se - t). Where it is low, "not shown" says little about the variant.
        looked_at: how many variants were compared with this baseline.
        lower_of_all: the lower end that holds for all of them at once.
        non_inferior_of_all: that end lies above -margin. The verdict to choose a variant by.
        of_seeds: delta of each seed, over all subjects: what chance in training moves, apart from who was tested.
        of_sites: delta at each site alone.
        worst_site: the site that loses most.
        worst_tenth, best_tenth: mean change of the tenth of subjects who lose, and who gain, most: CCC of each subject
            alone, which is another scope. Equal and opposite they are chance; a mean can hide a few who are harmed.
    """

    delta: float
    interval: Ends
    margin: float
    non_inferior: bool | None
    power: float | None
    looked_at: int = 1
    lower_of_all: float | None = None
    non_inferior_of_all: bool | None = None
    of_seeds: tuple[float, ...] = ()
    of_sites: dict[str, SiteDelta] | None = None
    worst_site: str | None = None
    worst_tenth: float | None = None
    best_tenth: float | None = None


def interval(answers: Sequence[Answers], *, clip: bool = False) -> Ends:
    """Give the 95 % interval of the CCC (mean over dimensions, sites and seeds) over subjects.

    NaN where a site has fewer than two subjects: nothing is then known of how people differ there.
    """
    low, high = ends(pulls(answers, clip=clip))
    return low, min(high, 1.0)


def versus(baseline: Sequence[Answers], variant: Sequence[Answers], *, margin: float, clip: bool = False) -> Versus:
    """Compare one variant, the only one looked at, with the baseline on the same subjects of the same folds.

    Raises:
        RunError: the two were not scored on the same subjects, frames and labels.
    """
    return versus_all(baseline, {"variant": variant}, margin=margin, clip=clip)["variant"]


def versus_all(
    baseline: Sequence[Answers],
    variants: Mapping[str, Sequence[Answers]],
    *,
    margin: float,
    draws: int = DRAWS,
    seed: int = 0,
    clip: bool = False,
) -> dict[str, Versus]:
    """Compare every variant with the baseline; the verdict of all corrects for how many were looked at.

    Raises:
        RunError: two were not scored on the same subjects, frames and labels.
    """
    for variant in variants.values():
        _refuse_unpaired(baseline, variant)
    before = pulls(baseline, clip=clip)
    gaps = {name: pulls(variant, clip=clip).minus(before) for name, variant in variants.items()}
    known = [gap for gap in gaps.values() if np.isfinite(gap.error) and np.isfinite(gap.value)]
    reach = joint_reach(np.stack([gap.all for gap in known]), known[0].freedom, draws, seed) if known else np.nan
    return {name: _verdict(gap, margin, reach, len(gaps)) for name, gap in gaps.items()}


def ends(found: Pulls) -> Ends:
    """Both ends of the interval."""
    half = reach_of(found.freedom) * found.error if found.freedom else float("nan")
    return found.value - half, found.value + half


def reach_of(freedom: int) -> float:
    """Half the width of an interval in standard errors: about 2, more with few subjects."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def joint_reach(pulled: Float[np.ndarray, "variants subjects"], freedom: int, draws: int, seed: int) -> float:
    """Standard errors below which no variant of all lies, in 97.5 of 100 studies: max-T by the multiplier bootstrap.

    Each draw gives every subject a random weight, the same for all variants (Chernozhukov, Chetverikov and Kato 2013,
    https://doi.org/10.1214/13-AOS1161), and Student's t its random denominator. One variant has Student's own quantile.

    >>> alike = np.ones((50, 8))
    >>> joint_reach(alike, 7, 5000, 0) == reach_of(7)
    True
    >>> apart = np.random.default_rng(0).normal(size=(50, 8))
    >>> joint_reach(apart, 7, 5000, 0) > 1.3 * reach_of(7)
    True
    """
    error = np.sqrt((pulled**2).sum(axis=1, keepdims=True))
    unit = np.unique((pulled / np.where(error > 0, error, 1)).round(12), axis=0)
    if len(unit) == 1:
        return reach_of(freedom)
    random = np.random.default_rng(seed)
    errors = random.normal(size=(draws, pulled.shape[1])) @ unit.T
    errors /= np.sqrt(random.chisquare(freedom, size=(draws, 1)) / freedom)
    return max(reach_of(freedom), float(np.quantile(errors.max(axis=1), (1 + LEVEL) / 2)))


def _verdict(gap: Pulls, margin: float, reach: float, looked_at: int) -> Versus:
    low, high = ends(gap)
    alone = {site: SiteDelta(one.value, ends(one)) for site in gap.sites for one in [gap.of_site(site)]}
    worst = min((site for site in alone if np.isfinite(alone[site].delta)), key=lambda s: alone[s].delta, default=None)
    told = Versus(gap.value, (low, high), margin, None, None, looked_at, of_sites=alone, worst_site=worst)
    told = replace(told, of_seeds=tuple(gap.of_seeds.values()), **_tenths(gap.of_subjects))
    if np.isnan([gap.value, low]).any():
        return replace(told, interval=(float("nan"), float("nan")))
    lower = low if looked_at == 1 else gap.value - reach * gap.error
    return replace(
        told,
        non_inferior=low > -margin,
        power=_power(gap, margin),
        lower_of_all=lower,
        non_inferior_of_all=lower > -margin,
    )


def _power(gap: Pulls, margin: float) -> float:
    if gap.error == 0:
        return 1.0 if margin > 0 else 0.0
    return NormalDist().cdf(margin / gap.error - reach_of(gap.freedom))


def _tenths(changes: Float[np.ndarray, " subjects"]) -> dict[str, float | None]:
    """Average the changes of the subjects who lose most and of those who gain most; None where none has a CCC."""
    known = np.sort(changes[np.isfinite(changes)])
    if not len(known):
        return {"worst_tenth": None, "best_tenth": None}
    count = -(-len(known) // 10)
    return {"worst_tenth": float(known[:count].mean()), "best_tenth": float(known[-count:].mean())}


def _refuse_unpaired(baseline: Sequence[Answers], variant: Sequence[Answers]) -> None:
    """Frames, labels and people must be the same, or the difference is one of data and not of models."""
    before, after = (next(iter(by_seed(answers).values())) for answers in (baseline, variant))
    if list(before) != list(after):
        raise RunError(
            f"the baseline was scored on {list(before)} and the variant on {list(after)}: run both on all sites."
        )
    for site in before:
        old, new = (
            {s.subject: pooled(replace(one, subjects=(s,)))[1] for s in one.subjects}
            for one in (before[site], after[site])
        )
        odd = sorted(
            name for name in old.keys() | new.keys() if not np.array_equal(old.get(name, ()), new.get(name, ()))
        )
        if odd:
            raise RunError(
                f"site {site}: baseline and variant were scored on different frames of {', '.join(odd)}. "
                "Prepare the data once and run both again."
            )
