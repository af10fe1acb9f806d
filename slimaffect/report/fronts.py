"""Pareto fronts: the variants that no other variant beats on both accuracy and cost."""

from collections.abc import Callable, Sequence

from slimaffect.result import ParetoPlace, Variant


def non_dominated(points: Sequence[tuple[float | None, float | None]]) -> list[bool | None]:
    """Tell of each (gain, cost) whether nothing else is at least as good on both and better on one.

    A point with a missing value is on no front and dominates nothing: None. Equal points stand together.

    >>> non_dominated([(0.9, 10.0), (0.8, 5.0), (0.7, 7.0), (0.8, None)])
    [True, True, False, None]
    """
    known = [(gain, cost) for gain, cost in points if gain is not None and cost is not None]
    return [
        None if gain is None or cost is None else not any(_beats(other, (gain, cost)) for other in known)
        for gain, cost in points
    ]


def _beats(other: tuple[float, float], one: tuple[float, float]) -> bool:
    return other[0] >= one[0] and other[1] <= one[1] and other != one


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
