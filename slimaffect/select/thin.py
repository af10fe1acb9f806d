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
