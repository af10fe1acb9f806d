"""How late annotators answer: motion in the face crops against arousal, shifted until they agree best. An estimate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from slimaffect.data.clips import Recording

LONGEST_S = 8.0  # annotators answer 1 to 6 s late (Mariooryad and Busso 2015, doi:10.1109/TAFFC.2014.2334294)
STEP_S = 0.2
SMOOTH_S = 1.0  # motion comes in bursts, ratings do not
DRIFT_S = 20.0  # slower changes of either say nothing of the delay
SHORTEST_S = 2 * DRIFT_S
CLEAR = 0.05  # mean correlation from which a peak is worth telling
DRAWS = 500
CHUNK = 2048  # crops held in memory at once


@dataclass(frozen=True)
class Delay:
    """The delay at which motion and arousal agree best, over all recordings that are long enough.

    Attributes:
        seconds: from the motion to the rating; None where nothing agrees.
        interval: 95 % of the estimates when recordings are drawn again with replacement.
        correlation: mean over recordings at that delay.
        recordings: how many were long enough.
        declared_s: what dataset.yaml says.
    """

    seconds: float | None
    interval: tuple[float, float] | None
    correlation: float | None
    recordings: int
    declared_s: float

    def __str__(self) -> str:
        """One sentence that says what it is worth."""
        if self.seconds is None or self.interval is None or self.correlation is None:
            return (
                f"no estimate: motion and arousal do not agree at any delay in {self.recordings} recordings "
                f"of at least {SHORTEST_S:g} s (declared: {self.declared_s:g} s)"
            )
        return (
            f"about {self.seconds:.1f} s from motion to arousal, 95 % interval {self.interval[0]:.1f} to "
            f"{self.interval[1]:.1f} s over {self.recordings} recordings, correlation {self.correlation:.2f}; "
            f"an estimate, not a measurement (declared: {self.declared_s:g} s)"
        )


def estimate_delay(recordings: Sequence[Recording], *, rate: float, declared_s: float, seed: int = 0) -> Delay:
    """Estimate the annotators' delay; labels are expected as prepared, with the declared delay already taken out."""
    lags = np.arange(-declared_s, LONGEST_S - declared_s + STEP_S / 2, STEP_S)
    curves = np.array([c for r in recordings if (c := agreement(motion(r), r.affect[:, 1], lags, rate)) is not None])
    if not len(curves) or curves.mean(axis=0).max() < CLEAR:
        return Delay(None, None, None, len(curves), declared_s)
    drawn = np.random.default_rng(seed).integers(0, len(curves), (DRAWS, len(curves)))
    peaks = lags[[curves[draw].mean(axis=0).argmax() for draw in drawn]] + declared_s
    best = int(curves.mean(axis=0).argmax())
    low, high = np.quantile(peaks, [0.025, 0.975])
    seconds, correlation = float(lags[best] + declared_s), float(curves[:, best].mean())
    return Delay(seconds, (float(low), float(high)), correlation, len(curves), declared_s)


def motion(recording: Recording) -> Float[np.ndarray, " time"]:
    """Mean absolute change of the green plane from frame to frame, in grey levels; NaN where a face is missing."""
    energy = np.full(len(recording), np.nan)
    for start in range(1, len(recording), CHUNK):
        green = recording.frames[start - 1 : start + CHUNK, 1].astype(np.int16)
        energy[start : start + CHUNK] = np.abs(np.diff(green, axis=0)).mean(axis=(1, 2))
    seen = np.any(recording.frames[:, 1, ::8, ::8], axis=(1, 2))  # a crop without a face is zeros
    return np.where(seen & np.concatenate([[False], seen[:-1]]), energy, np.nan)


def agreement(
    energy: Float[np.ndarray, " time"],
    arousal: Float[np.ndarray, " time"],
    lags: Float[np.ndarray, " lags"],
    rate: float,
) -> Float[np.ndarray, " lags"] | None:
    """Correlation of motion at t with arousal at t + lag, for each lag; None where there is too little to correlate."""
    if np.isfinite(energy).sum() < SHORTEST_S * rate or np.isfinite(arousal).sum() < SHORTEST_S * rate:
        return None
    moved = _band(energy, rate)
    rated = _band(arousal.astype(np.float64), rate)
    curve = np.array([_shifted(moved, rated, round(lag * rate)) for lag in lags])
    return curve if np.isfinite(curve).all() else None


def _band(values: Float[np.ndarray, " time"], rate: float) -> Float[np.ndarray, " time"]:
    """Smoothed, without slow drift; NaN where there was none."""
    return _mean_about(values, round(SMOOTH_S * rate)) - _mean_about(values, round(DRIFT_S * rate))


def _mean_about(values: Float[np.ndarray, " time"], width: int) -> Float[np.ndarray, " time"]:
    """Running mean over what is known."""
    known, window = np.isfinite(values), np.ones(max(1, min(width, len(values))))
    total = np.convolve(np.where(known, values, 0.0), window, "same")
    count = np.convolve(known.astype(float), window, "same")
    return np.where(known, total / np.maximum(count, 1), np.nan)


def _shifted(moved: Float[np.ndarray, " time"], rated: Float[np.ndarray, " time"], by: int) -> float:
    early, late = (moved[: len(moved) - by], rated[by:]) if by >= 0 else (moved[-by:], rated[: len(rated) + by])
    both = np.isfinite(early) & np.isfinite(late)
    if both.sum() < 2 or np.ptp(early[both]) == 0 or np.ptp(late[both]) == 0:
        return np.nan
    return float(np.corrcoef(early[both], late[both])[0, 1])
