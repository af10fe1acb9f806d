"""What the page's scripts are given: axes, points, what each variant is made of, and files to save."""

import base64
import gzip
import json
from typing import Any

import yaml

from slimaffect.report.axes import Axis, axes_of
from slimaffect.report.certainty import Resampled, chances, resampled
from slimaffect.report.ladder import describe, swept
from slimaffect.report.rows import Row, rows, site_deltas
from slimaffect.report.subjects import by_subject, changes_of
from slimaffect.report.table import to_csv
from slimaffect.report.verdict import baseline_of, verdict
from slimaffect.result import Result, plain

MOST_CARRIED = 2_500_000  # letters of result.json, packed: the page must stay under 6 MB, so that it can be mailed


def payload(result: Result) -> dict[str, Any]:
    """Give the scripts their points and axes. Texts are put into the page as text, never as markup."""
    table = rows(result)
    ordered = result.model_copy(update={"variants": [row.variant for row in table]})
    axes, drawn = axes_of(ordered), resampled(ordered)
    said = verdict(result)
    baseline, differing = baseline_of(result), swept(result.variants)
    shown, before = said.chosen or baseline, by_subject(baseline) if baseline else {}
    return {
        "unit": result.folds,
        "margin": margin_of(result),
        "axes": [_axis(axis, ordered) for axis in axes],
        "chances": _chances(ordered, axes, drawn),
        "how": next((one.how for one in drawn.values()), None),
        "points": [_point(row, {} if row.variant is baseline else before, differing) for row in table],
        "shown": next((row.number for row in table if row.variant is shown), None),
    }


def margin_of(result: Result) -> float | None:
    """Find the margin that the recipe declared."""
    against = (one.scores.versus_baseline for one in result.variants if one.scores)
    return next((one.margin for one in against if one and one.margin is not None), None)


def csv_link(result: Result) -> str:
    """Write the table as a link that a browser saves without any script."""
    return f"data:text/csv;charset=utf-8;base64,{_coded(to_csv(result).encode())}"


def json_link(result: Result) -> str | None:
    """Write the whole result as a link, packed; None where it would make the page too large to mail."""
    text = json.dumps(_carried(result), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    packed = _coded(gzip.compress(text.encode(), mtime=0))
    return f"data:application/gzip;base64,{packed}" if len(packed) <= MOST_CARRIED else None


def _carried(result: Result) -> dict[str, Any]:
    """Leave out what people can be resampled from: it is most of the file, and nothing on the page shows it."""
    found = plain(result)
    for variant in found["variants"]:
        for site in (variant["scores"] or {}).get("sites", {}).values():
            site.pop("moments_of_subjects", None)
    return found


def _coded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _axis(axis: Axis, result: Result) -> dict[str, Any]:
    return {
        "key": axis.key,
        "name": axis.name,
        "title": axis.title,
        "gain": axis.gain,
        "scale": axis.scale,
        "unit": axis.unit,
        "values": [_rounded(axis.value(one)) for one in result.variants],
        "ends": [_ends(ends) for ends in map(axis.ends, result.variants)],
    }


def _chances(result: Result, axes: list[Axis], drawn: dict[str, Resampled]) -> dict[str, list[float | None]]:
    found = {(g.key, c.key): chances(result, g, c, drawn) for g in axes if g.gain for c in axes if not c.gain}
    return {f"{gain}|{cost}": shares for (gain, cost), shares in found.items() if shares is not None}


def _point(row: Row, before: dict[tuple[str, str], float], differing: frozenset[tuple[str, str]]) -> dict[str, Any]:
    variant, scores, deploy = row.variant, row.variant.scores, row.variant.deploy
    return {
        "number": row.number,
        "name": variant.name,
        "standing": row.standing,
        "word": row.word,
        "precision": variant.precision,
        "runtime": deploy.runtime if deploy else None,
        "file": deploy.file if deploy else None,
        "bundle": variant.bundle,
        "does": describe(variant.steps, differing),
        "recipe": _yaml(variant.steps) if variant.steps else None,
        "sites": {site: _rounded(one.ccc) for site, one in sorted(scores.sites.items())} if scores else {},
        "worst": scores.worst_site if scores else None,
        "deltas": {site: [_rounded(one.delta), _ends(one.interval)] for site, one in site_deltas(variant).items()},
        "changes": [[*who, round(change, 4)] for *who, change in changes_of(before, by_subject(variant))],
        "flags": variant.flags,
    }  # fmt: skip


def _yaml(steps: list[dict[str, Any]]) -> str:
    quick = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # PyYAML is built without libyaml on some platforms
    return yaml.dump(steps, Dumper=quick, sort_keys=False, allow_unicode=True, width=100)


def _ends(interval: tuple[float, float] | None) -> list[float | None] | None:
    return None if interval is None else [_rounded(end) for end in interval]


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
