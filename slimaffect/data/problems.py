"""A problem: something in a dataset that was set aside, or that a reader must know."""

from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True)
class Problem:
    """What is wrong where, and what to do about it; the run goes on without it.

    Attributes:
        where: a path inside the dataset, e.g. `S1/p01/reading.csv`, or a site.
        what: what is wrong, with the values that show it.
        next: what would mend it.
        severity: `set aside` when something is not used, `warning` when it is used all the same.
    """

    where: str
    what: str
    next: str
    severity: Literal["set aside", "warning"] = "set aside"

    def __str__(self) -> str:
        """One line for a terminal."""
        return f"{self.where}: {self.what}. {self.next}"

    def as_dict(self) -> dict[str, str]:
        """Plain values for JSON."""
        return asdict(self)
