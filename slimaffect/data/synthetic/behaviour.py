"""What a person's face, head and hands do: affect moves them, and so do speech, posing and concentration."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from slimaffect.data.synthetic.manner import Manner
from slimaffect.data.synthetic.settings import SyntheticSettings
from slimaffect.data.synthetic.signals import RATE, STEP_S, Signal, bouts, bumps, low_pass, wander
from slimaffect.data.synthetic.sites import Site


class Behaviour(NamedTuple):
    """Everything that moves, one row per instant. Action units after Ekman and Friesen, 1 is strong."""

    au1: Signal  # inner brow raiser
    au2: Signal  # outer brow raiser
    au4: Signal  # brow lowerer
    au5: Signal  # upper lid raiser
    au6: Signal  # cheek raiser
    au12: Signal  # lip corner puller
    au15: Signal  # lip corner depressor
    au24: Signal  # lip presser
    au26: Signal  # jaw drop
    droop: Signal  # lids lowered without effort
    blink: Signal  # 0 open, 1 shut
    rounding: Signal  # lips wide (> 0) or round (< 0) while speaking
    x: Signal  # head to the right, head units
    y: Signal  # head down, head units
    yaw: Signal  # degrees
    pitch: Signal
    roll: Signal
    look_x: Signal  # gaze, 1 is the edge of the screen
    look_y: Signal
    flush: Signal  # redness of the skin
    hand: Signal  # 0 away, 1 at the chin
    light: Signal  # brightness of the room

    def at(self, times: Float[np.ndarray, " frames"]) -> "Behaviour":
        """Sample at these times in seconds, as a camera would."""
        clock = np.arange(len(self.au1)) * STEP_S
        return Behaviour(*(np.interp(times, clock, column) for column in self))


def behave(
    random: np.random.Generator,
    manner: Manner,
    lived: Float[np.ndarray, "4 time"],
    site: Site,
    settings: SyntheticSettings,
) -> Behaviour:
    """Let a person live through a session: every action unit, blink, nod and glance on the simulation clock.

    Args:
        random: where chance comes from.
        manner: how this person shows affect.
        lived: valence and arousal as felt, concentration, and how often per second speech begins.
        site: where it happens; strong light makes people squint.
        settings: the knobs.
    """
    scene = _Scene(random, manner, site, settings, *lived)
    other = scene.other_reasons()
    return Behaviour(
        **scene.upper_face(other),
        **scene.lower_face(other),
        **scene.head(other.speaking),
        **scene.eyes(),
        **scene.surroundings(),
    )


class _OtherReasons(NamedTuple):
    """What moves a face although no affect is behind it."""

    speaking: Signal  # 1 while speaking
    smile: Signal  # of the speaking mouth
    sadness: Signal  # of the speaking mouth
    jaw: Signal
    rounding: Signal
    polite: Signal  # a posed smile
    frown: Signal  # a posed frown


@dataclass(frozen=True)
class _Scene:
    """One session of one person; each method draws one part of the behaviour from the same generator, in order."""

    random: np.random.Generator
    manner: Manner
    site: Site
    settings: SyntheticSettings
    valence: Signal
    arousal: Signal
    concentration: Signal
    speech_hz: Signal

    @property
    def strength(self) -> float:
        """How strongly affect moves this face at this site."""
        return self.manner.expressivity * self.settings.expression * self.site.expressivity

    @property
    def time(self) -> int:
        """Samples of the simulation."""
        return len(self.arousal)

    def wander(self, tau_s: float, sd: float) -> Signal:
        """Wander around 0 at a steady pace."""
        return wander(self.random, self.time, tau_s, sd)

    def lively(self, tau_s: float, sd: float, low_s: float = 0.08, high_s: float = 3.0) -> Signal:
        """Wander faster when aroused, but never wider: only a sequence shows it."""
        tau = np.clip(tau_s * np.exp(-self.settings.tempo * self.arousal), low_s, high_s)
        return wander(self.random, self.time, tau, sd)

    def coming_and_going(self) -> Signal:
        """The factor by which an action unit shows the affect behind it at this moment."""
        return np.clip(0.75 + self.lively(0.55, 0.36 * self.settings.burst), 0.05, 1.6)

    def posed(self, rate_hz: float, longest_s: float) -> Signal:
        """Abrupt expressions that no affect is behind; a still cannot tell them from felt ones."""
        bump = bumps(
            self.random,
            self.time,
            rate_hz * self.settings.confounds,
            rise_s=(0.06, 0.12),
            hold_s=(0.8, longest_s),
            fall_s=(0.03, 0.05),
            size=(0.45, 0.95),
        )
        return np.minimum(bump, 1.1)

    def other_reasons(self) -> _OtherReasons:
        """Speech, politeness and posed frowns."""
        rate = (0.05 + 0.5 * self.speech_hz) * self.manner.talk * self.settings.confounds
        speaking = low_pass(bouts(self.random, rate, (2.0, 6.0)), 0.10)
        return _OtherReasons(
            speaking=speaking,
            smile=speaking * np.clip(0.45 + self.wander(0.12, 0.42), 0, 1.2),
            sadness=speaking * np.clip(0.10 + self.wander(0.12, 0.40), 0, 1.0),
            jaw=speaking * np.clip(0.40 + self.wander(0.10, 0.34), 0, 1.2),
            rounding=speaking * self.wander(0.15, 0.35),
            polite=self.posed(0.05 * self.manner.politeness, 2.2),
            frown=self.posed(0.04, 2.0),
        )

    def upper_face(self, other: _OtherReasons) -> dict[str, Signal]:
        """Brows and lids: a weak level and an informative speed."""
        gain, strength, static = self.manner.gain, self.strength, self.settings.static_arousal
        brow = self.lively(0.35, 0.35) + 0.7 * static * self.arousal
        lid = self.lively(0.45, 0.45) + 0.6 * static * strength * self.arousal - self.site.squint
        worry = strength * gain[4] * _positive(-0.45 * self.valence) * self.coming_and_going()
        anger = strength * gain[3] * _positive(-0.7 * self.valence - 0.02) * self.coming_and_going()
        effort = 0.45 * self.settings.confounds * self.concentration * self.manner.focus
        return {
            "au1": worry + 0.5 * _positive(brow),
            "au2": gain[5] * _positive(brow),
            "au4": anger + 0.8 * other.frown + effort * np.clip(0.6 + self.wander(2.0, 0.4), 0, 1.5),
            "au5": gain[6] * _positive(lid),
            "droop": gain[7] * _positive(-lid),
        }

    def lower_face(self, other: _OtherReasons) -> dict[str, Signal]:
        """Cheeks, lips and jaw: felt smiles come slowly, posed ones at once."""
        gain, strength = self.manner.gain, self.strength
        smile = low_pass(strength * gain[0] * _positive(0.95 * self.valence - 0.02), 0.35)
        smile = smile * np.clip(0.85 + self.lively(0.9, 0.25, low_s=0.5), 0.3, 1.4)
        sadness = low_pass(_positive(-0.95 * self.valence - 0.02), 0.35) * self.coming_and_going()
        press = strength * gain[8] * _positive(-0.3 * self.valence) * self.coming_and_going()
        return {
            "au12": smile + other.polite + other.smile,
            "au6": gain[1] * (smile + 0.85 * other.polite + 0.45 * other.smile),
            "au15": strength * gain[2] * sadness + 0.7 * other.frown + other.sadness,
            "au24": press + 0.3 * _positive(self.lively(0.45, 0.6)),
            "au26": other.jaw + self._gape(),
            "rounding": other.rounding,
        }

    def _gape(self) -> Signal:
        """The jaw drops with joy and excitement, and when a bored person yawns."""
        joy = 0.45 * low_pass(_positive(self.valence - 0.3), 0.4)
        excitement = 0.10 * self.strength * _positive(self.arousal - 0.3)
        yawn = bumps(
            self.random, self.time, 0.006, rise_s=(0.8, 1.5), hold_s=(0.8, 1.6), fall_s=(0.3, 0.6), size=(0.8, 1.0)
        )
        return (joy + excitement) * self.coming_and_going() + 1.6 * yawn * _positive(-self.arousal)

    def head(self, speaking: Signal) -> dict[str, Signal]:
        """Pose: slow posture, nods while speaking, and fidgeting with an energy that follows arousal."""
        waves = low_pass(_positive(self.random.standard_normal(self.time)), 0.8)
        energy = self.settings.motion * self.manner.motion * np.exp(0.8 * self.arousal) * (0.5 + 0.8 * waves)
        size = {
            "x": (0.045, 0.10, 0.015),
            "y": (0.035, 0.07, 0.02),
            "yaw": (2.6, 5.5, 1.5),
            "pitch": (2.0, 3.5, 1.8),
            "roll": (1.3, 2.5, 1.0),
        }
        pose = {}
        for name, (fidget, posture, nod) in size.items():
            fast = low_pass(self.lively(0.30, 1.0, low_s=0.06, high_s=2.0), 0.05)
            pose[name] = 0.75 * fidget * energy * fast / (fast.std() + 1e-9)
            pose[name] = pose[name] + self.wander(6.0, posture) + speaking * self.wander(0.3, nod)
        return pose

    def eyes(self) -> dict[str, Signal]:
        """Blinks and glances; both come more often with arousal."""
        rate = np.clip(self.manner.blink_hz * np.exp(1.3 * self.arousal), 0.03, 1.6)
        blink = np.zeros(self.time)
        for onset in np.flatnonzero(self.random.random(self.time) < rate * STEP_S):
            length_s = self.random.uniform(0.16, 0.28) * (1 + 0.5 * max(-self.arousal[onset], 0.0))
            phase = np.arange(round(length_s * RATE)) / (length_s * RATE)
            shut = np.sin(np.pi * phase)[: self.time - onset] ** 0.6
            blink[onset : onset + len(shut)] = np.maximum(blink[onset : onset + len(shut)], shut)
        look_x, look_y = self._glances()
        return {"blink": blink, "look_x": look_x, "look_y": look_y}

    def _glances(self) -> Float[np.ndarray, "2 time"]:
        """Gaze that rests on one place of the screen after the other."""
        look = np.zeros((2, self.time))
        start = 0
        while start < self.time:
            dwell_s = self.random.exponential(1 / (0.6 * np.exp(0.7 * self.arousal[start]))) + 0.16
            look[:, start : start + max(1, round(dwell_s * RATE))] = self.random.normal(0, [0.28, 0.14])[:, None]
            start += max(1, round(dwell_s * RATE))
        return look

    def surroundings(self) -> dict[str, Signal]:
        """Blood in the skin, a hand at the chin, clouds before the window."""
        heat = 0.8 * _positive(self.arousal + 0.15) + 0.2 * _positive(-self.valence)
        hand = bumps(
            self.random,
            self.time,
            self.manner.hand_hz,
            rise_s=(0.4, 0.7),
            hold_s=(1.2, 4.0),
            fall_s=(0.2, 0.4),
            size=(1, 1),
        )
        return {
            "flush": self.manner.flush * low_pass(heat, 4.0),
            "hand": np.minimum(hand, 1.0),
            "light": 1 + self.wander(5.0, 0.04) + self.wander(0.5, 0.012),
        }


def _positive(signal: Signal) -> Signal:
    return np.maximum(signal, 0.0)
