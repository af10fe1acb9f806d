"""How clip times spread, as strips on one logarithmic scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from slimaffect.report.words import figures
from slimaffect.result import ClipTime

FIRST, QUARTER, MIDDLE, THREE_QUARTERS, LAST = 0, 3, 4, 5, 8  # places in `ClipTime.quantiles`


@dataclass(frozen=True)
class Strip:
    """Places of one strip in percent of its width: line and box as (start, width), and the tick of the median."""

    line: tuple[float, float]
    box: tuple[float, float] | None
    tick: float
    says: str


@dataclass(frozen=True)
class Strips:
    """The common scale, and whether any distribution is recorded whole."""

    low: float
    high: float
    whole: bool

    @classmethod
    def over(cls, times: Sequence[ClipTime]) -> "Strips":
        """Choose a scale that holds all."""
        ends = [value for one in times for value in _ends(one)]
        return cls(min(ends, default=1.0) * 0.95, max(ends, default=1.0) * 1.05, any(one.quantiles for one in times))

    def of(self, time: ClipTime) -> Strip | None:
        """Place one; None where nothing was timed."""
        if time.p50 is None or time.p50 <= 0:
            return None
        start, end = min(_ends(time)), max(_ends(time))
        quarters = _quarters(time)
        told = f"median {figures(time.p50)} ms, from {figures(start)} to {figures(end)} ms"
        return Strip(self._stretch(start, end), quarters and self._stretch(*quarters), self._at(time.p50), told)

    def _stretch(self, start: float, end: float) -> tuple[float, float]:
        return self._at(start), round(self._at(end) - self._at(start), 2)

    def _at(self, value: float) -> float:
        return round(100 * log(value / self.low) / log(self.high / self.low), 2)


def _ends(time: ClipTime) -> list[float]:
    outer = [time.quantiles[FIRST], time.quantiles[LAST]] if time.quantiles else [time.p90]
    return [value for value in (time.p50, *outer) if value is not None and value > 0]


def _quarters(time: ClipTime) -> tuple[float, float] | None:
    if not time.quantiles:
        return None
    low, high = time.quantiles[QUARTER], time.quantiles[THREE_QUARTERS]
    return None if low is None or high is None or low <= 0 else (low, high)
