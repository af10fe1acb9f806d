"""From windows to the record of energy: sums, intervals, and every flag that a reader must see."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from slimaffect.meter.counter import Described, Scope, weakest
from slimaffect.meter.cpu import CpuModel
from slimaffect.meter.estimate import Idle, above_idle_mj, estimate, total_mj
from slimaffect.meter.record import (
    Compute,
    EnergyRecord,
    Identity,
    Origin,
    PerUnit,
    Sampling,
    Totals,
    Uncertainty,
)
from slimaffect.meter.windows import FEW_UPDATES, Window

FEW_WINDOWS = 5
SHORT = (5.0, 50)  # seconds, or updates of the counter: what a window should have
MANY_PHASES = 20  # windows of random phase that a part-time sensor needs under a regular load


def energy_record(
    identity: Identity,
    windows: Sequence[Window],
    counters: Sequence[Described],
    idle: Idle | None,
    *,
    processes: Sequence[int] = (),
    sampling: dict[str, Any] | None = None,
    env: dict[str, Any] | None = None,
    flags: Sequence[str] = (),
    **more: Any,
) -> EnergyRecord:
    """Sum up the windows of one model in one scenario.

    A window in which a counter stood still or went back is left out and counted in the flags.

    Args:
        identity: what was run; its `units` are counted here.
        windows: of that model.
        counters: that were read, here or in another process.
        idle: power with nothing to do; None: joules above it are unknown.
        processes: the process of each window, where there were several.
        sampling: further fields of that block.
        env: where it was measured.
        flags: what is known already.
        more: further fields of the record.
    """
    groups = list(processes) or [0] * len(windows)
    good = [(window, group) for window, group in zip(windows, groups, strict=True) if window.total_j is not None]
    kept, homes = [window for window, _ in good], [group for _, group in good]
    total = _per_unit([total_mj(window) for window in kept], homes)
    above = None if idle is None else _per_unit([above_idle_mj(window, idle) for window in kept], homes)
    return EnergyRecord(
        schema="slimaffect.energy/1",
        identity=identity.model_copy(update={"units": sum(window.units for window in kept)}),
        totals=_totals(kept, idle),
        mj_per_unit=total,
        mj_per_unit_above_idle=above,
        uncertainty=_uncertainty(kept, counters, total),
        origin=_origin(windows, kept, counters),
        sampling=_sampling(kept, counters, sampling or {}),
        compute=_compute(kept, counters),
        env=env or {},
        flags=sorted({*flags, *_flags(windows, kept, counters, idle, above, identity.scenario)}),
        **more,
    )


def _per_unit(values: Sequence[float | None], groups: Sequence[int]) -> PerUnit:
    known = [value for value in values if value is not None]
    if not known:
        return PerUnit(mean=None, n_windows=0, n_processes=0)
    told = estimate(known, groups)
    return PerUnit(mean=told.mean, ci95=told.interval, n_windows=len(known), n_processes=len(set(groups)))


def _totals(kept: Sequence[Window], idle: Idle | None) -> Totals:
    seconds = sum(window.seconds for window in kept)
    joules = sum(window.total_j or 0.0 for window in kept) if kept else None
    idle_j = None if idle is None or joules is None else idle.mean_w * seconds
    return Totals(
        seconds=seconds,
        joules_total=joules,
        joules_idle=idle_j,
        joules_above_idle=None if joules is None or idle_j is None else joules - idle_j,
        idle_w=None if idle is None else idle.before_w,
        idle_w_after=None if idle is None else idle.after_w,
    )


def _uncertainty(kept: Sequence[Window], counters: Sequence[Described], total: PerUnit) -> Uncertainty:
    mean, ends = total.mean, total.ci95
    return Uncertainty(
        stat_rel=(ends[1] - mean) / mean if mean and ends else None,
        quant_rel=fmean(2 * window.gap_s / window.seconds for window in kept) if kept else None,
        gain_rel=max((one.rel_sys for one in counters if one.provenance != "modelled"), default=None),
        model_factor=next((one.power.band for one in counters if isinstance(one, CpuModel)), None),
    )


def _origin(windows: Sequence[Window], kept: Sequence[Window], counters: Sequence[Described]) -> Origin:
    missing = {} if kept else {name: why for window in windows for name, why in window.missing.items()}
    if not counters:
        missing = {"all": "no energy counter was given; `slim doctor` says which there are"}
    read = counters if kept else ()
    scopes: list[Scope] = [counter.scope for counter in read]
    return Origin(
        provenance=weakest({counter.provenance for counter in read}),
        source="+".join(sorted({counter.source for counter in read})) or None,
        scope=None if not scopes else scopes[0] if len(set(scopes)) == 1 else "board",
        domains=[counter.domain for counter in read],
        domains_missing=missing,
    )


def _sampling(kept: Sequence[Window], counters: Sequence[Described], more: dict[str, Any]) -> Sampling:
    told = {
        "update_s": max((counter.update_s for counter in counters), default=None),
        "updates_seen": sum(window.updates for window in kept),
        "edge_aligned": bool(kept) and all(window.aligned for window in kept),
    }
    return Sampling(**told | more)


def _compute(kept: Sequence[Window], counters: Sequence[Described]) -> Compute:
    gpus, seconds = sum(c.domain.startswith("gpu:") for c in counters), sum(window.seconds for window in kept)
    cpu_s, units = sum(window.cpu_s for window in kept), sum(window.units for window in kept)
    return Compute(
        cpu_seconds=cpu_s,
        cpu_s_per_unit=cpu_s / units if units else None,
        gpu_hours=gpus * seconds / 3600 if gpus else None,
        device_count=gpus or None,
    )


def _flags(
    windows: Sequence[Window],
    kept: Sequence[Window],
    counters: Sequence[Described],
    idle: Idle | None,
    above: PerUnit | None,
    scenario: str,
) -> set[str]:
    lead_s = max((counter.update_s for counter in counters), default=0.0)
    if counters and all(counter.provenance == "modelled" for counter in counters):
        return {"few_windows"} if len(kept) < FEW_WINDOWS else set()
    raised = {
        "no_counter_moved": not kept,
        "windows_void": 0 < len(kept) < len(windows),
        "few_windows": len(kept) < FEW_WINDOWS,
        "few_updates": any(window.updates < FEW_UPDATES for window in kept) and lead_s > 0,
        "short_windows": any(window.seconds < max(SHORT[0], SHORT[1] * lead_s) for window in kept),
        "not_edge_aligned": any(not window.aligned for window in kept),
        "below_idle_noise": above is not None and above.mean is not None and above.mean <= 0,
        "idle_unknown": idle is None,
        "few_phases": "part_time_sensor" in {f for c in counters for f in c.flags}
        and scenario.startswith("stream")
        and len(kept) < MANY_PHASES,
    }
    from_parts = {flag for counter in counters for flag in counter.flags} | set(idle.flags if idle else ())
    return {name for name, up in raised.items() if up} | from_parts
