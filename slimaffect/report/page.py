"""One page that holds everything: it can be mailed, printed and opened in ten years, without a network."""

import base64
import re
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from slimaffect.report import words
from slimaffect.report.fronts import ccc, clip_ms, cpu_s, energy_axis, joules, non_dominated
from slimaffect.report.merge import merge
from slimaffect.report.picture import write_picture
from slimaffect.report.rows import Row, bill, problems, rows, sites, timings
from slimaffect.report.verdict import baseline_of, verdict
from slimaffect.result import Result, Variant

HERE = Path(__file__).parent


def write_report(results: Sequence[Result], folder: Path) -> Path:
    """Write report.html and pareto.png into the folder, and return the page.

    Raises:
        ResultError: there is no result, or the results were made from different data.
    """
    result = merge(results)
    folder.mkdir(parents=True, exist_ok=True)
    picture = BytesIO()
    write_picture(result, picture)
    _replace(folder / "pareto.png", picture.getvalue())
    return _replace(folder / "report.html", page(result, picture.getvalue()).encode())


def page(result: Result, picture: bytes) -> str:
    """Fill the template. Everything that comes from a recipe or a dataset is escaped by it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    templates = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters |= {name: getattr(words, name) for name in _WORDS}
    templates.filters["named"] = _named
    files = {name: Markup((HERE / f"page.{name}").read_text(encoding="utf-8")) for name in ("css", "js")}  # noqa: S704  (our own files)
    return templates.get_template("page.html.jinja").render(
        **_facts(result),
        **files,
        plotly=Markup(get_plotlyjs().replace("</script", "<\\/script")),  # noqa: S704  (plotly's own file)
        picture=base64.b64encode(picture).decode(),
        chart=chart(result),
    )


_WORDS = ("plain", "signed", "span", "signed_span", "figures", "count", "seconds", "joules", "times", "listed")


def _facts(result: Result) -> dict[str, Any]:
    said, table = verdict(result), rows(result)
    return {
        "result": result,
        "verdict": said,
        "chosen": next((row for row in table if row.variant is said.chosen), None),
        "baseline": baseline_of(result),
        "rows": table,
        "sites": sites(result),
        "timings": timings(result),
        "bill": bill(result.ledger),
        "problems": problems(result),
        "joules_shown": any(joules(one) is not None for one in result.variants),
        "missing": missing(result),
        "dash": words.DASH,
    }


def chart(result: Result) -> dict[str, Any]:
    """Give the chart its points and axes; names are escaped, because Plotly reads some HTML in its texts."""
    table = rows(result)
    axes = {
        "clip_ms": (
            "Time for a clip",
            "median time per clip, ms (measured)",
            [_per(1, clip_ms(r.variant)) for r in table],
        ),
        "cpu_ms": (
            "CPU time for a clip",
            "CPU time per clip, ms (measured)",
            [_per(1e3, cpu_s(r.variant)) for r in table],
        ),
    }
    if energy_axis(result.variants) is joules:
        origin = next(one.deploy.energy_j_per_clip.provenance for one in result.variants if _has_joules(one))  # pyright: ignore[reportOptionalMemberAccess]
        axes["mj"] = (
            "Energy for a clip",
            f"energy per clip, mJ ({origin})",
            [_per(1e3, joules(r.variant)) for r in table],
        )
    return {
        "unit": result.folds,
        "points": [_point(row) for row in table],
        "margin": next((one["margin"] for one in map(_point, table) if one["margin"] is not None), None),
        "axes": [
            {
                "key": key,
                "name": name,
                "title": title,
                "values": values,
                "front": non_dominated([(ccc(r.variant), x) for r, x in zip(table, values, strict=True)]),
            }
            for key, (name, title, values) in axes.items()
        ],
    }


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
    return said


def _has_joules(variant: Variant) -> bool:
    return joules(variant) is not None


def _point(row: Row) -> dict[str, Any]:
    scores = row.variant.scores
    against = scores.versus_baseline if scores else None
    still = row.standing == "baseline"
    return {
        "number": row.number,
        "name": escape(row.variant.name),
        "standing": row.standing,
        "word": row.word,
        "ccc": ccc(row.variant),
        "interval": scores.ccc_interval if scores else None,
        "delta": 0.0 if still else against.delta if against else None,
        "delta_interval": None if still or against is None else against.interval,
        "margin": against.margin if against else None,
    }


def _per(factor: float, value: float | None) -> float | None:
    return None if value is None else value * factor


def _named(sentence: str) -> Any:
    """Turn `names` between backticks into code, after escaping the sentence."""
    from markupsafe import Markup

    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(sentence).replace(" %", "\N{NO-BREAK SPACE}%")))  # noqa: S704  (escaped in the same line)


def _replace(path: Path, content: bytes) -> Path:
    """Write a file whole: a reader never sees half a page."""
    scratch = path.with_name(path.name + ".tmp")
    scratch.write_bytes(content)
    return scratch.replace(path)
