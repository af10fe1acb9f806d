"""What can cover a face: glasses, and a hand at the chin."""

import cv2
import numpy as np
from jaxtyping import UInt8

from slimaffect.data.synthetic.canvas import HEIGHT, UNIT, WIDTH, Layer, curve, filled, mirrored, stroke
from slimaffect.data.synthetic.face import EYE_X, EYE_Y
from slimaffect.data.synthetic.identity import Identity

Canvas = UInt8[np.ndarray, "height width 4"]


class Overlay:
    """A picture laid over the canvas, cut to where it covers anything."""

    def __init__(self, colour: np.ndarray, cover: Layer) -> None:
        """Cut out the rows and columns that are covered."""
        rows, columns = np.flatnonzero(cover.max(axis=1) > 0), np.flatnonzero(cover.max(axis=0) > 0)
        self.window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        self.share = np.ascontiguousarray(cover[self.window]).astype(np.float32)
        self.rest = 1 - self.share
        picture = np.dstack([np.broadcast_to(colour, (HEIGHT, WIDTH, 3)), np.full((HEIGHT, WIDTH), 255.0)])
        self.picture = np.ascontiguousarray(np.clip(picture[self.window], 0, 255)).astype(np.uint8)

    def lay(self, canvas: Canvas) -> None:
        """Blend over the canvas, in place."""
        below = np.ascontiguousarray(canvas[self.window])
        canvas[self.window] = cv2.blendLinear(self.picture, below, self.share, self.rest)

    def lay_shifted(self, canvas: Canvas, x: float, y: float) -> None:
        """Blend over the canvas, moved right and down by head units; what leaves the canvas is cut off."""
        move = np.array([[1, 0, self.window[1].start + x * UNIT], [0, 1, self.window[0].start + y * UNIT]])
        share = cv2.warpAffine(self.share, move, (WIDTH, HEIGHT))
        picture = cv2.warpAffine(self.picture, move, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        canvas[:] = cv2.blendLinear(picture, canvas, share, 1 - share)


def glasses(person: Identity) -> Overlay:
    """Dark rims, a bridge, temples, and a hint of glass."""
    centre = EYE_X * person.eye_gap
    angle = np.linspace(0, 2 * np.pi, 40)
    round_x, round_y = np.cos(angle), np.sin(angle)
    rim = np.stack([np.sign(c) * np.abs(c) ** 0.7 for c in (round_x, round_y)], axis=1)  # nearly rectangular
    lenses = [rim * (0.225, 0.175) + (side * centre, EYE_Y + 0.02) for side in (1, -1)]
    inner, outer = centre - 0.225, centre + 0.225
    bridge = curve((-inner, EYE_Y - 0.02), (0, EYE_Y - 0.055), (inner, EYE_Y - 0.02))
    temple = np.array([(outer, EYE_Y - 0.03), (max(outer + 0.01, 0.715 * person.width), EYE_Y - 0.05)])
    lines = [*lenses, bridge, temple, mirrored(temple)]
    frame = np.max([stroke(line, 0.020) for line in lines], axis=0)
    glass = 0.10 * filled(*lenses)
    colour = np.where(frame[..., None] > 0.02, np.array((34.0, 30.0, 30.0)), np.array((250.0, 246.0, 240.0)))
    return Overlay(colour, np.maximum(0.80 * frame, glass))


def hand(skin: np.ndarray) -> Overlay:
    """A hand that comes up from below and rests on the chin, fingers over the lower lip's corner."""
    colour = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    cover = np.zeros((HEIGHT, WIDTH), np.float32)
    palm = np.array([(0.16, 0.92), (0.38, 0.84), (0.52, 1.02), (0.66, 1.60), (0.16, 1.60), (0.10, 1.16)])
    fingers = [
        curve((0.32, 0.92 + 0.105 * k), (0.08, 0.80 + 0.115 * k), (-0.17 + 0.02 * k * k, 0.79 + 0.105 * k))
        for k in range(4)
    ]
    thumb = curve((0.40, 1.04), (0.47, 0.84), (0.42, 0.62))
    for shape in [stroke(thumb, 0.125), filled(palm), *(stroke(finger, 0.105) for finger in fingers[::-1])]:
        rim = cv2.dilate(shape, np.ones((3, 3), np.uint8))
        for layer, tone in ((rim, 0.66), (shape, 0.97), (_inside(shape), 1.07)):
            colour += layer[..., None] * (skin * tone - colour)
            cover = np.maximum(cover, layer)
    return Overlay(colour, cover)


def _inside(shape: Layer) -> Layer:
    """The middle of a shape, where light falls on it."""
    return cv2.GaussianBlur(cv2.erode(shape, np.ones((5, 5), np.uint8)), (0, 0), 1.2) * 0.8


def hand_place(reach: float) -> tuple[float, float]:
    """Where the hand is on its way up, right and down of its place at the chin, in head units.

    >>> hand_place(1.0)
    (0.0, 0.0)
    """
    return 0.25 * (1 - reach), 0.85 * (1 - reach)
