"""What a front is worth and which of its variants to take: its volume, its knee, and the cheapest that is safe."""

import math
from collections.abc import Sequence

from slimaffect.report.axes import Axis
from slimaffect.report.fronts import ccc, front
from slimaffect.report.verdict import baseline_of, standing
from slimaffect.result import Result, Variant


def hypervolume(points: Sequence[Sequence[float]], reference: Sequence[float]) -> float:
    """Volume that the points dominate down to the reference point; on every axis more is better.

    Sliced along the last axis, recursively: exact, and quick for the few points of a front.

    >>> hypervolume([(2.0, 1.0), (1.0, 2.0)], (0.0, 0.0))
    3.0
    """
    inside = [point for point in points if all(a > b for a, b in zip(point, reference, strict=True))]
    if not inside:
        return 0.0
    if len(reference) == 1:
        return max(point[0] for point in inside) - reference[0]
    volume, floor = 0.0, reference[-1]
    for level in sorted({point[-1] for point in inside}):
        above = [point[:-1] for point in inside if point[-1] >= level]
        volume += (level - floor) * hypervolume(above, reference[:-1])
        floor = level
    return volume


def saved_volume(result: Result, cost: Axis) -> float | None:
    """How much a front gains: the area between CCC 0 at the baseline's cost, and the front. In [0, 1].

    The reference point is a CCC of 0 (no agreement beyond chance) at the cost of the baseline; costs are counted as a
    share of it. The baseline alone has no volume; a variant as good as a perfect one and free of cost would have 1.
    None where the baseline's cost is unknown.
    """
    baseline = baseline_of(result)
    whole = cost.value(baseline) if baseline else None
    if not whole:
        return None
    points = [(ccc(one), cost.value(one)) for one in result.variants]
    on = [point for point, keeps in zip(points, front(points, (True, False)), strict=True) if keeps]
    return hypervolume([(y, -x / whole) for y, x in on if y is not None and x is not None], (0.0, -1.0))


def knee(result: Result, gain: Axis, cost: Axis) -> Variant | None:
    """Find the variant of the front after which accuracy falls off fastest for what is saved.

    It is the point of the front farthest above the line between its two ends, both axes from 0 to 1 and costs by their
    logarithm (Satopaa et al. 2011, https://doi.org/10.1109/ICDCSW.2011.20). None where the front has fewer than three
    points, or none lies above that line.
    """
    points = [(gain.value(one), cost.value(one)) for one in result.variants]
    on = front(points, (True, False))
    kept = sorted(
        (math.log(x), y, index)
        for index, ((y, x), keeps) in enumerate(zip(points, on, strict=True))
        if keeps and x and x > 0 and y is not None
    )
    if len(kept) < 3 or kept[0][0] == kept[-1][0] or kept[0][1] == kept[-1][1]:
        return None
    (x0, y0, _), (x1, y1, _) = kept[0], kept[-1]
    height, index = max(((y - y0) / (y1 - y0) - (x - x0) / (x1 - x0), index) for x, y, index in kept)
    return result.variants[index] if height > 0 else None


def cheapest_safe(result: Result, cost: Axis) -> Variant | None:
    """Find the cheapest variant that is shown to keep its accuracy; the baseline is safe by definition and not meant.

    Safe is non-inferior: the lower end of the paired interval lies within the recipe's margin. Of equal cost, the more
    accurate. None where no variant is safe, or none of the safe ones has this cost measured.
    """
    safe = [
        (value, -(ccc(one) or 0.0), index)
        for index, one in enumerate(result.variants)
        if standing(one, result.baseline) == "kept" and (value := cost.value(one)) is not None
    ]
    return result.variants[min(safe)[2]] if safe else None
