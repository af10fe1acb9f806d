"""The head as a relief: its height map, the light on it, its folds, and how pose and jaw move it."""

import cv2
import numpy as np
from jaxtyping import Float

from slimaffect.data.synthetic.canvas import UNIT, Layer, Points, curve, grid, mirrored, pair, softened, spot, stroke
from slimaffect.data.synthetic.identity import Identity

HALF_WIDTH, CROWN, CHIN = 0.74, -1.0, 1.04  # of the average face, head units
FOLDS = 6
FIELDS = 6


def outline(person: Identity, margin: float = 0.0, points: int = 72) -> Points:
    """The contour of the face, widened by `margin`: round skull, narrowing jaw."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    across, down = np.sin(angle), -np.cos(angle)
    low = np.maximum(down, 0)
    x = np.sign(across) * np.abs(across) ** 0.86 * (1 - person.taper * low**1.6) * (HALF_WIDTH * person.width + margin)
    y = np.where(down < 0, -down * (CROWN * person.height - margin), down * (CHIN * person.height + margin))
    return np.stack([x, y], axis=1)


def height_map(person: Identity) -> Layer:
    """Distance towards the camera, in head units."""
    skull = 0.75 * np.sqrt(np.maximum(1 - _radius2(person), 0))
    return skull.astype(np.float32) + _features(person)


def _radius2(person: Identity) -> Layer:
    """Squared distance from the middle of the face, 1 at its edge."""
    x, y = grid()
    return (x / (0.80 * person.width)) ** 2 + ((y - 0.02) / (1.12 * person.height)) ** 2


def _features(person: Identity) -> Layer:
    """Nose, brow ridge, sockets, cheeks, lips and chin, on top of the skull."""
    x, y = grid()
    tip = 0.30 * person.nose_length
    bridge = np.clip((y + 0.22) / (tip + 0.22), 0, 1) * (y < tip + 0.02)
    ridge = np.exp(-0.5 * (x / (0.055 + 0.05 * bridge) / person.nose_width) ** 2)
    relief = softened((0.17 * person.nose_bridge * ridge * bridge).astype(np.float32), 0.022)
    relief += 0.085 * spot(0, tip - 0.02, 0.075 * person.nose_width, 0.06)
    relief += 0.050 * pair(0.105 * person.nose_width, tip + 0.03, 0.045, 0.045)
    relief += 0.045 * pair(0.30, -0.36, 0.17, 0.06) - 0.060 * pair(0.29, -0.14, 0.13, 0.085)
    relief += 0.050 * pair(0.42, 0.16, 0.15, 0.13) + 0.060 * spot(0, 0.90, 0.17, 0.10)
    relief += 0.045 * spot(0, 0.585 + person.mouth_height, 0.20, 0.085) - 0.030 * spot(0, 0.755, 0.16, 0.035)
    return relief


def lit(relief: Layer, light: np.ndarray, ambient: float) -> Float[np.ndarray, "height width"]:
    """Lambert's brightness of the relief under one lamp and the light of the room, about 1 where it faces the lamp."""
    smooth = softened(relief, 0.014)
    slope_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=UNIT / 8)
    slope_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=UNIT / 8)
    towards = light / np.linalg.norm(light)
    facing = (-slope_x * towards[0] - slope_y * towards[1] + towards[2]) / np.sqrt(1 + slope_x**2 + slope_y**2)
    return softened((ambient + (1 - ambient) * 1.25 * np.maximum(facing, 0)).astype(np.float32), 0.012)


def hollows(person: Identity) -> Layer:
    """How much the room's light is kept out of sockets, nostrils and creases; 1 is open skin."""
    tip = 0.30 * person.nose_length
    dark = 0.26 * pair(0.27, -0.17, 0.12, 0.075) + 0.16 * pair(0.13, -0.20, 0.04, 0.09)
    dark += 0.17 * spot(0, tip + 0.115, 0.12 * person.nose_width, 0.028) + 0.12 * spot(0, 0.765, 0.14, 0.035)
    dark += 0.10 * stroke(curve((0.02, tip + 0.13), (0.015, 0.48)), 0.03, 0.012)
    return 1 - dark


def folds(person: Identity) -> Float[np.ndarray, "folds height width"]:
    """How much each fold of the skin darkens (< 0) or lightens the face when it is fully there.

    In order: nasolabial, forehead, glabella, crow's feet with bags, cheek apples, chin.
    """
    tip = 0.30 * person.nose_length
    smile = curve((0.16, tip), (0.27, 0.42), (0.33, 0.60))
    nasolabial = -0.42 * _both(smile, 0.020, 0.014) + 0.16 * _both(smile + np.array((0.065, -0.02)), 0.05, 0.03)
    forehead = sum(
        -0.26 * stroke(curve((-0.42, y + 0.03), (-0.15, y - 0.015), (0.15, y - 0.015), (0.42, y + 0.03)), 0.016, 0.011)
        + 0.10 * stroke(curve((-0.42, y - 0.01), (0.0, y - 0.055), (0.42, y - 0.01)), 0.02, 0.014)
        for y in (-0.70, -0.61, -0.525)
    )
    frown = curve((0.050, -0.30), (0.058, -0.39), (0.045, -0.48))
    glabella = -0.46 * _both(frown, 0.020, 0.013) - 0.16 * pair(0.17, -0.27, 0.09, 0.04)
    rays = [curve((0.49, -0.11), (0.60, -0.11 + drop)) for drop in (-0.07, 0.0, 0.07)]
    bag = curve((0.17, -0.015), (0.30, 0.03), (0.44, -0.02))
    crow = sum(-0.20 * _both(ray, 0.014, 0.011) for ray in rays) - 0.24 * _both(bag, 0.018, 0.013)
    apple = 0.17 * pair(0.37, 0.17, 0.12, 0.085) - 0.12 * pair(0.40, 0.33, 0.13, 0.05)
    corner = curve((0.27, 0.63), (0.32, 0.72), (0.31, 0.80))
    chin = -0.30 * spot(0, 0.775, 0.15, 0.028) + 0.12 * spot(0, 0.87, 0.11, 0.05) - 0.26 * _both(corner, 0.022, 0.018)
    return np.stack([nasolabial, forehead, glabella, crow, apple, chin]).astype(np.float32)


def blood(person: Identity) -> Layer:
    """Where skin reddens: cheeks, nose, forehead."""
    return (
        pair(0.40, 0.16, 0.15, 0.12)
        + 0.6 * spot(0, 0.28 * person.nose_length, 0.09, 0.08)
        + 0.35 * spot(0, -0.6, 0.3, 0.12)
    )


def _both(points: Points, width: float, blur: float) -> Layer:
    return stroke(points, width, blur) + stroke(mirrored(points), width, blur)


def fields(person: Identity) -> Float[np.ndarray, "fields height width 2"]:
    """Where each pixel fetches its colour from, relative to itself, in pixels, per unit of each movement.

    In order: yaw, pitch, jaw, cheeks, narrowing by yaw, shortening by pitch.
    """
    x, y = grid()
    # A rounder skull than the one that is lit: at the edge of a sphere the picture would fold over.
    depth = 0.78 * np.exp(-0.85 * _radius2(person)) + softened(_features(person), 0.05)
    fade = 1 / (1 + np.exp(np.clip((y - 1.12) / 0.06, -30, 30)))  # the neck stays on the shoulders
    jaw = fade / (1 + np.exp(-(y - 0.66) / 0.07)) * np.exp(-0.5 * (x / 0.62) ** 2)
    cheeks = pair(0.38, 0.20, 0.15, 0.13)
    still = np.zeros_like(x)
    moves = [
        (-depth * fade, still),
        (still, -depth * fade),
        (still, -jaw),
        (still, cheeks),
        (x * fade, still),
        (still, y * fade),
    ]
    return np.stack([np.stack(move, axis=-1) for move in moves]).astype(np.float32) * UNIT
