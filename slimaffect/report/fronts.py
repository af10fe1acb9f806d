"""Pareto fronts: the variants that no other variant beats, on as many axes as one likes."""

from collections.abc import Callable, Sequence

from slimaffect.result import ParetoPlace, Variant

Point = Sequence[float | None]


def front(points: Sequence[Point], gains: Sequence[bool]) -> list[bool | None]:
    """Tell of each point whether no other is at least as good on every axis and better on one.

    `gains` says of each axis whether more is better. A point with a missing value is on no front and beats nothing:
    None. Equal points stand together.

    >>> front([(0.9, 10.0, 4.0), (0.8, 5.0, 9.0), (0.7, 7.0, 9.0), (0.8, None, 1.0)], (True, False, False))
    [True, True, False, None]
    """
    signed = [None if None in point else _signed(point, gains) for point in points]
    kept: list[tuple[float, ...]] = []
    for one in sorted({one for one in signed if one is not None}, reverse=True):
        if not any(_beats(other, one) for other in kept):  # whatever beats it stands before it, and so does a kept one
            kept.append(one)
    return [None if one is None else one in kept for one in signed]


def non_dominated(points: Sequence[tuple[float | None, float | None]]) -> list[bool | None]:
    """Place (gain, cost) points on their front.

    >>> non_dominated([(0.9, 10.0), (0.8, 5.0), (0.7, 7.0), (0.8, None)])
    [True, True, False, None]
    """
    return front(points, (True, False))


def _signed(point: Point, gains: Sequence[bool]) -> tuple[float, ...]:
    """Turn every axis so that more is better."""
    return tuple((value or 0.0) * (1 if gain else -1) for value, gain in zip(point, gains, strict=True))


def _beats(other: tuple[float, ...], one: tuple[float, ...]) -> bool:
    return other != one and all(a >= b for a, b in zip(other, one, strict=True))


def fronts(variants: Sequence[Variant]) -> list[ParetoPlace]:
    """Place each variant on the fronts of CCC against clip time, and of CCC against energy.

    The energy axis is joules where every deployed variant has joules of one and the same provenance
    other than a model, and CPU-seconds otherwise: joules of different origin share no axis.
    """
    energy_of = energy_axis(variants)
    latency = non_dominated([(ccc(one), clip_ms(one)) for one in variants])
    energy = non_dominated([(ccc(one), energy_of(one)) for one in variants])
    return [ParetoPlace(latency=one, energy=other) for one, other in zip(latency, energy, strict=True)]


def energy_axis(variants: Sequence[Variant]) -> Callable[[Variant], float | None]:
    """Choose what the energy axis shows: `joules` or `cpu_s`."""
    deployed = [variant.deploy for variant in variants if variant.deploy]
    origins = {one.energy_j_per_clip.provenance if one.energy_j_per_clip else None for one in deployed}
    return joules if len(origins) == 1 and origins <= {"measured", "sampled"} else cpu_s


def clip_ms(variant: Variant) -> float | None:
    """Median milliseconds per clip of the deployed file."""
    return variant.deploy.clip_ms.p50 if variant.deploy and variant.deploy.clip_ms else None


def cpu_s(variant: Variant) -> float | None:
    """CPU-seconds per clip of the deployed file."""
    return variant.deploy.cpu_s_per_clip if variant.deploy else None


def joules(variant: Variant) -> float | None:
    """Joules per clip of the deployed file, whatever their provenance."""
    energy = variant.deploy.energy_j_per_clip if variant.deploy else None
    return energy.value if energy else None


def ccc(variant: Variant) -> float | None:
    """CCC, the mean over sites."""
    return variant.scores.ccc if variant.scores else None


def size_mb(variant: Variant) -> float | None:
    """Size of the deployed file in megabytes."""
    return variant.deploy.size_mb if variant.deploy else None
