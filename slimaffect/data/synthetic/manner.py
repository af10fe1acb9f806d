"""How one person shows affect: strong or weak, talkative or quiet, calm or fidgety."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Manner:
    """How one person shows affect; drawn once per person."""

    expressivity: float
    gain: Float[np.ndarray, " 9"]  # per group of action units
    politeness: float
    talk: float
    focus: float
    blink_hz: float
    motion: float
    flush: float
    hand_hz: float


def draw_manner(random: np.random.Generator, spread: float) -> Manner:
    """Draw how one person shows affect; `spread` scales what makes people differ in strength."""
    return Manner(
        expressivity=float(np.exp(random.normal(0, 0.28 * spread))),
        gain=np.exp(random.normal(0, 0.3 * spread, size=9)),
        politeness=random.uniform(0.3, 1.6),
        talk=float(np.exp(random.normal(0, 0.5))),
        focus=random.uniform(0.5, 1.4),
        blink_hz=0.30 * float(np.exp(random.normal(0, 0.35))),
        motion=float(np.exp(random.normal(0, 0.3))),
        flush=random.uniform(0.3, 1.2),
        hand_hz=0.016 * random.uniform(0.2, 1.8),
    )
