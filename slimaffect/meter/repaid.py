"""After how many clips the shrinking has repaid what it cost: the break-even."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class BreakEven:
    """Clips until the saving has repaid the cost; infinite where it never does.

    Attributes:
        clips: at the figures as measured.
        interval: at the ends of the saving's interval; its upper end is infinite where the saving may be none.
    """

    clips: float
    interval: tuple[float, float]


def break_even(
    cost: float,
    before: float,
    after: float,
    *,
    before_interval: tuple[float, float] | None = None,
    after_interval: tuple[float, float] | None = None,
) -> BreakEven:
    """Divide what the shrinking cost by what each clip saves.

    All figures in one unit of one origin: joules of one meter, or CPU-seconds. Modelled joules of one machine are
    CPU-seconds times one constant: it cancels here, so CPU-seconds say the same without the constant's doubt.

    Args:
        cost: of the shrinking alone: of the variant, less that of the baseline it started from.
        before: of a clip of the baseline.
        after: of a clip of the variant.
        before_interval: of `before`, which is taken as exact where there is none.
        after_interval: of `after`, likewise.

    >>> break_even(100.0, before=2.0, after=1.5).clips
    200.0
    >>> break_even(100.0, before=1.0, after=1.0).clips
    inf
    >>> break_even(100.0, 2.0, 1.5, before_interval=(1.9, 2.1), after_interval=(1.4, 1.6)).interval == (
    ...     100 / (2.1 - 1.4), 100 / (1.9 - 1.6))
    True
    """
    low, high = before_interval or (before, before)
    best, worst = after_interval or (after, after)
    return BreakEven(
        _clips(cost, before - after),
        (_clips(cost, high - best), _clips(cost, low - worst)),
    )


def _clips(cost: float, saved: float) -> float:
    if cost <= 0:
        return 0.0
    return cost / saved if saved > 0 else math.inf
