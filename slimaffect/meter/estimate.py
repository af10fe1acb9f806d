"""From windows to joules per unit of work, with intervals; and from two of them to a verdict."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from slimaffect.meter.windows import Window

IDLE_APART = 0.1  # idle power before and after may differ by so much


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval by Student's t; None where a single figure stands alone.

    `n` counts what is independent: fresh processes where there are several, windows otherwise.
    """

    mean: float
    interval: tuple[float, float] | None
    n: int


def estimate(values: Sequence[float], groups: Sequence[Hashable] = ()) -> Estimate:
    """Average figures; those of one group (a process) count as one, because they share what differs between groups.

    >>> [round(end, 2) for end in estimate([1.0, 3.0, 2.0]).interval]
    [-0.48, 4.48]
    >>> estimate([1.0]).interval is None
    True
    """
    if len(set(groups)) > 1:
        values = [_mean([v for v, g in zip(values, groups, strict=True) if g == one]) for one in dict.fromkeys(groups)]
    mean, n = _mean(values), len(values)
    if n < 2:
        return Estimate(mean, None, n)
    half = student(n - 1) * math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1) / n)
    return Estimate(mean, (mean - half, mean + half), n)


def ratio(of: Sequence[float], to: Sequence[float], groups: Sequence[Hashable] = ()) -> Estimate:
    """Average the ratios of figures that were taken side by side, round by round: what drifts falls on both.

    The geometric mean, because a half and a double are equally far from 1.

    >>> ratio([2.0, 1.0], [1.0, 2.0]).mean
    1.0
    """
    logs = estimate([math.log(one / other) for one, other in zip(of, to, strict=True)], groups)
    ends = None if logs.interval is None else (math.exp(logs.interval[0]), math.exp(logs.interval[1]))
    return Estimate(math.exp(logs.mean), ends, logs.n)


def student(freedom: int, level: float = 0.95) -> float:
    """Student's two-sided quantile."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


@dataclass(frozen=True)
class Idle:
    """Power of the machine with the model loaded and nothing to do, before and after."""

    before_w: float
    after_w: float

    @property
    def mean_w(self) -> float:
        """Half of each: a steady drift then falls out."""
        return (self.before_w + self.after_w) / 2

    @property
    def flags(self) -> tuple[str, ...]:
        """`idle_drifted` where the two are more than 10 % apart."""
        apart = abs(self.before_w - self.after_w) / max(self.before_w, self.after_w, 1e-9)
        return ("idle_drifted",) if apart > IDLE_APART else ()


def idle_of(before: Window, after: Window) -> Idle | None:
    """Make powers of two idle windows; None where a counter stood still."""
    if before.total_j is None or after.total_j is None:
        return None
    return Idle(before.total_j / before.seconds, after.total_j / after.seconds)


def total_mj(window: Window) -> float | None:
    """Millijoules of one unit, idle power included: the bill."""
    return None if window.total_j is None else 1e3 * window.total_j / window.units


def above_idle_mj(window: Window, idle: Idle) -> float | None:
    """Millijoules of one unit above what the machine draws anyway: what the model changes."""
    if window.total_j is None:
        return None
    return 1e3 * (window.total_j - idle.mean_w * window.seconds) / window.units


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
