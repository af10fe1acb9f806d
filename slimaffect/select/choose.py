"""One door to all selectors, by the word that a recipe uses."""

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float, Int

from slimaffect.errors import RunError
from slimaffect.select.cells import coverage, quota
from slimaffect.select.geometry import facility_location, herding, k_center
from slimaffect.select.scores import difficult, moderate, prototype, residuals
from slimaffect.select.selection import Selection
from slimaffect.select.spread import random, stride

Selector = Literal[
    "stride",
    "random",
    "quota",
    "k_center",
    "herding",
    "facility_location",
    "prototype",
    "moderate",
    "difficulty",
    "hardest",
    "coverage",
]
SELECTORS: tuple[Selector, ...] = get_args(Selector)
BLIND: tuple[Selector, ...] = ("stride", "random", "quota")
"""Selectors that need no features."""
CUT = 0.1  # share of the hardest that `difficulty` leaves out


class Offer(NamedTuple):
    """What a selector may read."""

    features: Float[np.ndarray, "n d"]
    labels: Float[np.ndarray, "n 2"]
    groups: Int[np.ndarray, " n"]
    keep: float
    seed: int

    @property
    def difficulty(self) -> Float[np.ndarray, " n"]:
        """How hard each unit is."""
        return residuals(self.features, self.labels, self.groups)


_CHOOSE: dict[Selector, Callable[[Offer], Selection]] = {
    "stride": lambda of: stride(of.groups, keep=of.keep, seed=of.seed),
    "random": lambda of: random(of.groups, keep=of.keep, seed=of.seed),
    "quota": lambda of: quota(of.groups, of.labels, keep=of.keep, seed=of.seed),
    "k_center": lambda of: k_center(of.features, of.groups, keep=of.keep),
    "herding": lambda of: herding(of.features, of.groups, keep=of.keep),
    "facility_location": lambda of: facility_location(of.features, of.groups, keep=of.keep),
    "prototype": lambda of: prototype(of.features, of.groups, keep=of.keep, seed=of.seed),
    "moderate": lambda of: moderate(of.features, of.labels, of.groups, keep=of.keep),
    "difficulty": lambda of: difficult(of.groups, of.difficulty, keep=of.keep, cut=CUT),
    "hardest": lambda of: difficult(of.groups, of.difficulty, keep=of.keep, cut=0.0),
    "coverage": lambda of: coverage(of.groups, of.difficulty, keep=of.keep, seed=of.seed),
}


def select(
    by: Selector,
    features: Float[np.ndarray, "n d"],
    labels: Float[np.ndarray, "n 2"],
    groups: Int[np.ndarray, " n"],
    *,
    keep: float,
    seed: int,
) -> Selection:
    """Keep a share of the units of every group.

    Args:
        by: how to choose.
        features: what is known of each unit, in comparable scales; may be a memory-mapped file. Ignored by `BLIND`.
        labels: mean valence and arousal of each unit, both in [-1, 1].
        groups: the subject of each unit; units of a subject stand in the order of time.
        keep: share to keep, above 0 and up to 1.
        seed: of what is drawn.

    Raises:
        RunError: features are no finite numbers.
    """
    if by not in BLIND:
        _refuse_no_numbers(features)
    return _CHOOSE[by](Offer(features, labels, groups, keep, seed))


def _refuse_no_numbers(features: Float[np.ndarray, "n d"]) -> None:
    wrong = sum(int((~np.isfinite(features[n : n + 65_536])).sum()) for n in range(0, len(features), 65_536))
    if wrong:
        raise RunError(
            f"subset: {wrong} of {features.size} features are no finite numbers. The model that computes them has "
            "diverged: set features: pixels, or lower the learning rate of the training before."
        )
