"""What a search may cost, and what it has cost: whichever limit is reached first ends it."""

from collections.abc import Iterable
from statistics import median
from typing import Any, NamedTuple

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from slimaffect.settings import Settings


class Spent(NamedTuple):
    """What was spent so far; joules are None where they are not known."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    joules: float | None = 0.0
    examples: int = 0
    trainings: int = 0

    def since(self, before: "Spent") -> "Spent":
        """Answer what was spent after `before`."""
        joules = None if self.joules is None or before.joules is None else self.joules - before.joules
        return Spent(
            self.seconds - before.seconds,
            self.cpu_s - before.cpu_s,
            joules,
            self.examples - before.examples,
            self.trainings - before.trainings,
        )

    def rounded(self) -> dict[str, Any]:
        """Answer it as plain values."""
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in self._asdict().items()}


def together(costs: Iterable[Spent]) -> Spent:
    """Add up; a sum of joules with a missing part is missing.

    >>> together([Spent(1.0, 2.0, None, 10, 1), Spent(1.0, 1.0, 4.0, 10, 1)])
    Spent(seconds=2.0, cpu_s=3.0, joules=None, examples=20, trainings=2)
    """
    found = list(costs)
    joules = [one.joules for one in found]
    known = [one for one in joules if one is not None]
    return Spent(
        sum((one.seconds for one in found), 0.0),
        sum((one.cpu_s for one in found), 0.0),
        sum(known, 0.0) if len(known) == len(joules) else None,
        sum(one.examples for one in found),
        sum(one.trainings for one in found),
    )


class Budget(Settings):
    """Limits of a search; the first that would be passed ends it. The trainings at full size come on top."""

    trials: PositiveInt = 60
    """Trials on the proxy, paired checks left out."""
    hours: PositiveFloat | None = None
    """Wall-clock hours of all trials, checks included."""
    cpu_s: PositiveFloat | None = None
    """CPU-seconds of all trials, checks included."""
    joules: PositiveFloat | None = None
    """Joules of all trials, checks included; where they are not known this limit cannot hold and is told as such."""
    warm_up: NonNegativeInt = 40
    """Trials that are spread evenly before any is chosen by what was learnt; with fewer than 40 nothing is frozen."""

    def over(self, costs: list[Spent]) -> str | None:
        """Say which limit one more trial of the median cost would pass; None while there is room."""
        spent = together(costs)
        limits = {"hours": self.hours and self.hours * 3600, "cpu_s": self.cpu_s, "joules": self.joules}
        for word, (limit, used, each) in {
            "hours": (limits["hours"], spent.seconds, [one.seconds for one in costs]),
            "cpu_s": (limits["cpu_s"], spent.cpu_s, [one.cpu_s for one in costs]),
            "joules": (limits["joules"], spent.joules, [one.joules for one in costs if one.joules is not None]),
        }.items():
            if limit is not None and used is not None and used + (median(each) if each else 0.0) > limit:
                return word
        return None
