"""Who is drawn: the proportions, colours, hair and glasses of one invented person."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Hair = Literal["bald", "short", "full", "shoulder", "long"]
Colour = tuple[float, float, float]  # blue, green, red in [0, 255]

SKINS: tuple[Colour, ...] = ((190, 212, 244), (158, 190, 233), (122, 160, 212), (76, 110, 164), (50, 70, 108))
HAIRS: tuple[Colour, ...] = ((28, 26, 28), (34, 44, 62), (44, 70, 104), (92, 146, 190), (40, 72, 142), (168, 168, 172))
IRISES: tuple[Colour, ...] = ((40, 66, 96), (30, 44, 62), (150, 128, 92), (96, 124, 92), (70, 100, 120))
_SHORTER: tuple[Hair, ...] = ("bald", "short", "full")
_LONGER: tuple[Hair, ...] = ("short", "full", "shoulder", "long")
SHIRTS: tuple[Colour, ...] = (
    *((120, 86, 52), (72, 70, 150), (92, 116, 74), (84, 84, 92)),
    *((196, 190, 182), (140, 108, 128), (70, 120, 176), (58, 48, 44)),
)


@dataclass(frozen=True)
class Identity:
    """One invented person. Lengths in head units (half the distance from brow to chin, roughly), factors around 1."""

    width: float
    height: float
    taper: float  # how much the jaw narrows
    eye_gap: float
    eye_opening: float
    eye_tilt: float
    brow_height: float
    brow_slope: float
    brow_thickness: float
    brow_arch: float
    mouth_width: float
    mouth_curve: float  # of the resting mouth; > 0 smiles
    mouth_height: float
    lips: float
    nose_width: float
    nose_length: float
    nose_bridge: float
    asymmetry: float
    skin: Colour
    age: float
    hair: Hair
    hairline: float  # lower than usual, if positive
    hair_colour: Colour
    iris: Colour
    shirt: Colour
    glasses: bool
    beard: bool
    moustache: bool


def draw_identity(random: np.random.Generator, spread: float) -> Identity:
    """Draw a person; `spread` scales what a resting face shares with an expression: brows, lids, mouth."""
    age, tone = float(random.beta(1.2, 2)), float(random.beta(1.3, 1.6))
    bearded = random.random() < 0.25
    moustache = bool(bearded or random.random() < 0.15)
    return Identity(
        width=random.normal(1, 0.06),
        height=random.normal(1, 0.05),
        taper=random.uniform(0.08, 0.36),
        eye_gap=random.normal(1, 0.07),
        eye_opening=float(np.clip(random.normal(1, 0.16 * spread), 0.6, 1.5)),
        eye_tilt=random.normal(0, 0.08 * spread),
        brow_height=random.normal(0, 0.035 * spread),
        brow_slope=random.normal(-0.02, 0.05 * spread),
        brow_thickness=random.uniform(0.6, 1.7),
        brow_arch=random.uniform(0.02, 0.10),
        mouth_width=random.normal(1, 0.09),
        mouth_curve=random.normal(0, 0.045 * spread),
        mouth_height=random.normal(0, 0.035 * spread),
        lips=float(np.clip(random.normal(1, 0.22), 0.5, 1.6)),
        nose_width=random.normal(1, 0.12),
        nose_length=random.normal(1, 0.06),
        nose_bridge=random.normal(1, 0.2),
        asymmetry=random.normal(0, 0.2),
        skin=_ramp(SKINS, tone),
        age=age,
        hair=_SHORTER[random.choice(3, p=(0.2, 0.5, 0.3))]
        if moustache
        else _LONGER[random.choice(4, p=(0.2, 0.2, 0.35, 0.25))],
        hairline=random.uniform(-0.10, 0.04),
        hair_colour=_hair_colour(random, tone, age),
        iris=IRISES[random.integers(len(IRISES))],
        shirt=SHIRTS[random.integers(len(SHIRTS))],
        glasses=bool(random.random() < 0.28),
        beard=bearded,
        moustache=moustache,
    )


def _hair_colour(random: np.random.Generator, tone: float, age: float) -> Colour:
    """Grey with age, else darker for darker skin."""
    grey, choice = random.random() < age - 0.35, random.random()
    return HAIRS[-1] if grey else HAIRS[int(choice * (5 if tone < 0.5 else 2))]


def _ramp(colours: tuple[Colour, ...], place: float) -> Colour:
    """Interpolate along a list of colours; `place` in [0, 1]."""
    stops = np.linspace(0, 1, len(colours))
    blue, green, red = (float(np.interp(place, stops, channel)) for channel in zip(*colours, strict=True))
    return blue, green, red
