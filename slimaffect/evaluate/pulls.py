"""How strongly each subject pulls at a score: what changes when it is left out of its site (the jackknife).

Frames of one face are not independent, so people are left out, never frames; and baseline and variant are pulled at by
the same people, so the pulls of their difference are the differences of their pulls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from slimaffect.evaluate.answers import Answers
from slimaffect.evaluate.moments import ccc_of_sums, moments
from slimaffect.evaluate.scores import by_seed, undefined

Pull = Float[np.ndarray, " _"]


@dataclass(frozen=True, eq=False)
class Pulls:
    """A score, and the pull of each subject at it, site by site. The pulls' squares add up to its variance.

    Attributes:
        value: the score: CCC, mean over dimensions, seeds and sites.
        sites: the pulls at each site's part of it, subjects in the order of their names.
        of_sites: each site's own score.
        of_seeds: the score of each seed, by seed.
        of_subjects: the score of each subject alone, in the order of the pulls; another scope than the pooled score.
    """

    value: float
    sites: dict[str, Pull]
    of_sites: dict[str, float]
    of_seeds: dict[int, float]
    of_subjects: Pull

    @property
    def all(self) -> Pull:
        """The pulls of all subjects behind each other."""
        return np.concatenate(list(self.sites.values())) if self.sites else np.empty(0)

    @property
    def error(self) -> float:
        """Standard error over subjects; NaN where a site has fewer than two: how people differ is then unknown."""
        few = not self.sites or min(map(len, self.sites.values())) < 2
        return float("nan") if few else float(np.sqrt((self.all**2).sum()))

    @property
    def freedom(self) -> int:
        """Subjects left when each site has given one for its mean."""
        return sum(len(pull) - 1 for pull in self.sites.values())

    def of_site(self, site: str) -> "Pulls":
        """The score of one site alone."""
        alone = {site: self.sites[site] * len(self.sites)}
        return replace(self, value=self.of_sites[site], sites=alone, of_sites={site: self.of_sites[site]})

    def minus(self, other: "Pulls") -> "Pulls":
        """The difference of two scores on the same people."""
        seeds = self.of_seeds if list(self.of_seeds) == list(other.of_seeds) else {}
        return Pulls(
            self.value - other.value,
            {site: pull - other.sites[site] for site, pull in self.sites.items()},
            {site: value - other.of_sites[site] for site, value in self.of_sites.items()},
            {seed: value - other.of_seeds[seed] for seed, value in seeds.items()},
            self.of_subjects - other.of_subjects,
        )


def pulls(answers: Sequence[Answers], *, clip: bool = False) -> Pulls:
    """Leave every subject out once; sites whose labels stand still in a dimension are left out of the mean."""
    table = by_seed([one.clipped() for one in answers] if clip else answers)
    first = next(iter(table.values()))
    kept = [site for site in first if not any(undefined(first[site]))]
    summed = {site: [moments(folds[site]) for folds in table.values()] for site in kept}
    each = {site: [score_and_pulls(one.sums, one.centre) for one in seeds] for site, seeds in summed.items()}
    scores = np.array([[value for value, _ in each[site]] for site in kept]).reshape(len(kept), len(table))
    alone = [np.mean([ccc_of_sums(o.sums, o.centre).mean(axis=-1) for o in seeds], axis=0) for seeds in summed.values()]
    return Pulls(
        value=float(scores.mean()) if kept else float("nan"),
        sites={site: np.mean([pull for _, pull in each[site]], axis=0) / len(kept) for site in kept},
        of_sites=dict(zip(kept, scores.mean(axis=1).tolist(), strict=True)),
        of_seeds=dict(zip(table, scores.mean(axis=0).tolist(), strict=True)) if kept else {},
        of_subjects=np.concatenate(alone) if kept else np.empty(0),
    )


def score_and_pulls(
    sums: Float[np.ndarray, "*batch subjects 2 6"], centre: Float[np.ndarray, "2 2"]
) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "*batch subjects"]]:
    """CCC of one site, mean over dimensions, and each subject's pull at it, from the sums of its subjects.

    A pull is (S_(i) - mean of S_(i)) sqrt((n - 1) / n), with S_(i) the score without subject i: its squares add up to
    the jackknife's variance (Efron and Stein 1981, https://doi.org/10.1214/aos/1176345462).
    """
    n = sums.shape[-3]
    total = sums.sum(axis=-3)
    without = ccc_of_sums(total[..., None, :, :] - sums, centre).mean(axis=-1)
    pull = (without.mean(axis=-1, keepdims=True) - without) * np.sqrt((n - 1) / n)
    return np.asarray(ccc_of_sums(total, centre).mean(axis=-1)), pull
