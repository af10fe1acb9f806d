"""A ladder as it is shown: rows of one lever after another, as a table and as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """Lay the ladder out: each rung's own factor, the running total, and each rung alone."""
    laid = Table("rung", "CPU s", "factor", "running total", "alone", "CCC", "against baseline", "95 %")
    by_name = {row["way"]: row for row in rows}
    before = None
    for row in (row for row in rows if not row["way"].endswith(" alone")):
        alone = by_name.get(f"{row['way'].removeprefix('+ ')} alone")
        laid.add_row(
            row["way"],
            f"{row['cpu_s']:,.0f}",
            "-" if before is None else f"{before['cpu_s'] / row['cpu_s']:.2f}",
            f"{row['factor']:.1f}",
            "-" if alone is None else f"{alone['factor']:.2f} ({alone['delta']:+.3f})",
            f"{row['ccc']:.3f}",
            f"{row['delta']:+.3f}",
            "{:+.3f} to {:+.3f}".format(*row["delta_interval"]),
        )
        before = row
    return laid


def draw(rows: Sequence[dict[str, Any]], file: Path) -> None:
    """Draw the running total as steps, and beside it the change of CCC with its interval."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ladder = [row for row in rows if not row["way"].endswith(" alone")]
    alone = {row["way"].removesuffix(" alone"): row for row in rows if row["way"].endswith(" alone")}
    figure = Figure(figsize=(9.6, 0.5 * len(ladder) + 1.6), layout="constrained", dpi=200)
    left, right = figure.subplots(1, 2, sharey=True)
    places = list(range(len(ladder)))
    left.barh(places, [row["factor"] for row in ladder], color="#0072B2", height=0.55, label="running total")
    for place, row in zip(places, ladder, strict=True):
        single = alone.get(row["way"].removeprefix("+ "))
        left.annotate(f" {row['factor']:.1f} x", (row["factor"], place), va="center", fontsize=8)
        if single:
            left.plot(
                single["factor"], place, "D", color="#E69F00", markersize=5, label="alone" if place == 1 else None
            )
        right.plot(row["delta"], place, "o", color="#0072B2")
        right.hlines(place, *row["delta_interval"], color="#0072B2", linewidth=1.2)
    left.set_yticks(places, [row["way"] for row in ladder])
    left.invert_yaxis()
    left.set(xscale="log", xlabel="times cheaper than the baseline, CPU-seconds")
    left.xaxis.set_major_formatter("{x:g}")
    left.set_xlim(0.8, 3 * max(row["factor"] for row in ladder))
    right.axvline(0, color="#999999", linewidth=0.8)
    right.axvline(-0.03, color="#D55E00", linewidth=0.8, linestyle=":")
    right.set_xlabel("change of CCC against the baseline, 95 % over subjects")
    left.legend(loc="upper right", frameon=False, fontsize=8)
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    FigureCanvasAgg(figure).print_png(str(file))
