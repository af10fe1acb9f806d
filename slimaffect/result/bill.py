"""The bill of a result: what its tasks cost together, and when each variant has repaid what it cost. Pure functions."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from slimaffect.meter.carbon import Intensity, carbon_of
from slimaffect.meter.counter import weakest
from slimaffect.meter.repaid import BreakEven, break_even
from slimaffect.result.records import Bill, Carbon, LedgerEntry, Repaid, Variant


def bill_of(ledger: Sequence[LedgerEntry], at: Intensity | None = None) -> Bill:
    """Add up the ledger: every task once, with every attempt at it; a sum with an unknown part is unknown.

    Args:
        ledger: of a result.
        at: carbon intensity of the electricity; None: no grams.
    """
    joules = _sum(entry.joules for entry in ledger)
    origins = {entry.provenance or "missing" for entry in ledger}
    origin = weakest(origins)
    gpu = _sum(entry.gpu_seconds or 0.0 for entry in ledger)
    return Bill(
        tasks=len(ledger),
        seconds=_sum(entry.seconds for entry in ledger),
        cpu_s=_sum(entry.cpu_s for entry in ledger),
        joules=joules,
        provenance=None if origin == "missing" else origin,
        gpu_hours=None if gpu is None else gpu / 3600,
        examples=_whole(entry.examples for entry in ledger),
        trainings=_whole(entry.trainings for entry in ledger),
        unfinished_cpu_s=_sum(try_["cpu_s"] for entry in ledger for try_ in _attempts(entry) if not try_["finished"]),
        spent_now_cpu_s=_sum(entry.cpu_s for entry in ledger if not entry.reused),
        carbon=Carbon(**carbon_of(joules, at)),
    )


def repaid_of(baseline: Variant, variant: Variant) -> Repaid | None:
    """Say after how many clips a variant has repaid what it cost beyond the baseline.

    In joules where both were measured alike; else in CPU-seconds: modelled joules are these times one constant, which
    cancels. None for the baseline itself, and where a cost is unknown.
    """
    if variant.name == baseline.name:
        return None
    found = _in_joules(baseline, variant)
    if found is not None:
        return _record("joules", found)
    found = _in_cpu_s(baseline, variant)
    return None if found is None else _record("cpu_s", found)


def _in_joules(baseline: Variant, variant: Variant) -> BreakEven | None:
    if not (baseline.cost and variant.cost and baseline.deploy and variant.deploy):
        return None
    before, after = baseline.deploy.energy_j_per_clip, variant.deploy.energy_j_per_clip
    made, given = variant.cost.joules, baseline.cost.joules
    if before is None or after is None or before.value is None or after.value is None or made is None or given is None:
        return None
    origins = {before.provenance, after.provenance, baseline.cost.provenance, variant.cost.provenance}
    if origins != {"measured"}:
        return None
    return break_even(
        made - given, before.value, after.value, before_interval=before.interval, after_interval=after.interval
    )


def _in_cpu_s(baseline: Variant, variant: Variant) -> BreakEven | None:
    """CPU-seconds of training and of a clip; unfit where a GPU trained."""
    if not (baseline.cost and variant.cost and baseline.deploy and variant.deploy):
        return None
    if baseline.cost.gpu_seconds or variant.cost.gpu_seconds:
        return None
    before, after = baseline.deploy.cpu_s_per_clip, variant.deploy.cpu_s_per_clip
    made, given = variant.cost.cpu_s, baseline.cost.cpu_s
    if before is None or after is None or made is None or given is None:
        return None
    ends = baseline.deploy.cpu_s_interval, variant.deploy.cpu_s_interval
    return break_even(made - given, before, after, before_interval=ends[0], after_interval=ends[1])


def _record(unit: Any, found: BreakEven) -> Repaid:
    clips, low, high = (None if math.isinf(one) else one for one in (found.clips, *found.interval))
    known = found.interval[0] < found.interval[1]  # the time of a clip came with an interval
    return Repaid(unit=unit, clips=clips, interval=(low, high) if known else None)


def _attempts(entry: LedgerEntry) -> list[dict[str, Any]]:
    return getattr(entry, "attempts", None) or []


def _sum(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return None if any(value is None for value in known) else sum(value for value in known if value is not None)


def _whole(values: Iterable[int | None]) -> int | None:
    total = _sum(values)
    return None if total is None else int(total)
