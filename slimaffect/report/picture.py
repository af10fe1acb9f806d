"""The Pareto front as a picture for a paper or a slide."""

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from slimaffect.report.fronts import ccc, clip_ms, energy_axis, joules, non_dominated
from slimaffect.report.rows import Row, rows
from slimaffect.report.verdict import STANDINGS, Standing
from slimaffect.result import Result, Variant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

# Okabe and Ito's colours; the marks differ in shape as well, for print without colour.
LOOKS: dict[Standing, tuple[str, str]] = {
    "baseline": ("#000000", "D"),
    "kept": ("#0072B2", "o"),
    "undecided": ("#E69F00", "^"),
    "lost": ("#D55E00", "s"),
    "unknown": ("#777777", "o"),
}

LINE = 10  # points from one line of names to the next
MOST_NAMES = 30  # points beyond which only the front carries names and intervals


def write_picture(result: Result, target: Path | BytesIO, kind: Literal["png", "svg"] = "png") -> None:
    """Draw CCC against clip time and against energy (or CPU-seconds): a PNG of 200 dots per inch, or an SVG.

    Equal results give equal files.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    table, energy_of = rows(result), energy_axis(result.variants)
    look: Any = {"font.family": ["DejaVu Sans"], "font.size": 9, "text.parse_math": False, "svg.hashsalt": "slimaffect"}
    with rc_context(look):
        figure = Figure(figsize=(9.6, 4.2), layout="constrained", dpi=200)
        left, right = figure.subplots(1, 2, sharey=True)
        names = [
            _draw(left, table, clip_ms, "median time per clip, ms (measured)"),
            _draw(right, table, energy_of, _energy_title(result, energy_of)),
        ]
        left.set_ylabel(f"CCC on held-out {result.folds}s")
        _explain(figure, table)
        figure.draw_without_rendering()  # only now is it known where points lie
        for written in names:
            move_apart(written)
        undated = {"Date": None} if kind == "svg" else {}
        figure.savefig(target, format=kind, metadata=undated)  # pyright: ignore[reportArgumentType]


def _draw(
    axes: "Axes", table: Sequence[Row], cost: Callable[[Variant], float | None], title: str
) -> "list[Annotation]":
    """Draw one front, and answer the names on it."""
    points = [(row, cost(row.variant), ccc(row.variant)) for row in table]
    known = [(row, x, y) for row, x, y in points if x is not None and y is not None]
    axes.set_xlabel(title)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#E6E6E6", linewidth=0.6)
    axes.set_axisbelow(True)
    if not known:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color="#777777")
        return []
    _stretch(axes, [x for _, x, _ in known])
    on = non_dominated([(y, x) for _, x, y in known])
    _line(axes, sorted((x, y) for (_, x, y), kept in zip(known, on, strict=True) if kept), max(x for _, x, _ in known))
    few, names = len(known) <= MOST_NAMES, []
    for (row, x, y), kept in zip(known, on, strict=True):
        _point(axes, row, x, y, sure=few or bool(kept))
        if few or kept:
            names.append(_name(axes, row.variant.name, (x, y), on_front=bool(kept)))
    return names


def _line(axes: "Axes", front: Sequence[tuple[float, float]], dearest: float) -> None:
    """Draw the front as the staircase of what can be had: no straight line promises points in between."""
    edge = (dearest * 2.4, front[-1][1])
    axes.step(*zip(*front, edge, strict=True), where="post", color="#999999", linewidth=1.2, zorder=1)


def _name(axes: "Axes", name: str, at: tuple[float, float], *, on_front: bool) -> "Annotation":
    """Write a name where no better variant can be: above and left of the front, below and right behind it."""
    from matplotlib.patheffects import withStroke

    offset, side = ((-6, 5), "right") if on_front else ((7, -11), "left")
    text = axes.annotate(name, at, xytext=offset, textcoords="offset points", ha=side, fontsize=8, zorder=4)
    text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    return text


def move_apart(names: "Sequence[Annotation]") -> None:
    """Move a name that lies on an earlier one away from its point, line by line."""
    placed = []
    for name in names:
        x, y = name.xyann
        for lines in range(4):
            name.xyann = (x, y + LINE * lines * (1 if y > 0 else -1))
            if name.get_window_extent().count_overlaps(placed) == 0:
                break
        placed.append(name.get_window_extent())


def _point(axes: "Axes", row: Row, x: float, y: float, *, sure: bool) -> None:
    colour, mark = LOOKS[row.standing]
    ends = row.variant.scores.ccc_interval if row.variant.scores else None
    if ends and sure:
        axes.vlines(x, *ends, color=colour, linewidth=1.0, alpha=0.55, zorder=2)
    axes.plot(x, y, mark, color=colour, markersize=7, markeredgecolor="white", markeredgewidth=0.8, zorder=3)


def _stretch(axes: "Axes", costs: Sequence[float]) -> None:
    """Use a logarithmic axis with plain numbers, and leave room for the names."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.set_xlim(min(costs) / 2.2, max(costs) * 2.4)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _energy_title(result: Result, energy_of: Callable[[Variant], float | None]) -> str:
    if energy_of is not joules:
        return "CPU time per clip, s (measured)"
    origins = (one.deploy.energy_j_per_clip for one in result.variants if one.deploy)
    return f"joules per clip ({next(one.provenance for one in origins if one)})"


def _explain(figure: Any, table: Sequence[Row]) -> None:
    from matplotlib.lines import Line2D

    drawn = [row.standing for row in table if ccc(row.variant) is not None]
    seen: list[Standing] = [one for one in LOOKS if one in drawn]
    marks = [
        Line2D([], [], color=LOOKS[one][0], marker=LOOKS[one][1], linestyle="", label=_meaning(one)) for one in seen
    ]
    figure.supxlabel("Bars: 95 % intervals over subjects. Line: the Pareto front.", fontsize=8, color="#666666")
    figure.legend(handles=marks, loc="outside upper left", ncols=len(marks), frameon=False, fontsize=8)


def _meaning(standing: Standing) -> str:
    words = {"kept": "kept within the margin", "undecided": "not shown to be within it", "lost": "lost more than it"}
    return words.get(standing, STANDINGS[standing][1])
