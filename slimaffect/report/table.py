"""Every variant as one flat line of named figures: for CSV, queries and the tables of a paper."""

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any

from slimaffect.report.axes import worst_site
from slimaffect.report.fronts import clip_ms, joules
from slimaffect.report.rows import Row, rows
from slimaffect.report.subjects import worst_tenth
from slimaffect.report.words import DASH, count, figures, plain, signed, signed_span, span
from slimaffect.result import SCHEMA, RecipeRecord, Result, Variant

Flat = dict[str, Any]


def flat(result: Result) -> list[Flat]:
    """Write each variant as one line: name of a figure -> its value, None where it was not measured.

    Units are in the names. The first line is the baseline, the others go from fast to slow.
    """
    return [
        {"number": row.number, "variant": row.variant.name, "precision": row.variant.precision, "standing": row.word}
        | _scores(row.variant)
        | _against(row)
        | _deploy(row.variant)
        | _ratios(row)
        | _making(row.variant)
        | _places(row.variant)
        for row in rows(result)
    ]


def to_csv(result: Result) -> str:
    """Write every figure of every variant; an empty cell was not measured.

    A name that a spreadsheet would take for a formula is written behind an apostrophe.
    """
    out = StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in line.items()} for line in flat(result))
    return out.getvalue()


def to_markdown(result: Result) -> str:
    """Write the table of a README: what decides, with its intervals."""
    lines = [_words(row, result) for row in rows(result)]
    titles = _titles(result)
    body = [titles, [":--", *["--:"] * (len(titles) - 1)], *([_plain_cell(cell) for cell in line] for line in lines)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in body) + f"\n\n{caption(result)}\n"


def to_latex(result: Result) -> str:
    """Write the table of a paper; it needs the package booktabs."""
    lines = [" & ".join(map(_tex, _words(row, result))) + r" \\" for row in rows(result)]
    head = " & ".join(map(_tex, _titles(result))) + r" \\"
    return "\n".join([
        r"% needs \usepackage{booktabs}", r"\begin{table}", r"\centering", rf"\caption{{{_tex(caption(result))}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(PAPER) - 1)}}}", r"\toprule", head, r"\midrule", *lines, r"\bottomrule",
        r"\end{tabular}", r"\end{table}", "",
    ])  # fmt: skip


def caption(result: Result) -> str:
    """Say what a table shows: data, folds, machine, commit. A table without these is a rumour."""
    data, place, unit = result.data, result.environment, result.folds
    drawn = " (synthetic faces)" if data and data.synthetic else ""
    people = f", {data.subjects} subjects" if data and data.subjects else ""
    margin = next((m for one in result.variants if (m := _margin(one)) is not None), None)
    lower = "lower end that holds for all variants" if of_all(result) else "lower end of the paired interval"
    kept = "" if margin is None else f" Kept: the {lower} lies above -{margin:g}."
    where = ", ".join(str(one) for one in (place.cpu, place.threads and f"{place.threads} thread(s)", place.gpu) if one)
    commit = f" Commit {place.commit}." if place.commit else ""
    return (
        f"Recipe {result.recipe.name} on {data.name if data and data.name else 'unnamed data'}{drawn}{people}: CCC on "
        f"held-out {unit}s, mean over {unit}s, 95 % intervals over resampled subjects.{kept} Times are medians for one "
        f"clip, batch 1, on {where or 'an unknown machine'}.{commit} A dash was not measured."
    )


def of_all(result: Result) -> bool:
    """Tell whether the verdicts hold for all variants that were looked at."""
    against = (one.scores.versus_baseline for one in result.variants if one.scores)
    return any(one is not None and one.non_inferior_of_all is not None for one in against)


def _scores(variant: Variant) -> Flat:
    s = variant.scores
    low, high = s.ccc_interval if s and s.ccc_interval else (None, None)
    return {
        "ccc": s.ccc if s else None, "ccc_low": low, "ccc_high": high,
        "ccc_valence": s.ccc_valence if s else None, "ccc_arousal": s.ccc_arousal if s else None,
        "worst_site": s.worst_site if s else None, "worst_site_ccc": worst_site(variant),
        "worst_tenth_ccc": worst_tenth(variant),
        "pcc": s.pcc if s else None, "rmse": s.rmse if s else None, "sagr": s.sagr if s else None,
        "seeds": s.seeds if s else None,
    }  # fmt: skip


def _against(row: Row) -> Flat:
    against = row.variant.scores.versus_baseline if row.variant.scores else None
    low, high = against.interval if against and against.interval else (None, None)
    return {
        "delta": against.delta if against else None, "delta_low": low, "delta_high": high,
        "margin": against.margin if against else None, "non_inferior": against.non_inferior if against else None,
        "delta_low_of_all": against.lower_of_all if against else None,
        "non_inferior_of_all": against.non_inferior_of_all if against else None,
        "looked_at": against.looked_at if against else None,
    }  # fmt: skip


def _deploy(variant: Variant) -> Flat:
    d = variant.deploy
    energy = d.energy_j_per_clip if d else None
    cpu, spent = d.cpu_s_per_clip if d else None, joules(variant)
    return {
        "runtime": d.runtime if d else None, "threads": d.threads if d else None,
        "clip_frames": d.clip_frames if d else None,
        "clip_ms": clip_ms(variant), "clip_p90_ms": d.clip_ms.p90 if d and d.clip_ms else None,
        "cpu_ms": None if cpu is None else 1e3 * cpu,
        "energy_mj": None if spent is None else 1e3 * spent, "energy_provenance": energy.provenance if energy else None,
        "size_mb": d.size_mb if d else None, "peak_memory_mb": d.peak_memory_mb if d else None,
        "parameters": d.parameters if d else None, "macs_per_frame": d.macs_per_frame if d else None,
        "of_peak": d.of_peak if d else None,
    }  # fmt: skip


def _ratios(row: Row) -> Flat:
    return {
        "times_faster": row.faster, "times_less_cpu": row.cheaper, "times_smaller": row.smaller,
        "payback_clips": row.payback_clips,
    }  # fmt: skip


def _making(variant: Variant) -> Flat:
    c = variant.cost
    return {
        "making_cpu_s": c.cpu_s if c else None, "making_j": c.joules if c else None,
        "making_provenance": c.provenance if c else None, "making_examples": c.examples if c else None,
        "making_trainings": c.trainings if c else None,
    }  # fmt: skip


def _places(variant: Variant) -> Flat:
    place = variant.pareto
    return {
        "front_latency": place.latency if place else None, "front_energy": place.energy if place else None,
        "bundle": variant.bundle,
    }  # fmt: skip


def _margin(variant: Variant) -> float | None:
    against = variant.scores.versus_baseline if variant.scores else None
    return against.margin if against else None


def _change(row: Row) -> str:
    against = row.variant.scores.versus_baseline if row.variant.scores else None
    if against is None or row.standing == "baseline":
        return row.word
    return f"{signed(against.delta)} ({signed_span(against.interval)}), {row.word}"


PAPER: tuple[tuple[str, Callable[[Row, Flat], str]], ...] = (
    ("variant", lambda row, _: row.variant.name),
    ("CCC (95 % interval)", lambda row, told: DASH if told["ccc"] is None
        else f"{plain(told['ccc'])} ({span(row.variant.scores.ccc_interval, 2) if row.variant.scores else DASH})"),
    ("against the baseline", lambda row, _: _change(row)),
    ("worst {unit}", lambda _, told: plain(told["worst_site_ccc"])),
    ("ms/clip", lambda _, told: figures(told["clip_ms"])),
    ("CPU ms/clip", lambda _, told: figures(told["cpu_ms"])),
    ("MB", lambda _, told: figures(told["size_mb"])),
    ("parameters", lambda _, told: count(told["parameters"])),
)  # fmt: skip


def _titles(result: Result) -> list[str]:
    return [title.format(unit=result.folds) for title, _ in PAPER]


def _words(row: Row, result: Result) -> list[str]:
    told = next(one for one in flat(result.model_copy(update={"variants": [row.variant]})))
    return [write(row, told) for _, write in PAPER]


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _plain_cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\N{MINUS SIGN}": "$-$", "\N{EN DASH}": "--", "\n": " ",
    "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip


def _tex(text: str) -> str:
    r"""Write text so that TeX sets it as it is.

    >>> _tex("50 % of a_b − 1")
    '50 \\% of a\\_b $-$ 1'
    """
    return "".join(_TEX.get(letter, letter) for letter in text)


COLUMNS = tuple(flat(Result(schema=SCHEMA, recipe=RecipeRecord(name=""), baseline="", variants=[Variant(name="")]))[0])
"""The names, in their order."""
