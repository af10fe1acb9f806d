"""Whether predictions are where they should be: bias and gain on every held-out site.

CCC punishes both, and a reader wants to know which: a bias can be subtracted after the fact, a shrunk range (int8, a
student that learnt the mean) cannot be told from a cautious model by CCC alone.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from slimaffect.evaluate.answers import Answers, pooled
from slimaffect.evaluate.metrics import is_constant


@dataclass(frozen=True)
class Calibration:
    """Bias: mean prediction minus mean label. Gain: slope of the prediction over the label; NaN on still labels."""

    bias_valence: float
    bias_arousal: float
    gain_valence: float
    gain_arousal: float


def calibration(answers: Sequence[Answers]) -> dict[str, Calibration]:
    """Say for each site how its predictions lie to its labels, all frames pooled, the mean over seeds."""
    found: dict[str, list[list[float]]] = defaultdict(list)
    for one in answers:
        predicted, affect = pooled(one)
        pairs = [bias_and_gain(predicted[:, d], affect[:, d]) for d in (0, 1)]
        found[one.held_out].append([bias for bias, _ in pairs] + [gain for _, gain in pairs])
    return {site: Calibration(*map(float, np.mean(seeds, axis=0))) for site, seeds in sorted(found.items())}


def bias_and_gain(predicted: Float[np.ndarray, " frames"], affect: Float[np.ndarray, " frames"]) -> tuple[float, float]:
    """Compare predictions with labels.

    >>> bias_and_gain(np.array([0.5, 0.75]), np.array([0.0, 0.5]))
    (0.375, 0.5)
    """
    if not len(affect):
        return float("nan"), float("nan")
    centred = affect - affect.mean()
    gain = float("nan") if is_constant(affect) else float((centred * predicted).mean() / (centred**2).mean())
    return float((predicted - affect).mean()), gain
