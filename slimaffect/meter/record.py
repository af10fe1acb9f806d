"""The record of energy: schema `slimaffect.energy/1`, one for each model and scenario.

What was not measured is None, never 0. A newer file of the same schema is read, its unknown fields kept.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from slimaffect.errors import NotComparable
from slimaffect.meter.counter import Provenance, Scope

SCHEMA = "slimaffect.energy/1"


class Part(BaseModel):
    """A frozen part of the record."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True, use_attribute_docstrings=True)


class Identity(Part):
    """What was run."""

    name: str
    phase: Literal["inference", "training"] = "inference"
    scenario: str
    """`clip`: one clip after the other; `offline`: the largest batch; `stream30`: frames as a camera sends them."""
    model_sha256: str | None = None
    unit: str = "clip"
    units: int
    frames_per_unit: int | None = None
    batch: int = 1


class Totals(Part):
    """Sums over all windows."""

    seconds: float
    joules_total: float | None
    joules_idle: float | None
    joules_above_idle: float | None
    idle_w: float | None
    idle_w_after: float | None


class PerUnit(Part):
    """Millijoules of one unit."""

    mean: float | None
    ci95: tuple[float, float] | None = None
    n_windows: int
    n_processes: int = 1


class Uncertainty(Part):
    """Where an error may come from; kept apart, because the gain cancels in ratios on one device."""

    stat_rel: float | None
    """Half the interval over the mean."""
    quant_rel: float | None
    """Time between two looks at the ends of a window, over its length."""
    gain_rel: float | None
    """The sensor's systematic error."""
    model_factor: tuple[float, float] | None = None
    """Factors by which modelled joules may be wrong."""


class Origin(Part):
    """Where the joules come from."""

    provenance: Provenance
    source: str | None
    scope: Scope | None
    domains: list[str]
    domains_missing: dict[str, str]


class Sampling(Part):
    """How the counters were looked at."""

    update_s: float | None
    updates_seen: int
    edge_aligned: bool
    warmup_s: float | None = None
    order: str = "ABBA"
    null_test_pct: float | None = None
    cross_check_pct: float | None = None
    """By how many percent the integrated power exceeds the counter."""
    read_s: float | None = None


class Compute(Part):
    """What was spent beside joules."""

    cpu_seconds: float | None
    cpu_s_per_unit: float | None = None
    gpu_hours: float | None = None
    """Hours that GPUs were held, used or not."""
    device_count: int | None = None
    E_per_example_j: float | None = None
    D_examples: int | None = None
    H_trials: int | None = None


class Carbon(Part):
    """Grams of CO2 equivalent; null unless a region or an intensity was given."""

    co2e_g: float | None = None
    g_per_kwh: float | None = None
    year: int | None = None
    source: str | None = None
    pue: float | None = None


class EnergyRecord(Part):
    """What one model cost in one scenario, how sure that is, and where it comes from."""

    schema_: Literal["slimaffect.energy/1"] = Field(SCHEMA, alias="schema")
    identity: Identity
    totals: Totals
    mj_per_unit: PerUnit
    mj_per_unit_above_idle: PerUnit | None = None
    latency_ms: dict[str, Any] | None = None
    """Percentiles with order-statistic intervals, from the same windows as the joules."""
    uncertainty: Uncertainty
    origin: Origin
    sampling: Sampling
    compute: Compute
    carbon: Carbon = Carbon()
    env: dict[str, Any] = {}
    flags: list[str] = []


def refuse_unlike(one: EnergyRecord, other: EnergyRecord) -> None:
    """Refuse to set two records against each other whose joules are not of one kind.

    Raises:
        NotComparable: with what differs, and both values.
    """
    pairs = {
        "provenance": (one.origin.provenance, other.origin.provenance),
        "source": (one.origin.source, other.origin.source),
        "scope": (one.origin.scope, other.origin.scope),
        "domains": (sorted(one.origin.domains), sorted(other.origin.domains)),
        "scenario": (one.identity.scenario, other.identity.scenario),
        "frames per unit": (one.identity.frames_per_unit, other.identity.frames_per_unit),
        "batch": (one.identity.batch, other.identity.batch),
    }
    odd = {what: pair for what, pair in pairs.items() if pair[0] != pair[1]}
    if odd:
        told = "; ".join(f"{what}: {pair[0]} and {pair[1]}" for what, pair in odd.items())
        raise NotComparable(
            f"the joules of {one.identity.name} and {other.identity.name} are not of one kind ({told}). "
            "Measure both in one `slim bench`, on one machine, in one scenario."
        )
