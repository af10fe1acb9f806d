"""People one by one: a mean can hide that a smaller model fails some of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from slimaffect.result import Variant


@dataclass(frozen=True)
class People:
    """How single subjects fare under a variant. CCC of each subject alone: another scope than the pooled CCC.

    Attributes:
        scored: subjects that have a CCC.
        worst: the subject with the lowest CCC, and it.
        tenth: mean CCC of the worst tenth of subjects, at least one.
        changes: (site, subject, CCC minus the baseline's for the same subject), from the largest loss to the largest
            gain; empty for the baseline itself and where the baseline's subjects are not recorded.
        harmed: subjects who lose more than the recipe's margin; None where it is not known.
    """

    scored: int
    worst: tuple[str, float]
    tenth: float
    changes: tuple[tuple[str, str, float], ...]
    harmed: int | None

    @property
    def tenth_change(self) -> float | None:
        """Mean change of the tenth of subjects who lose most."""
        most = [change for *_, change in self.changes]
        return _lowest_tenth(most) if most else None

    @property
    def tenth_gain(self) -> float | None:
        """Mean change of the tenth of subjects who gain most: where it is as large, both are chance."""
        most = [-change for *_, change in self.changes]
        return -_lowest_tenth(most) if most else None


def by_subject(variant: Variant) -> dict[tuple[str, str], float]:
    """CCC of every subject that has one: (site, subject) -> CCC; empty where they are not recorded."""
    sites = variant.scores.sites if variant.scores else {}
    return {
        (site, name): value
        for site, one in sorted(sites.items())
        for name, value in sorted((one.ccc_of_subjects or {}).items())
        if value is not None
    }


def people(variant: Variant, baseline: Variant | None) -> People | None:
    """Look at each subject under a variant; None where single subjects are not recorded."""
    mine = by_subject(variant)
    if not mine:
        return None
    (_, name), lowest = min(mine.items(), key=lambda one: one[1])
    before = by_subject(baseline) if baseline is not None and baseline is not variant else {}
    changes = changes_of(before, mine)
    against = variant.scores.versus_baseline if variant.scores else None
    margin = against.margin if against else None
    harmed = sum(change < -margin for *_, change in changes) if changes and margin is not None else None
    return People(len(mine), (name, lowest), _lowest_tenth(list(mine.values())), changes, harmed)


def changes_of(
    before: Mapping[tuple[str, str], float], after: Mapping[tuple[str, str], float]
) -> tuple[tuple[str, str, float], ...]:
    """Take the difference for every subject that both have, the largest loss first."""
    both = [(*subject, after[subject] - before[subject]) for subject in after if subject in before]
    return tuple(sorted(both, key=lambda one: one[2]))


def worst_tenth(variant: Variant) -> float | None:
    """Mean CCC of the worst tenth of subjects; None where single subjects are not recorded."""
    values = list(by_subject(variant).values())
    return _lowest_tenth(values) if values else None


def _lowest_tenth(values: list[float]) -> float:
    """Average the lowest tenth, rounded up to whole subjects.

    >>> _lowest_tenth([0.9, 0.1, 0.8, 0.3, *[0.5] * 8])
    0.2
    """
    return sum(sorted(values)[: (count := math.ceil(len(values) / 10))]) / count
