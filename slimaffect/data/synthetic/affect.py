"""What a person feels during a session, and what annotators make of it."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from slimaffect.data.synthetic.signals import RATE, Signal, bumps, delayed, low_pass, wander
from slimaffect.data.synthetic.sites import Site

ANNOTATORS = 5
BLOCK_S = (9.5, 12.5)  # all ten tasks fit into 110 s, which keeps valence and arousal uncorrelated in every recording


class Task(NamedTuple):
    """One task of a session: the affect it aims at, and what else it makes people do."""

    valence: float
    arousal: float
    concentration: float
    speech_hz: float  # how often it makes people speak


# Over the ten tasks valence and arousal do not correlate: otherwise one would be read off the other.
TASKS = {
    "rest": Task(0.10, -0.50, 0.0, 0.01),
    "reading": Task(0.0, -0.30, 0.35, 0.02),
    "n-back": Task(-0.15, 0.25, 0.6, 0.0),
    "overload": Task(-0.50, 0.60, 0.5, 0.04),
    "amusing video": Task(0.60, 0.30, 0.0, 0.05),
    "faulty computer": Task(-0.60, 0.25, 0.2, 0.06),
    "vigilance": Task(-0.25, -0.60, 0.1, 0.0),
    "team talk": Task(0.30, 0.40, 0.0, 0.16),
    "success": Task(0.55, 0.65, 0.1, 0.06),
    "relaxing": Task(0.5, -0.4, 0.0, 0.02),
}


class Temper(NamedTuple):
    """How a person tends to feel, whatever the task."""

    mean: tuple[float, float]
    gain: float


def draw_temper(random: np.random.Generator) -> Temper:
    """Draw a person's mean affect and how strongly tasks move it."""
    valence, arousal = random.normal(0, 0.12, size=2)
    return Temper((float(valence), float(arousal)), random.uniform(0.7, 1.1))


def session(random: np.random.Generator, time: int) -> Float[np.ndarray, "4 time"]:
    """Lay the tasks one after the other in random order: valence, arousal, concentration and speech rate wanted."""
    schedule: list[np.ndarray] = []
    while sum(block.shape[1] for block in schedule) < time:
        for index in random.permutation(len(TASKS)):
            length = round(random.uniform(*BLOCK_S) * RATE)
            schedule.append(np.repeat(np.array([list(TASKS.values())[index]]).T, length, axis=1))
    return np.concatenate(schedule, axis=1)[:, :time]


def felt(
    random: np.random.Generator, temper: Temper, wanted: Float[np.ndarray, "2 time"]
) -> Float[np.ndarray, "2 time"]:
    """Valence and arousal as felt, in (-1, 1): tasks, slow wandering, events, and the person's own mean."""
    time = wanted.shape[1]
    blocks = np.stack([low_pass(row, 2.0) for row in wanted])
    slow = np.stack([wander(random, time, tau_s, 0.22) for tau_s in (6.0, 5.0)])
    return np.tanh(1.05 * (temper.gain * blocks + slow + _events(random, time) + np.array(temper.mean)[:, None]))


def _events(random: np.random.Generator, time: int) -> Float[np.ndarray, "2 time"]:
    """Things that happen every 10 s or so: pleasant or unpleasant, mostly but not always exciting."""
    answer = np.zeros((2, time))
    for on_valence, on_arousal in ((1.0, 1.0), (1.0, -0.5), (-1.0, 1.0), (-1.0, -0.5)):
        bump = bumps(random, time, 1 / 40, rise_s=(0.3, 1.2), hold_s=(0, 0.5), fall_s=(2, 5), size=(0.25, 0.6))
        answer += np.stack([on_valence * bump, on_arousal * bump])
    return answer


def annotate(
    random: np.random.Generator, affect: Float[np.ndarray, "2 time"], site: Site, lag: float
) -> tuple[Float[np.ndarray, "2 time"], Float[np.ndarray, "annotators 2 time"]]:
    """Gold standard and the traces it is the mean of, both clipped to [-1, 1], as this site's annotators give them."""
    traces = np.stack([np.stack([_trace(random, row, site, lag) for row in affect]) for _ in range(ANNOTATORS)])
    traces = traces * np.array(site.label_gain)[:, None] + np.array(site.label_bias)[:, None]
    return np.clip(traces.mean(axis=0), -1, 1), np.clip(traces, -1, 1)


def _trace(random: np.random.Generator, affect: Signal, site: Site, lag: float) -> Signal:
    """One annotator's hand on the lever: late, with an own gain, offset and drift."""
    late = delayed(low_pass(affect, 0.3), lag * (random.uniform(0.3, 1.0) + site.label_lag_s))
    return random.normal(1, 0.08) * late + random.normal(0, 0.05) + wander(random, len(affect), 4.0, 0.07)
