"""Whether two entries differ: never inside what one differs from itself by."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from slimaffect.meter.estimate import Estimate, estimate, student

Said = Literal["cheaper", "dearer", "no measurable difference", "too few processes"]
FEWEST = 5


@dataclass(frozen=True)
class Comparison:
    """One entry against the first.

    Attributes:
        ratio: of its cost to that of the first, with its interval over fresh processes, corrected for the number of
            entries compared.
        band: the first entry against a second copy of itself strayed from 1 by as much, interval included.
        said: `cheaper` or `dearer` only where the interval leaves 1 out and the ratio lies outside the band.
    """

    name: str
    ratio: Estimate
    band: float
    said: Said

    @property
    def sentence(self) -> str:
        """Say it to a person."""
        if self.said == "no measurable difference":
            return f"no measurable difference (the first differs from itself by up to {100 * self.band:.1f} %)"
        if self.said == "too few processes":
            return f"no verdict: {self.ratio.n} process(es), {FEWEST} are needed"
        low, high = self.ratio.interval or (math.nan, math.nan)
        return f"{self.said}: {self.ratio.mean:.3f} of the first ({low:.3f} to {high:.3f})"


def compare(name: str, logs: Sequence[float], null_logs: Sequence[float], *, compared: int = 1) -> Comparison:
    """Compare by the logarithms of cost ratios, one for each fresh process.

    Args:
        name: of the entry.
        logs: entry over first.
        null_logs: second copy of the first over first, from the same processes.
        compared: entries that are compared with the first: the more, the surer each must be (Bonferroni).

    >>> noise = [-0.01, 0.01, 0.0, 0.005, -0.005]
    >>> compare("twin", noise, noise).said
    'no measurable difference'
    >>> compare("slow", [0.095 + one for one in noise], noise).said
    'dearer'
    """
    told, null = estimate(logs), estimate(null_logs)
    if told.interval is None or null.interval is None or told.n < FEWEST:
        return Comparison(name, Estimate(math.exp(told.mean), None, told.n), math.nan, "too few processes")
    level = 1 - 0.05 / compared
    half = (told.interval[1] - told.mean) * student(told.n - 1, level) / student(told.n - 1)
    band = max(abs(null.interval[0]), abs(null.interval[1]))
    differs = abs(told.mean) > max(half, band)
    said: Said = ("dearer" if told.mean > 0 else "cheaper") if differs else "no measurable difference"
    ends = (math.exp(told.mean - half), math.exp(told.mean + half))
    return Comparison(name, Estimate(math.exp(told.mean), ends, told.n), math.expm1(band), said)
