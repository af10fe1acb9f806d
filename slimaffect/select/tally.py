"""What a selection kept of whom: plain values for the task's record. Names and numbers, no faces."""

from collections import Counter
from typing import Any

import numpy as np
from jaxtyping import Float

from slimaffect.data.clips import Clips
from slimaffect.select.cells import BINS, label_bins
from slimaffect.select.units import labelled, mean_labels


def tally(offered: Clips, kept: Clips, weights: Float[np.ndarray, " kept"]) -> dict[str, Any]:
    """Count clips offered and kept by subject and by label bin; list first frame and weight of each kept clip.

    Label bins are rows of valence and columns of arousal, from -1 to 1.
    """
    return {
        "labelled_frames": [labelled(offered), labelled(kept)],
        "clips": [len(offered), len(kept)],
        "subjects": _pairs(_by_subject(offered), _by_subject(kept)),
        "label_bins": {"offered": _bins(offered), "kept": _bins(kept)},
        "kept": _places(kept, weights),
    }


def _by_subject(clips: Clips) -> Counter[str]:
    recordings = clips.recordings
    return Counter(f"{recordings[n].site}/{recordings[n].subject}" for n in clips.windows[:, 0].tolist())


def _pairs(offered: Counter[str], kept: Counter[str]) -> dict[str, list[int]]:
    return {name: [offered[name], kept[name]] for name in sorted(offered)}


def _bins(clips: Clips) -> list[list[int]]:
    return np.bincount(label_bins(mean_labels(clips)), minlength=BINS**2).reshape(BINS, BINS).tolist()


def _places(kept: Clips, weights: Float[np.ndarray, " kept"]) -> dict[str, list[list[float]]]:
    found: dict[str, list[list[float]]] = {}
    for (number, start), weight in zip(kept.windows.tolist(), weights.tolist(), strict=True):
        recording = kept.recordings[number]
        name = f"{recording.site}/{recording.subject}/{recording.name}"
        found.setdefault(name, []).append([start, round(weight, 3)])
    return found
