"""One page that holds everything: it can be mailed, printed and opened in ten years, without a network.

The front is drawn by our own script as SVG: 4.7 MB less than a plotting library, every mark reachable by keyboard and
screen reader, and nothing in it that could send data anywhere.
"""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import slimaffect
from slimaffect.files import whole
from slimaffect.report import words
from slimaffect.report.axes import Axis, axes_of, axis_named
from slimaffect.report.choices import cheapest_safe, knee, saved_volume
from slimaffect.report.curves import curves
from slimaffect.report.fronts import clip_ms, joules
from slimaffect.report.ladder import ladders
from slimaffect.report.ledger import ledger_rows
from slimaffect.report.merge import merge
from slimaffect.report.payload import csv_link, json_link, payload
from slimaffect.report.picture import write_picture
from slimaffect.report.rows import bill, problems, rows, site_deltas, sites, timings
from slimaffect.report.strips import Strips
from slimaffect.report.subjects import people
from slimaffect.report.table import of_all, to_csv, to_latex, to_markdown
from slimaffect.report.verdict import baseline_of, verdict
from slimaffect.result import LedgerEntry, Result, SiteScore, Variant

HERE = Path(__file__).parent / "template"
MOST_TASKS = 300  # of the ledger, the dearest first; the page carries the rest in its JSON


@dataclass(frozen=True)
class Choice:
    """What to take from the front of CCC against one cost."""

    axis: Axis
    safe: Variant | None
    knee: Variant | None
    volume: float | None


def write_report(results: Sequence[Result], folder: Path) -> Path:
    """Write the page, pictures and tables into the folder, and return the page.

    report.html holds everything; pareto.png and pareto.svg are for slides and papers, table.md, table.tex and table.csv
    for what one writes oneself.

    Raises:
        ResultError: there is no result, or the results were made from different data.
    """
    result = merge(results)
    folder.mkdir(parents=True, exist_ok=True)
    pictures: dict[Literal["png", "svg"], BytesIO] = {"png": BytesIO(), "svg": BytesIO()}
    for kind, picture in pictures.items():
        write_picture(result, picture, kind)
        _written(folder / f"pareto.{kind}", picture.getvalue())
    for kind, table in (("md", to_markdown(result)), ("tex", to_latex(result)), ("csv", to_csv(result))):
        _written(folder / f"table.{kind}", table.encode())
    return _written(folder / "report.html", page(result, pictures["png"].getvalue()).encode())


def page(result: Result, picture: bytes) -> str:
    """Fill the template. Everything that comes from a recipe or a dataset is escaped by it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    templates = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters |= {name: getattr(words, name) for name in _WORDS}
    templates.filters["named"] = _named
    script = "\n".join(_own(f"{name}.js") for name in ("words", "chart", "detail", "page"))
    own = {"css": _own("page.css"), "chart_css": _own("chart.css"), "js": script}
    told = payload(result)
    return templates.get_template("page.html.jinja").render(
        **_facts(result),
        **{name: Markup(text) for name, text in own.items()},  # noqa: S704  (our own files)
        picture=base64.b64encode(picture).decode(),
        data=told,
        chances=told["chances"].get("ccc|clip_ms"),
        csv_link=Markup(csv_link(result)),  # noqa: S704  (base64, which has nothing to escape)
        json_link=None if (link := json_link(result)) is None else Markup(link),  # noqa: S704  (the same)
    )


_WORDS = (
    "plain", "signed", "span", "signed_span", "figures", "count",
    "seconds", "joules", "times", "listed", "percent", "chance",
)  # fmt: skip


def _facts(result: Result) -> dict[str, Any]:
    said, table = verdict(result), rows(result)
    drawn, all_curves = curves(result)
    baseline, timed = baseline_of(result), timings(result)
    looked_at = {row.number: people(row.variant, baseline) for row in table}
    return {
        "result": result,
        "version": slimaffect.__version__,
        "verdict": said,
        "chosen": next((row for row in table if row.variant is said.chosen), None),
        "baseline": baseline,
        "rows": table,
        "choices": choices(result),
        "ladders": ladders(result),
        "sites": sites(result),
        "people": {number: found for number, found in looked_at.items() if found is not None},
        "timings": timed,
        "strips": Strips.over([timing.clip_ms for _, timing in timed]),
        "curves": drawn,
        "curves_left": all_curves - len(drawn),
        "bill": bill(result.ledger),
        "tasks": dearest(result.ledger),
        "factors": ledger_rows(result),
        "numbers": {row.variant.name: row.number for row in table},
        "of_all": of_all(result),
        "deltas": {row.number: found for row in table if (found := site_deltas(row.variant))},
        "calibrated": any(one.gain_valence is not None for one in _site_scores(result)),
        "problems": problems(result),
        "joules_shown": any(joules(one) is not None for one in result.variants),
        "missing": missing(result),
        "dash": words.DASH,
    }


def choices(result: Result) -> list[Choice]:
    """Say for each cost what is safe and cheapest, where the knee is, and what the front gains."""
    axes = axes_of(result)
    gain = axis_named(axes, "ccc")
    if gain is None or len(result.variants) < 2:
        return []
    return [
        Choice(cost, cheapest_safe(result, cost), knee(result, gain, cost), saved_volume(result, cost))
        for cost in axes
        if not cost.gain
    ]


def dearest(ledger: Sequence[LedgerEntry], most: int = MOST_TASKS) -> list[LedgerEntry]:
    """Keep the tasks that cost most CPU time, in the order of the ledger."""
    if len(ledger) <= most:
        return list(ledger)
    kept = sorted(range(len(ledger)), key=lambda at: -(ledger[at].cpu_s or 0.0))[:most]
    return [ledger[at] for at in sorted(kept)]


def missing(result: Result) -> list[str]:
    """Say what this page does not know, so that a dash is never read as a zero."""
    origins = {one.deploy.energy_j_per_clip.provenance for one in result.variants if _has_joules(one)}  # pyright: ignore[reportOptionalMemberAccess]
    said = []
    if not origins & {"measured", "sampled"}:
        said.append(
            "No energy counter could be read where this ran. CPU-seconds and clip times are measured; "
            "every joule here is modelled from CPU-seconds and may be off by a factor of 0.4 to 2.5."
            if origins
            else "No energy was measured or modelled."
        )
    if len(origins) > 1:
        said.append(f"Joules of different origin ({words.listed(sorted(map(str, origins)))}) share no axis here.")
    if any(one.deploy and one.deploy.engine for one in result.variants):
        said.append("TensorRT engines were built; their speed is only known on a machine with that GPU.")
    untimed = [one.name for one in result.variants if clip_ms(one) is None]
    if untimed:
        said.append(f"No time was measured for {words.listed([f'`{name}`' for name in untimed])}.")
    if not any(entry.curve for entry in result.ledger):
        said.append("No training curves were recorded in this result.")
    return said


def _site_scores(result: Result) -> Iterator[SiteScore]:
    return (site for one in result.variants if one.scores for site in one.scores.sites.values())


def _has_joules(variant: Variant) -> bool:
    return joules(variant) is not None


def _own(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _named(sentence: str) -> Any:
    """Turn `names` between backticks into code, after escaping the sentence."""
    from markupsafe import Markup

    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(sentence).replace(" %", "\N{NO-BREAK SPACE}%")))  # noqa: S704  (escaped in the same line)


def _written(path: Path, content: bytes) -> Path:
    with whole(path) as file:
        file.write_bytes(content)
    return path
