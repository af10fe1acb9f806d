"""The canvas that heads are drawn on: head units in, pixels out."""

import cv2
import numpy as np
from jaxtyping import Float, Int32, UInt8

UNIT = 72  # pixels per head unit, the distance from the nose bridge to the chin
WIDTH, HEIGHT = 176, 200  # pixels
ORIGIN = (88.0, 94.0)  # the pixel of (0, 0): between the eyes and slightly below them
FINE = 4  # supersampling of what is drawn once per recording
SUBPIXEL = 4  # fractional bits of polygon corners: lids and lips move by less than a pixel

Points = Float[np.ndarray, "*batch points 2"]
Layer = Float[np.ndarray, "height width"]


def grid() -> tuple[Layer, Layer]:
    """Across (x) and down (y) of every pixel centre, in head units."""
    x = (np.arange(WIDTH, dtype=np.float32) - ORIGIN[0]) / UNIT
    y = (np.arange(HEIGHT, dtype=np.float32) - ORIGIN[1]) / UNIT
    across, down = np.meshgrid(x, y)
    return across, down


def corners(points: Points) -> Int32[np.ndarray, "*batch points 2"]:
    """Corners as `cv2.fillPoly(..., shift=SUBPIXEL)` wants them."""
    return np.rint((points * UNIT + ORIGIN) * (1 << SUBPIXEL)).astype(np.int32)


def filled(*polygons: Points) -> Layer:
    """How much of each pixel lies inside the polygons, in [0, 1]."""
    fine = np.zeros((HEIGHT * FINE, WIDTH * FINE), np.uint8)
    for points in polygons:
        cv2.fillPoly(fine, [_fine(points)], 255, cv2.LINE_AA, SUBPIXEL)
    return _shrunk(fine)


def stroke(points: Points, width: float, blur: float = 0.0) -> Layer:
    """A line through the points, `width` and `blur` in head units, 1 at its heart."""
    fine = np.zeros((HEIGHT * FINE, WIDTH * FINE), np.uint8)
    thickness = max(1, round(width * UNIT * FINE))
    cv2.polylines(fine, [_fine(points)], False, 255, thickness, cv2.LINE_AA, SUBPIXEL)
    return softened(_shrunk(fine), blur)


def _fine(points: Points) -> Int32[np.ndarray, "points 2"]:
    """Corners on the supersampled canvas."""
    return np.rint(((points * UNIT + ORIGIN) * FINE + (FINE - 1) / 2) * (1 << SUBPIXEL)).astype(np.int32)


def _shrunk(fine: UInt8[np.ndarray, "rows columns"]) -> Layer:
    return cv2.resize(fine, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def softened(layer: np.ndarray, blur: float) -> np.ndarray:
    """Gaussian blur with a standard deviation in head units."""
    return cv2.GaussianBlur(layer, (0, 0), blur * UNIT) if blur > 0 else layer


def spot(x: float, y: float, width: float, height: float) -> Layer:
    """A soft round spot, 1 at its heart; sizes are standard deviations in head units."""
    across, down = grid()
    return np.exp(-0.5 * (((across - x) / width) ** 2 + ((down - y) / height) ** 2)).astype(np.float32)


def pair(x: float, y: float, width: float, height: float) -> Layer:
    """Two soft spots, mirrored left and right."""
    return spot(x, y, width, height) + spot(-x, y, width, height)


def ellipse(x: float, y: float, width: float, height: float, points: int = 24) -> Points:
    """The rim of an ellipse about a place; sizes are half axes in head units."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], axis=1)


def unit_variance(layer: Layer) -> Layer:
    """A layer scaled to a standard deviation of 1."""
    return layer / (layer.std() + 1e-6)


def curve(*knots: tuple[float, float], points: int = 24) -> Points:
    """A smooth line through a few knots (Catmull-Rom)."""
    ends = np.array([knots[0], *knots, knots[-1]], dtype=float)
    t = np.linspace(0, len(knots) - 1, points)
    first = np.minimum(t.astype(int), len(knots) - 2)
    u = (t - first)[:, None]
    a, b, c, d = (ends[first + k] for k in range(4))
    return 0.5 * (2 * b + (c - a) * u + (2 * a - 5 * b + 4 * c - d) * u**2 + (3 * b - a - 3 * c + d) * u**3)


def mirrored(points: Points) -> Points:
    """The same points on the other side of the face."""
    return points * np.array([-1.0, 1.0])
