"""The report in the terminal: the verdict, the variants, the sites, the problems."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from slimaffect.report.ledger import LedgerRow, ledger_rows
from slimaffect.report.merge import merge
from slimaffect.report.rows import Bill, Row, bill, problems, rows, sites
from slimaffect.report.searches import search_sentences
from slimaffect.report.verdict import Standing, verdict
from slimaffect.report.words import (
    DASH,
    count,
    figures,
    joules,
    percent,
    plain,
    seconds,
    signed,
    signed_span,
    span,
    times,
)
from slimaffect.result import Energy, ProblemRecord, Result

# Okabe and Ito's colours, which the colour-blind tell apart; marks differ in shape as well.
COLOURS: dict[Standing, str] = {
    "baseline": "default",
    "kept": "#56B4E9",
    "undecided": "#E69F00",
    "lost": "#D55E00",
    "unknown": "bright_black",
}


TITLES = (
    "CCC",
    "vs baseline",
    "ms/clip",
    "faster",
    "CPU/clip",
    "MB",
    "CPU to make",
    "energy/clip",
    "parameters",
    "front",
)


def print_report(console: Console, results: Sequence[Result]) -> None:
    """Print what one result says, or several on one front."""
    result = merge(results)
    said = verdict(result)
    console.print()
    console.print(_named(said.headline, "bold"))
    for sentence in said.beside:
        console.print(Padding(_named(sentence, "dim"), (0, 0, 0, 2)))
    table = rows(result)
    console.print(_variants(table, console.width))
    console.print(Text("● kept within the margin   ▲ not shown to be   ■ lost more   ○ not compared\n", style="dim"))
    if sites(result):
        console.print(_sites(table, sites(result), result.folds))
    if result.ledger:
        console.print(_factors(ledger_rows(result), console.width))
        for sentence in search_sentences(result):
            console.print(_named(sentence, "default"))
        console.print(_paid(bill(result.ledger)))
    if result.problems:
        console.print(problem_table(problems(result, most=20)))


def _named(sentence: str, style: str) -> Text:
    """Show what stands between backticks as a name; the rest is never read as markup."""
    text = Text(style=style)
    for index, part in enumerate(sentence.split("`")):
        text.append(part, style="cyan" if index % 2 else "")
    return text


def _variants(table: Sequence[Row], width: int) -> Table:
    """Lay out the variants; a narrow terminal shows what decides, a wide one everything."""
    titles = TITLES[: 4 if width < 95 else 6 if width < 125 else 8 if width < 150 else 10]
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    shown.add_column("#", justify="right", no_wrap=True)
    shown.add_column("variant", overflow="fold", min_width=8)
    for title in titles:
        shown.add_column(title, justify="right", no_wrap=True)
    for row in table:
        shown.add_row(str(row.number), escape(row.variant.name), *_cells(row)[: len(titles)])
    return shown


def _cells(row: Row) -> list[Text | str]:
    scores, deploy, cost = row.variant.scores, row.variant.deploy, row.variant.cost
    clip = deploy.clip_ms if deploy else None
    return [
        f"{plain(scores.ccc)}\n[dim]{span(scores.ccc_interval, 2)}[/dim]" if scores else DASH,
        _against(row),
        f"{figures(clip.p50)}\n[dim]p90 {figures(clip.p90)}[/dim]" if clip else DASH,
        times(row.faster),
        seconds(deploy.cpu_s_per_clip) if deploy else DASH,
        figures(deploy.size_mb) if deploy else DASH,
        seconds(cost.cpu_s) if cost else DASH,
        _energy(deploy.energy_j_per_clip if deploy else None),
        count(deploy.parameters) if deploy else DASH,
        _front(row),
    ]


def _against(row: Row) -> Text:
    against = row.variant.scores.versus_baseline if row.variant.scores else None
    if against is None or row.standing == "baseline":
        return Text(f"{row.mark} {row.word}", style=COLOURS[row.standing])
    text = Text(f"{row.mark} {signed(against.delta)}", style=COLOURS[row.standing])
    if against.interval is not None:
        text.append(f"\n{signed_span(against.interval)}", style="dim")
    return text


def _energy(energy: Energy | None) -> str:
    if energy is None or energy.value is None:
        return DASH
    return f"{joules(energy.value)}\n[dim]{energy.provenance or 'of unknown origin'}[/dim]"


def _front(row: Row) -> str:
    place = row.variant.pareto
    found = [word for word, on in (("latency", place.latency), ("energy", place.energy)) if on] if place else []
    return "\n".join(found) or DASH


def _sites(table: Sequence[Row], names: Sequence[str], unit: str) -> Table:
    caption = f"CCC on each held-out {unit}; ▼ the worst"
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold", caption=caption)
    shown.add_column("#", justify="right")
    shown.add_column("variant", overflow="fold")
    for name in (*names, "mean"):
        shown.add_column(escape(name), justify="right")
    for row in table:
        shown.add_row(str(row.number), escape(row.variant.name), *(_site(row, name) for name in names), _mean(row))
    return shown


def _site(row: Row, name: str) -> str:
    scores = row.variant.scores
    if scores is None or name not in scores.sites:
        return DASH
    value = plain(scores.sites[name].ccc)
    return f"[bold]▼ {value}[/bold]" if name == scores.worst_site else value


def _mean(row: Row) -> str:
    return plain(row.variant.scores.ccc) if row.variant.scores else DASH


def _paid(paid: Bill) -> Text:
    energy = ", ".join(f"{joules(value)} ({origin})" for origin, value in sorted(paid.joules.items())) or DASH
    reused = f", {paid.reused} of them from the cache" if paid.reused else ""
    return Text(
        f"The run cost {seconds(paid.cpu_s)} of CPU and {energy}: {seconds(paid.cpu_s_per_example)} per frame x "
        f"{count(paid.examples_per_training)} frames per training x {count(paid.trainings)} trainings; "
        f"{paid.tasks} tasks{reused}.\n"
    )


def _factors(table: Sequence[LedgerRow], width: int) -> Table:
    """Lay out what each variant costs to make; a narrow terminal shows the factors, a wide one their product too."""
    caption = (
        "What a variant costs to make alone: E, CPU per frame in training; D, frames per training; H, trainings.\n"
        "E and D are medians over its tasks, so beside their product stands the measured total."
    )
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold", caption=caption)
    shown.add_column("variant", overflow="fold", min_width=8)
    wide = ("distinct frames", "E x D x H", "select", "search", "score") if width >= 125 else ()
    for title in ("E", "D", "H", "measured", "cheaper", *wide):
        shown.add_column(title, justify="right", no_wrap=True)
    for row in table:
        shown.add_row(escape(row.variant), *_factor_cells(row)[: 5 + len(wide)])
    return shown


def _factor_cells(row: LedgerRow) -> list[str]:
    shares = (percent(row.shares.get(kind, 0.0) if row.shares else None) for kind in ("selection", "search", "scoring"))
    return [
        seconds(row.cpu_s_per_example),
        count(row.examples_per_training),
        count(row.trainings),
        seconds(row.cpu_s),
        times(row.cheaper),
        count(row.unique_examples),
        seconds(row.product_cpu_s),
        *shares,
    ]


def problem_table(problems: Sequence[ProblemRecord]) -> Table:
    """List what was set aside or is doubtful, and what to do about it."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for title in ("where", "problem", "what to do"):
        shown.add_column(title, overflow="fold")
    for one in problems:
        shown.add_row(escape(one.where), escape(one.what), escape(one.next or DASH))
    return shown
