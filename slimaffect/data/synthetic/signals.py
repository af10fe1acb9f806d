"""Random signals on the simulation clock: everything that moves a face or a label is made of these."""

import numpy as np
from jaxtyping import Float

RATE = 50.0  # Hz; the simulation's own clock, so that cameras of any frame rate film the same behaviour
STEP_S = 1 / RATE

Signal = Float[np.ndarray, " time"]


def recur(carry: Signal, drive: Signal) -> Signal:
    """Solve x[t] = carry[t] x[t-1] + drive[t] in log2(time) passes (Hillis & Steele 1986, doi:10.1145/7902.7903).

    >>> recur(np.full(3, 0.5), np.array([1.0, 0.0, 0.0]))
    array([1.  , 0.5 , 0.25])
    """
    carry, answer = np.array(carry, dtype=float), np.array(drive, dtype=float)
    carry[0] = 0.0
    reach = 1
    while reach < len(answer):
        answer[reach:] += carry[reach:] * answer[:-reach]
        carry[reach:] *= carry[:-reach]
        reach *= 2
    return answer


def low_pass(signal: Signal, tau_s: float) -> Signal:
    """One-pole low pass that starts settled on the first value.

    >>> low_pass(np.array([2.0, 2.0, 2.0]), 0.1)
    array([2., 2., 2.])
    """
    carry = np.full(len(signal), np.exp(-STEP_S / tau_s))
    drive = (1 - carry) * signal
    drive[0] = signal[0]
    return recur(carry, drive)


def wander(random: np.random.Generator, time: int, tau_s: float | Signal, sd: float) -> Signal:
    """Ornstein-Uhlenbeck noise around 0, stationary from the first sample.

    A `tau_s` that changes in time changes only the speed: the marginal stays N(0, sd) at every instant.
    """
    carry = np.broadcast_to(np.exp(-STEP_S / np.asarray(tau_s)), (time,))
    noise = random.standard_normal(time) * sd
    drive = noise * np.sqrt(1 - carry**2)
    drive[0] = noise[0]
    return recur(carry, drive)


def bumps(
    random: np.random.Generator,
    time: int,
    rate_hz: float,
    *,
    rise_s: tuple[float, float],
    hold_s: tuple[float, float],
    fall_s: tuple[float, float],
    size: tuple[float, float],
) -> Signal:
    """Sum bumps at Poisson onsets: half-cosine rise, hold, exponential fall; each quantity uniform in its range."""
    answer = np.zeros(time)
    # Onsets begin 5 s early so that a recording can open in the middle of a bump.
    for _ in range(random.poisson(rate_hz * (time * STEP_S + 5))):
        onset = random.uniform(-5, time * STEP_S)
        rise, hold, fall, peak = (random.uniform(*bounds) for bounds in (rise_s, hold_s, fall_s, size))
        span = slice(max(0, int(onset * RATE)), max(0, int((onset + rise + hold + 20 * fall) * RATE)))  # exp(-20) is 0
        seconds = np.arange(time)[span] * STEP_S - onset
        rising = 0.5 - 0.5 * np.cos(np.pi * np.clip(seconds / rise, 0, 1))
        answer[span] += peak * rising * np.exp(-np.maximum(seconds - rise - hold, 0) / fall)
    return answer


def bouts(random: np.random.Generator, rate_hz: Signal, length_s: tuple[float, float]) -> Signal:
    """1 while a bout lasts, else 0; bouts begin as a Poisson process with a rate that changes in time."""
    time = len(rate_hz)
    answer = np.zeros(time)
    for onset in np.flatnonzero(random.random(time) < rate_hz * STEP_S):
        answer[onset : onset + round(random.uniform(*length_s) * RATE)] = 1.0
    return answer


def delayed(signal: Signal, delay_s: float) -> Signal:
    """The signal as it was `delay_s` ago; before its start it holds its first value.

    >>> delayed(np.array([1.0, 2.0, 3.0]), STEP_S)
    array([1., 1., 2.])
    """
    clock = np.arange(len(signal)) * STEP_S
    return np.interp(clock - delay_s, clock, signal)
