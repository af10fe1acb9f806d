"""What `slim bench` prints."""

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from slimaffect.measure.bench.bench import Bench
from slimaffect.meter.record import EnergyRecord

DASH = "-"


def bench_table(told: Bench) -> Table:
    """A line for each entry: latency, CPU time and joules of a unit, from the same windows."""
    unit, first = told.records[0].identity.unit, told.records[0]
    modelled = first.origin.provenance == "modelled"
    joules = f"mJ per {unit} ({first.origin.provenance}{', proxy' if modelled else ''})"
    table = Table(box=SIMPLE_HEAD, caption=_caption(told), caption_justify="left")
    for heading in ("model", "p50 ms", "p90 ms", "p99 ms", f"CPU ms per {unit}", "95 %", joules, "flags"):
        table.add_column(
            heading, justify="left" if heading in ("model", "flags") else "right", no_wrap=heading == "model"
        )
    if told.setting.scenario == "stream30":
        table.add_column("late frames", justify="right")
    for record in told.records:
        table.add_row(*_row(told, record))
    return table


def sentences(told: Bench) -> list[str]:
    """Say for each entry how it compares with the first."""
    first = told.records[0].identity.name
    if not told.comparisons:
        return [f"{first} against itself: {told.null.sentence}"]
    return [f"{one.name} against {first}, CPU time: {one.sentence}" for one in told.comparisons]


def _row(told: Bench, record: EnergyRecord) -> Sequence[str]:
    latency, cpu = record.latency_ms or {}, told.cpu_ms[record.identity.name]
    row = [
        escape(record.identity.name),
        *(_percentile(latency.get(name)) for name in ("p50", "p90", "p99")),
        f"{cpu.mean:.3f}",
        DASH if cpu.interval is None else f"{cpu.interval[0]:.3f} to {cpu.interval[1]:.3f}",
        _joules(record),
        " ".join(record.flags) or DASH,
    ]
    missed = latency.get("deadline_missed")
    return row if told.setting.scenario != "stream30" else [*row, DASH if missed is None else f"{missed:.1%}"]


def _percentile(one: dict[str, Any] | None) -> str:
    return "n too small" if one is None else f"{one['ms']:.3f}"


def _joules(record: EnergyRecord) -> str:
    mean, factor = record.mj_per_unit.mean, record.uncertainty.model_factor
    if mean is None:
        return DASH
    if factor:
        return f"{mean:.3g} ({mean * factor[0]:.2g} to {mean * factor[1]:.2g})"
    ends = record.mj_per_unit.ci95
    return f"{mean:.3g}" if ends is None else f"{mean:.3g} ({ends[0]:.3g} to {ends[1]:.3g})"


def _caption(told: Bench) -> str:
    setting, null = told.setting, told.null
    what = {
        "clip": f"one clip of {setting.frames} frames after the other",
        "offline": f"{setting.batch} clips of {setting.frames} frames at once; latencies are of the whole batch",
        "stream30": "frames at 30 a second; latencies count from when a frame was due",
    }[setting.scenario]
    threads = f"{setting.threads} thread{'s' if setting.threads > 1 else ''}"
    band = DASH if null.band != null.band else f"{100 * null.band:.1f} %"  # NaN: too few processes
    return f"{what}; {threads}; {null.ratio.n} fresh processes; the first differs from itself by up to {band}"
