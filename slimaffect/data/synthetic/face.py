"""The moving part of a drawn face: eyes, brows and mouth as polygons, for all frames at once."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int32

from slimaffect.data.synthetic.behaviour import Behaviour
from slimaffect.data.synthetic.canvas import HEIGHT, ORIGIN, UNIT, WIDTH, corners
from slimaffect.data.synthetic.identity import Identity

PerFrame = Float[np.ndarray, "frames 1"]
Curve = Float[np.ndarray, "#frames #points"]  # a row or column of 1 stands for all
EYE_X, EYE_Y, EYE_HALF = 0.30, -0.12, 0.165  # head units
BROW_Y, MOUTH_Y, MOUTH_HALF = -0.36, 0.58, 0.25


class Patch(NamedTuple):
    """One polygon of one colour through time, in drawing order; `shown` says in which frames."""

    corners: Int32[np.ndarray, "frames points 2"]
    colour: tuple[float, float, float, float]
    shown: Bool[np.ndarray, " frames"]


@dataclass(frozen=True)
class Tint:
    """Colours as the painted skin around them is lit."""

    texture: Float[np.ndarray, "height width 4"]
    person: Identity

    def skin(self, x: float, y: float, factor: float = 1.0) -> np.ndarray:
        """Mean colour of the painted skin about a place, times a factor."""
        column, row = round(x * UNIT + ORIGIN[0]), round(y * UNIT + ORIGIN[1])
        column, row = int(np.clip(column, 4, WIDTH - 5)), int(np.clip(row, 4, HEIGHT - 5))
        return self.texture[row - 4 : row + 5, column - 4 : column + 5, :3].mean(axis=(0, 1)) * factor

    def lit(self, colour: tuple[float, float, float], x: float, y: float) -> np.ndarray:
        """A colour as bright as the skin about a place is against its own tone."""
        share = self.skin(x, y).mean() / np.mean(self.person.skin)
        return np.array(colour) * np.clip(share, 0.45, 1.1)


def patches(person: Identity, behaviour: Behaviour, tint: Tint) -> list[Patch]:
    """Every moving polygon of the face, back to front."""
    acts = Behaviour(*(column[:, None] for column in behaviour))
    return [
        *_eye(person, acts, tint, 1.0),
        *_eye(person, acts, tint, -1.0),
        *_brow(person, acts, tint, 1.0),
        *_brow(person, acts, tint, -1.0),
        *_mouth(person, acts, tint),
    ]


def _patch(x: Curve, y: Curve, colour: np.ndarray, shown: np.ndarray | None = None) -> Patch:
    points = np.stack(np.broadcast_arrays(x, y), axis=-1)
    b, g, r = (float(c) for c in np.clip(colour, 0, 255))
    always = np.ones(len(points), bool)
    return Patch(corners(points), (b, g, r, 255.0), always if shown is None else always & shown.reshape(-1))


def _band(x: Curve, upper: Curve, lower: Curve, colour: np.ndarray, shown: np.ndarray | None = None) -> Patch:
    """The area between two lines over the same x."""
    x, upper, lower = np.broadcast_arrays(x, upper, lower)
    return _patch(
        np.concatenate([x, x[:, ::-1]], axis=1), np.concatenate([upper, lower[:, ::-1]], axis=1), colour, shown
    )


@dataclass(frozen=True)
class _Eye:
    """The opening of one eye as functions of the place along it, q in [-1, 1]."""

    centre: float
    opening: PerFrame
    blink: PerFrame
    raised: PerFrame  # lower lid, by the cheek
    tilt: float

    def lower(self, q: np.ndarray) -> Curve:
        """The lower lid."""
        return EYE_Y + self.tilt * q + 0.05 * (1 - 0.55 * np.minimum(self.raised, 1.5)) * _bow(q, 0.9)

    def upper(self, q: np.ndarray) -> Curve:
        """The upper lid; shut, it meets the lower one."""
        resting = self.lower(q) - EYE_Y - self.tilt * q
        return EYE_Y + self.tilt * q - 0.105 * self.opening * _bow(q, 0.75) + resting * self.blink * 0.9

    def disc(self, x: PerFrame, y: PerFrame, radius: float, colour: np.ndarray) -> Patch:
        """A round spot whose rim is pushed onto the lids where they cover it: no mask needed."""
        angle = np.linspace(0, 2 * np.pi, 18 if radius > 0.02 else 8, endpoint=False)[None]
        across, down = x + radius * np.cos(angle), y + radius * np.sin(angle)
        q = np.clip((across - self.centre) / EYE_HALF, -1, 1)
        return _patch(across, np.clip(down, self.upper(q), self.lower(q)), colour, self.opening > 0.12)


def _bow(q: np.ndarray, power: float) -> np.ndarray:
    return np.maximum(1 - q**2, 0) ** power


def _eye(person: Identity, acts: Behaviour, tint: Tint, side: float) -> list[Patch]:
    """Sclera, iris, pupil and lids of the eye on one side (1 is the right of the picture)."""
    centre = side * EYE_X * person.eye_gap
    wide = np.clip(1 + 0.80 * acts.au5 - 0.68 * acts.droop, 0.16, 1.75)
    eye = _Eye(
        centre, person.eye_opening * wide * (1 - acts.blink), acts.blink, acts.au6, -person.eye_tilt * EYE_HALF * side
    )
    q = np.linspace(-1, 1, 13)[None]
    x, upper, lower = centre + EYE_HALF * q, eye.upper(q), eye.lower(q)
    skin = tint.skin(centre, EYE_Y - 0.10)
    outward = q * side  # 1 at the outer corner
    thick = 0.014 + 0.012 * (outward + 1) / 2
    crease = upper - 0.040 - 0.018 * np.minimum(wide, 1.2) * _bow(q, 0.5)
    return [
        _band(x, crease - 0.016, crease, skin * 0.74),
        _band(x, lower, lower + 0.030 * _bow(q, 0.5), skin * 0.84),
        _band(x, upper, lower, tint.lit((190, 194, 202), centre, EYE_Y + 0.16)),
        *_eyeball(person, acts, eye, tint),
        _band(x, upper - thick, upper + 0.010 * _bow(q, 0.6), np.minimum(skin * 0.30, 60)),
    ]


def _eyeball(person: Identity, acts: Behaviour, eye: _Eye, tint: Tint) -> list[Patch]:
    """The shadow of the upper lid on the eyeball, iris, pupil and catch light."""
    x = eye.centre + np.clip(0.085 * acts.look_x, -0.07, 0.07)
    y = EYE_Y - 0.022 + np.clip(0.07 * acts.look_y, -0.035, 0.035)
    q = np.linspace(-0.94, 0.94, 13)[None]
    upper, iris = eye.upper(q), np.array(person.iris)
    grey = tint.lit((150, 154, 168), eye.centre, EYE_Y + 0.16)
    return [
        _band(eye.centre + EYE_HALF * q, upper, np.minimum(upper + 0.032, eye.lower(q)), grey, eye.opening > 0.12),
        eye.disc(x, y, 0.080, iris * 0.45),
        eye.disc(x, y, 0.064, iris * 1.05),
        eye.disc(x, y, 0.034, np.array([14, 12, 14])),
        eye.disc(x + 0.026, y - 0.030, 0.015, np.array([245, 245, 245])),
    ]


_BROW = np.linspace(0, 1, 10)
_KNOTS = (0.0, 0.33, 0.67, 1.0)


def _along(*values: float) -> Float[np.ndarray, "1 10"]:
    """Four values from the inner to the outer end of a brow, interpolated."""
    return np.interp(_BROW, _KNOTS, values)[None]


def _brow(person: Identity, acts: Behaviour, tint: Tint, side: float) -> list[Patch]:
    """One brow, thick inside and thin outside."""
    u = _BROW[None]
    lift = acts.au1 * _along(1, 0.6, 0.1, 0) + acts.au2 * _along(0.05, 0.4, 1, 0.9)
    y = BROW_Y + person.brow_height - person.brow_arch * np.sin(np.pi * np.minimum(u * 1.15, 1)) * 0.9
    y = y + (person.brow_slope + 0.03) * u - 0.13 * lift + 0.10 * acts.au4 * _along(1, 0.8, 0.4, 0.15)
    x = (0.115 + 0.40 * u) * person.eye_gap - acts.au4 * _along(0.045, 0.03, 0.01, 0)
    half = 0.030 * person.brow_thickness**0.7 * np.interp(_BROW, (0, 0.12, 0.5, 1.0), (0.62, 1.0, 0.86, 0.14))[None]
    skin = tint.skin(side * 0.3, -0.45)
    hair = 0.72 * np.minimum(np.array(person.hair_colour), 110) + 0.10 * skin
    soft = 0.55 * skin + 0.45 * hair
    return [
        _band(side * x, y - 1.30 * half, y + 1.30 * half, soft),
        _band(side * x, y - 0.85 * half, y + 0.85 * half, hair),
    ]


def _mouth(person: Identity, acts: Behaviour, tint: Tint) -> list[Patch]:
    """Lips, and between them the dark of the mouth and the teeth."""
    q = np.linspace(-1, 1, 17)[None]
    smile, sad = _eased(acts.au12), _eased(acts.au15)
    half = MOUTH_HALF * person.mouth_width
    half = half * (1 + 0.28 * smile - 0.04 * sad - 0.10 * acts.au24 + 0.22 * acts.rounding - 0.12 * acts.au26)
    lift = -0.135 * smile * (1 + np.sign(q) * 0.5 * person.asymmetry) + 0.14 * sad - person.mouth_curve
    grin = np.clip(acts.au12 - 0.55, 0, 0.8) * (1 - np.minimum(acts.au24, 1))
    gape = np.clip(0.22 * acts.au26 + 0.09 * grin, 0, 0.34) * np.maximum(1 - np.abs(q) ** 2.6, 0)
    middle = MOUTH_Y + person.mouth_height + lift * (np.abs(q) ** 1.8 - 0.12)
    press = 1 - 0.45 * np.minimum(acts.au24, 1.2) - 0.16 * smile
    # A smile bares the upper teeth: its upper lip is straighter than its lower one.
    up = np.minimum(0.25 + 0.5 * grin, 0.6)
    upper_in, lower_in = middle - up * gape, middle + (1 - up) * gape
    bow = 1 - 0.22 * np.exp(-((q / 0.10) ** 2)) + 0.10 * np.exp(-(((np.abs(q) - 0.26) / 0.16) ** 2))
    upper_out = upper_in - 0.062 * person.lips * press * bow * np.maximum(1 - np.abs(q) ** 1.7, 0.03)
    lower_out = lower_in + 0.085 * person.lips * press * np.maximum(1 - np.abs(q) ** 2.2, 0.03)
    teeth = upper_in + np.minimum((0.40 + 0.6 * grin) * gape, 0.075)
    return _lips(half * q, (upper_out, upper_in, lower_in, lower_out), teeth, gape, tint)


def _eased(act: PerFrame) -> PerFrame:
    """An action unit whose extremes are held back as skin does."""
    return 1.4 * np.tanh(act / 1.4)


def _lips(x: Curve, lines: tuple[Curve, Curve, Curve, Curve], teeth: Curve, gape: Curve, tint: Tint) -> list[Patch]:
    """Colour the mouth between its four lines, from the top of the upper lip to the bottom of the lower one."""
    upper_out, upper_in, lower_in, lower_out = lines
    cheeks = (tint.skin(0.33, 0.24) + tint.skin(-0.33, 0.24)) / 2  # the chin may be bearded
    lip = cheeks * np.array([0.74, 0.66, 0.90])
    open_mouth = gape.max(axis=1) > 0.012
    full = lower_out - lower_in
    seam = 0.008
    return [
        _band(x, upper_out, lower_out, lip * 0.84),
        _band(x, lower_in, lower_out, lip),
        _band(x * 0.62, lower_in + 0.32 * full, lower_in + 0.62 * full, np.minimum(lip * 1.13, 250)),
        _band(x, upper_in - seam, lower_in + seam, lip * 0.46),
        _band(x * 0.96, upper_in, lower_in, np.array([34, 24, 62]), open_mouth),
        _band(
            x * 0.90,
            upper_in,
            teeth,
            np.array([218, 226, 232]) * np.clip(cheeks.mean() / np.mean(tint.person.skin), 0.45, 1.1),
            open_mouth,
        ),
    ]
