"""One recording for a person to look at: a contact sheet of its face crops above its affect against time."""

import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from slimaffect.data import store
from slimaffect.data.clips import Recording
from slimaffect.data.hashes import Hashes
from slimaffect.data.layout import read_dataset
from slimaffect.data.prepare import check_detector, dataset_folder, tasks_of
from slimaffect.data.reading import Outcome, found, read
from slimaffect.data.settings import DataSettings
from slimaffect.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS, ROWS = 12, 3
TILE = 96  # pixels of a crop on the sheet
GAP = 4
COLOURS = {"valence": "#0072B2", "arousal": "#D55E00"}  # of Okabe and Ito


def show_recording(settings: DataSettings, cache: Path, where: str, to: Path) -> Path:
    """Prepare one recording and draw it into a PNG that its owner alone can read.

    Args:
        settings: which dataset and how to read it.
        cache: where prepared recordings are kept.
        where: the recording, as site/subject/name.
        to: the picture; never under a folder `results`, which is made to be shared.

    Raises:
        DataError: there is no such recording, it cannot be used, or the place is no place for faces.
        ModelError: the detector's file is missing or another one.
    """
    if "results" in to.resolve().parts or to.suffix.casefold() != ".png":
        raise DataError(f"{to}: shows faces, so it must be a .png outside any folder named results. Name another file.")
    recording = prepared_recording(settings, cache, where)
    picture = BytesIO()
    draw(recording, picture)
    with open(to, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        os.fchmod(file.fileno(), 0o600)  # the file may have stood there before, open to all
        file.write(picture.getvalue())
    return to


def prepared_recording(settings: DataSettings, cache: Path, where: str) -> Recording:
    """Find one recording prepared, or prepare it and no other.

    Raises:
        DataError: there is no such recording, or it cannot be used.
    """
    dataset = read_dataset(dataset_folder(settings, cache, workers=os.cpu_count() or 1, watch=lambda *_: None))
    task = next((task for task in tasks_of(dataset, settings, cache) if task.source.where == where), None)
    if task is None:
        raise DataError(_no_such(where, [source.where for source in dataset.sources], str(dataset.root)))
    outcome = found(task, Hashes(cache / "hashes.json"))
    if outcome is None:
        check_detector(settings)
        store.private_folder(task.folder.parent)
        outcome = read(task)
    return _loaded(outcome)


def _loaded(outcome: Outcome) -> Recording:
    if outcome.folder is None:
        raise DataError(" ".join(f"{problem}." for problem in outcome.problems))
    return store.load(outcome.folder, outcome.source.site, outcome.source.subject, outcome.source.name)


def _no_such(where: str, known: list[str], root: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(where, known, 3, 0.4) or known[:3]
    return f"{root}: has no usable recording {where}. Say site/subject/recording, e.g. {', '.join(near)}."


def sheet(recording: Recording) -> UInt8[np.ndarray, "height width 3"]:
    """Crops evenly spaced over the recording, row by row; a grey field where there is no face."""
    import cv2

    cell = TILE + GAP
    image = np.full((ROWS * cell + GAP, COLUMNS * cell + GAP, 3), 255, np.uint8)
    for place, index in enumerate(looks(recording)):
        tile = np.asarray(recording.frames[index]).transpose(1, 2, 0)
        shown = cv2.resize(tile, (TILE, TILE), interpolation=cv2.INTER_AREA if len(tile) > TILE else cv2.INTER_CUBIC)
        top, left = GAP + place // COLUMNS * cell, GAP + place % COLUMNS * cell
        image[top : top + TILE, left : left + TILE] = shown if tile.any() else 200
    return image


def looks(recording: Recording) -> list[int]:
    """The frames on the sheet: evenly spaced, from the first to the last."""
    return np.linspace(0, len(recording) - 1, ROWS * COLUMNS).round().astype(int).tolist()


def draw(recording: Recording, target: BytesIO) -> None:
    """Draw sheet and plot as a PNG."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context({"font.family": ["DejaVu Sans"], "font.size": 9, "text.parse_math": False}):
        figure = Figure(figsize=(12, 6.2), layout="constrained", dpi=110)
        above, below = figure.subplots(2, 1, height_ratios=[3, 2.6])
        above.imshow(sheet(recording))
        above.set_axis_off()
        step_s = (recording.times[-1] - recording.times[0]) / (ROWS * COLUMNS - 1)
        above.set_title(
            f"{recording.site}/{recording.subject}/{recording.name}: a crop every {step_s:.1f} s, row by row",
            loc="left",
        )
        _plot(below, recording)
        FigureCanvasAgg(figure).print_png(target)


def _plot(axes: "Axes", recording: Recording) -> None:
    for column, (name, colour) in enumerate(COLOURS.items()):
        axes.plot(recording.times, recording.affect[:, column], color=colour, label=name, linewidth=1.2)
    unused = ~recording.valid
    if unused.any():
        axes.fill_between(
            recording.times, -1, 1, where=unused.tolist(), step="mid", color="#999999", alpha=0.3, linewidth=0,
            label="not used: no face or no label",
        )  # fmt: skip
    axes.axhline(0, color="#999999", linewidth=0.6)
    axes.set(xlim=(recording.times[0], recording.times[-1]), ylim=(-1, 1), xlabel="seconds", ylabel="affect")
    axes.set_title(f"{recording.valid.mean():.1%} of {len(recording)} frames are used", loc="left")
    axes.legend(loc="upper right", ncols=3, frameon=False)
