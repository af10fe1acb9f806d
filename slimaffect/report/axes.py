"""What a variant can be plotted, ranked and chosen by: every axis with its unit, its direction and its intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from slimaffect.report.fronts import ccc, clip_ms, cpu_s, energy_axis, joules, size_mb
from slimaffect.report.subjects import worst_tenth
from slimaffect.result import Result, Variant

Ends = tuple[float, float] | None


def _unknown(_: Variant) -> Ends:
    return None


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        key: its name in tables, files and queries.
        name: its name in a menu.
        title: what stands beside the axis, with the unit and how it was found.
        gain: True where more is better; False for a cost.
        value: reads it from a variant; None where it was not measured.
        ends: its 95 % interval, where one is recorded.
    """

    key: str
    name: str
    title: str
    gain: bool
    value: Callable[[Variant], float | None]
    ends: Callable[[Variant], Ends] = _unknown

    @property
    def unit(self) -> str:
        """The unit of its values; empty for scores and counts."""
        return {"ms": "ms", "mj": "mJ", "mb": "MB", "s": "s"}.get(self.key.rpartition("_")[2], "")

    @property
    def scale(self) -> Literal["linear", "log"]:
        """Costs span decades; scores do not."""
        return "linear" if self.gain else "log"


def axes_of(result: Result) -> list[Axis]:
    """List the axes that this result has values for, scores first and costs after them.

    Joules are an axis only where every one was measured, or every one sampled: modelled ones are CPU-seconds
    times a constant, and joules of different origin share no axis.
    """
    offered = [*_gains(result), *_costs(result)]
    return [axis for axis in offered if any(axis.value(one) is not None for one in result.variants)]


def axis_named(axes: Sequence[Axis], key: str) -> Axis | None:
    """Find an axis by its key."""
    return next((axis for axis in axes if axis.key == key), None)


def delta(variant: Variant) -> float | None:
    """CCC minus the baseline's, on the same people."""
    against = variant.scores.versus_baseline if variant.scores else None
    return against.delta if against else None


def worst_site(variant: Variant) -> float | None:
    """CCC on the site, or group, where it is lowest."""
    known = [one.ccc for one in variant.scores.sites.values() if one.ccc is not None] if variant.scores else []
    return min(known, default=None)


def _gains(result: Result) -> list[Axis]:
    unit = result.folds
    return [
        Axis("ccc", "CCC", f"CCC on held-out {unit}s", True, ccc, _ccc_ends),
        Axis("delta", "CCC against the baseline", "CCC minus the baseline's (paired)", True,
             lambda one: 0.0 if one.name == result.baseline and ccc(one) is not None else delta(one), _delta_ends),
        Axis("ccc_valence", "CCC of valence", f"CCC of valence on held-out {unit}s", True, _score("ccc_valence")),
        Axis("ccc_arousal", "CCC of arousal", f"CCC of arousal on held-out {unit}s", True, _score("ccc_arousal")),
        Axis("worst_site_ccc", f"CCC on the worst {unit}", f"CCC on the worst held-out {unit}", True, worst_site),
        Axis("worst_tenth_ccc", "CCC of the worst tenth", "mean CCC of the worst tenth of subjects", True, worst_tenth),
    ]  # fmt: skip


def _costs(result: Result) -> list[Axis]:
    energy = []
    if energy_axis(result.variants) is joules:
        origins = (one.deploy.energy_j_per_clip for one in result.variants if one.deploy)
        origin = next(one.provenance for one in origins if one)
        title = f"energy per clip, mJ ({origin})"
        energy = [Axis("energy_mj", "Energy for a clip", title, False, _times(1e3, joules), _joule_ends)]
    return [
        Axis("clip_ms", "Time for a clip", "median time per clip, ms (measured)", False, clip_ms),
        Axis("clip_p90_ms", "Time for a slow clip (p90)", "90th percentile of the time per clip, ms (measured)", False,
             lambda one: one.deploy.clip_ms.p90 if one.deploy and one.deploy.clip_ms else None),
        Axis("cpu_ms", "CPU time for a clip", "CPU time per clip, ms (measured)", False, _times(1e3, cpu_s)),
        *energy,
        Axis("size_mb", "File size", "size of the deployed file, MB", False, size_mb),
        Axis("peak_memory_mb", "Peak memory", "peak memory of the deployed process, MB", False,
             _deployed("peak_memory_mb")),
        Axis("parameters", "Parameters", "parameters", False, _deployed("parameters")),
        Axis("macs_per_frame", "MACs for a frame", "multiply-accumulates per frame", False,
             _deployed("macs_per_frame")),
        Axis("of_peak", "Use of the core", "share of the core's measured float32 peak", True, _deployed("of_peak")),
        Axis("making_cpu_s", "CPU time to make it", "CPU time of all trainings it needed, s", False,
             lambda one: one.cost.cpu_s if one.cost else None),
    ]  # fmt: skip


def _score(name: str) -> Callable[[Variant], float | None]:
    return lambda one: getattr(one.scores, name) if one.scores else None


def _deployed(name: str) -> Callable[[Variant], float | None]:
    return lambda one: getattr(one.deploy, name) if one.deploy else None


def _times(factor: float, read: Callable[[Variant], float | None]) -> Callable[[Variant], float | None]:
    def scaled(variant: Variant) -> float | None:
        value = read(variant)
        return None if value is None else factor * value

    return scaled


def _ccc_ends(variant: Variant) -> Ends:
    return variant.scores.ccc_interval if variant.scores else None


def _delta_ends(variant: Variant) -> Ends:
    against = variant.scores.versus_baseline if variant.scores else None
    return against.interval if against else None


def _joule_ends(variant: Variant) -> Ends:
    energy = variant.deploy.energy_j_per_clip if variant.deploy else None
    return (1e3 * energy.interval[0], 1e3 * energy.interval[1]) if energy and energy.interval else None
