"""What a selection covers, as a picture: of each subject, and of each bin of valence and arousal."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OFFERED, KEPT = "#BBBBBB", "#0072B2"
MOST = 6  # folds that fit under each other


def write_coverage(tallies: Mapping[str, Mapping[str, Any]], target: Path | BytesIO) -> None:
    """Draw a row for each fold: clips offered and kept of each subject, and the share kept of each label bin.

    `tallies` are what a selection wrote down, by the name of the fold; names and numbers, no faces.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = list(tallies.items())[:MOST]
    with rc_context({"font.family": ["DejaVu Sans"], "font.size": 8, "text.parse_math": False}):
        figure = Figure(figsize=(9.6, 2.1 * len(shown) + 0.4), layout="constrained", dpi=150)
        grid = figure.subplots(len(shown), 2, squeeze=False, width_ratios=(4, 1))
        for (name, tally), (left, right) in zip(shown, grid, strict=True):
            _subjects(left, name, tally["subjects"])
            _bins(figure, right, tally["label_bins"])
        grid[-1][0].set_xlabel("subjects of the training sites: clips offered (grey) and kept (blue)")
        FigureCanvasAgg(figure).print_png(target if isinstance(target, BytesIO) else str(target))


def _subjects(axes: "Axes", name: str, subjects: Mapping[str, Sequence[int]]) -> None:
    names = list(subjects)
    axes.bar(range(len(names)), [subjects[one][0] for one in names], color=OFFERED)
    axes.bar(range(len(names)), [subjects[one][1] for one in names], color=KEPT)
    axes.set_xticks(range(len(names)), [one.partition("/")[2] for one in names], rotation=90, fontsize=5)
    axes.set_title(name, loc="left", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _bins(figure: "Figure", axes: "Axes", bins: Mapping[str, Sequence[Sequence[int]]]) -> None:
    import numpy as np

    offered, kept = np.array(bins["offered"]), np.array(bins["kept"])
    share = np.full(offered.shape, np.nan)  # a bin without clips stays white: nothing was there to keep
    np.divide(kept, offered, out=share, where=offered > 0)
    drawn = axes.imshow(share.T, origin="lower", extent=(-1, 1, -1, 1), vmin=0, vmax=1, cmap="viridis")
    axes.set_xlabel("valence", labelpad=1)
    axes.set_ylabel("arousal", labelpad=1)
    figure.colorbar(drawn, ax=axes, label="share kept")
