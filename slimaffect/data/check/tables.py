"""A check as tables for a terminal."""

from collections.abc import Iterator

from rich.table import Table

from slimaffect.data.check.check import Check
from slimaffect.data.check.sites import SiteFacts, Spread

DASH = "-"


def check_tables(check: Check) -> Iterator[Table | str]:
    """Sites, affect, copies and problems, and the sentences between them; what does not exist is left out."""
    yield _sites(check)
    yield _affect(check)
    yield f"Annotators' delay: {check.delay}."
    yield from (f"Look at this: {remark}." for remark in check.remarks)
    if check.twins:
        yield _twins(check)
    if check.problems:
        yield _problems(check)


def _sites(check: Check) -> Table:
    table = Table(title=f"{check.name} ({check.folder})", title_justify="left")
    for name in ("site", "subjects", "recordings", "usable", "hours", "labelled", "faces", "fps", "codecs", "size"):
        table.add_column(name, justify="left" if name in {"site", "fps", "codecs", "size"} else "right")
    for site in check.sites:
        table.add_row(*_cells(site))
    return table


def _cells(site: SiteFacts) -> list[str]:
    faces = DASH if site.coverage is None else f"{site.coverage:.1%}"
    counts = [str(n) for n in (site.subjects, site.recordings, site.usable)]
    kinds = [listed(found) for found in (site.rates, site.codecs, site.sizes)]
    return [site.name, *counts, f"{site.hours:.2f}", f"{site.labelled_hours:.2f}", faces, *kinds]


def listed(found: tuple[tuple[str, int], ...]) -> str:
    """The values, most frequent first, with how often where there are several."""
    if len(found) <= 1:
        return found[0][0] if found else DASH
    more = f", {len(found) - 3} more" if len(found) > 3 else ""
    return ", ".join(f"{value} ({count})" for value, count in found[:3]) + more


def _affect(check: Check) -> Table:
    table = Table(title="Affect, both in [-1, 1], over moments with a label", title_justify="left")
    for name in ("site", "valence", "range", "spread", "arousal", "range", "spread"):
        table.add_column(name, justify="left" if name in {"site", "spread"} else "right")
    for site in check.sites:
        table.add_row(site.name, *_summed(site.valence), *_summed(site.arousal))
    return table


def _summed(part: Spread | None) -> list[str]:
    if part is None:
        return [DASH] * 3
    return [f"{part.mean:+.2f} ± {part.deviation:.2f}", f"{part.low:+.2f} to {part.high:+.2f}", bars(part.shares)]


def bars(shares: tuple[float, ...]) -> str:
    """A histogram in one line of text.

    >>> bars((0.0, 0.25, 0.5, 0.25))
    ' ▄█▄'
    """
    blocks = " ▁▂▃▄▅▆▇█"
    most = max(shares) or 1.0
    return "".join(blocks[round(8 * share / most)] for share in shares)


def _twins(check: Check) -> Table:
    table = Table(title="Recordings that seem to be one", title_justify="left")
    for name in ("one", "other", "by", "likeness", "leak"):
        table.add_column(name)
    for pair in check.twins:
        leak = "yes: two subjects" if pair.leak else "no: one subject"
        table.add_row(pair.one, pair.other, pair.how, f"{pair.likeness:.3f}", leak)
    return table


def _problems(check: Check) -> Table:
    table = Table(title=f"{len(check.problems)} problems", title_justify="left")
    for name in ("where", "what", "next", ""):
        table.add_column(name, overflow="fold")
    for problem in check.problems:
        table.add_row(problem.where, problem.what, problem.next, problem.severity)
    return table
