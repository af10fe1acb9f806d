"""Affect of one video against time, for a person to look at; it shows no face."""

from pathlib import Path

from slimaffect.runtime.reading import Reading

COLOURS = ("#0072B2", "#D55E00")  # of Okabe and Ito, which the colour-blind tell apart


def plot(file: Path, title: str, reading: Reading) -> None:
    """Draw a PNG; grey where there is no face."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context({"font.family": ["DejaVu Sans"], "font.size": 9, "text.parse_math": False}):
        figure = Figure(figsize=(10, 3.2), layout="constrained", dpi=110)
        axes, seen = figure.subplots(), reading.valid
        for column, name in enumerate(("valence", "arousal")):
            shown = reading.affect[:, column].copy()
            shown[~seen] = float("nan")
            axes.plot(reading.times, shown, color=COLOURS[column], label=name, linewidth=1.2)
        if not seen.all():
            axes.fill_between(
                reading.times, -1, 1, where=(~seen).tolist(), step="mid", color="#999999", alpha=0.3, linewidth=0,
                label="no face",
            )  # fmt: skip
        axes.axhline(0, color="#999999", linewidth=0.6)
        axes.set(xlim=(0, reading.video_s), ylim=(-1, 1), xlabel="seconds", ylabel="affect")
        axes.set_title(title, loc="left")
        axes.legend(loc="upper right", ncols=3, frameon=False)
        FigureCanvasAgg(figure).print_png(str(file))
