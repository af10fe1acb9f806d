"""What `slim bill` prints: the sums of each result's ledger, and when each variant has repaid its cost."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from slimaffect.meter.carbon import Intensity
from slimaffect.report.verdict import baseline_of
from slimaffect.report.words import DASH, figures
from slimaffect.result import Repaid, Result, Variant, bill_of, repaid_of


def bill_table(results: Sequence[Result], at: Intensity | None = None) -> Table:
    """A line for each result; what was not measured is a dash."""
    table = Table(box=SIMPLE_HEAD, caption=_caption(at), caption_justify="left")
    for heading in ("result", "tasks", "CPU-s", "came to nothing", "GPU-h", "kJ", "from", "trainings", "g CO2e"):
        table.add_column(heading, justify="left" if heading in ("result", "from") else "right")
    for result in results:
        told = bill_of(result.ledger, at)
        table.add_row(
            escape(result.recipe.name),
            str(told.tasks),
            figures(told.cpu_s),
            figures(told.unfinished_cpu_s),
            figures(told.gpu_hours),
            figures(None if told.joules is None else told.joules / 1e3),
            told.provenance or DASH,
            DASH if told.trainings is None else str(told.trainings),
            figures(told.carbon.co2e_g),
        )
    return table


def repaid_table(result: Result, clips_per_day: float | None = None) -> Table:
    """A line for each variant: after how many clips, or days, it has repaid what it cost beyond the baseline."""
    table = Table(box=SIMPLE_HEAD)
    for heading in ("variant", "repaid after", "95 %", "in"):
        table.add_column(heading, justify="left" if heading == "variant" else "right")
    baseline = baseline_of(result)
    for variant in result.variants:
        if variant.name != result.baseline:
            table.add_row(escape(variant.name), *_repaid(baseline, variant, clips_per_day))
    return table


def _repaid(baseline: Variant | None, variant: Variant, per_day: float | None) -> tuple[str, str, str]:
    told = variant.repaid or (repaid_of(baseline, variant) if baseline else None)
    if told is None:
        return DASH, DASH, DASH
    ends = DASH if told.interval is None else " to ".join(_load(end, per_day) for end in told.interval)
    return _load(told.clips, per_day), ends, _unit(told)


def _unit(told: Repaid) -> str:
    return "joules" if told.unit == "joules" else "CPU-seconds"


def _load(clips: float | None, per_day: float | None) -> str:
    if clips is None:
        return "never"
    return f"{figures(clips)} clips" if per_day is None else f"{figures(clips / per_day)} days"


def _caption(at: Intensity | None) -> str:
    if at is None:
        return "no CO2: give --region or --carbon-intensity; every attempt counts, failed ones too"
    year = f" {at.year}" if at.year else ""
    return f"{at.g_per_kwh:g} g CO2e per kWh ({at.source}{year}), times {at.pue:g} for the building"
