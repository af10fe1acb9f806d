"""From clips to fewer clips: the selectors on clips that share no frame, and a shorter epoch to match."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from slimaffect.data.clips import Clips
from slimaffect.select.choose import BLIND, Selector, select
from slimaffect.select.units import apart, labelled, mean_labels, subjects

Look = Callable[[Clips], Float[np.ndarray, "units values"]]


class Thinned(NamedTuple):
    """Clips that were kept, those that were offered, and how many of these each kept one stands for."""

    clips: Clips
    offered: Clips
    weights: Float[np.ndarray, " kept"]


def thin(clips: Clips, by: Selector, look: Look | None = None, *, keep: float, seed: int) -> Thinned:
    """Choose among clips that share no frame, and shorten the epoch by what was really kept.

    `look` computes the features, for selectors that read any.

    Raises:
        RunError: the features are no numbers.
    """
    units = clips.pick(apart(clips, seed))
    share = min(1.0, keep * labelled(clips) / labelled(units))
    features = np.zeros((len(units), 0), np.float32) if by in BLIND or look is None else look(units)
    chosen = select(by, features, mean_labels(units), subjects(units), keep=share, seed=seed)
    kept = units.pick(chosen.kept)
    return Thinned(replace(kept, share=clips.share * labelled(kept) / labelled(clips)), units, chosen.weights)


def middle(clips: Clips, share: float) -> Clips:
    """Keep the clips in the middle of each recording, so much of its length, and shorten the epoch as much.

    Neighbours in time cost an LSTM no more than their own frames. A clip of every recording stays at least.
    """
    kept = []
    for number, recording in enumerate(clips.recordings):
        mine = np.flatnonzero(clips.windows[:, 0] == number)
        away = np.abs(clips.windows[mine, 1] + (clips.length - len(recording)) / 2)
        inside = away <= (share * len(recording) - clips.length) / 2
        kept.extend(mine[inside] if inside.any() else mine[np.argsort(away, kind="stable")[:1]])
    found = clips.pick(np.sort(np.array(kept, dtype=np.int64)))
    return replace(found, share=clips.share * labelled(found) / labelled(clips))
