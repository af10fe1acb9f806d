"""From five points of a face to the upright square that holds it: alignment is a square that turns with the face."""

import cmath

import numpy as np
from jaxtyping import Float

from slimaffect.video.box import Box

Landmarks = Float[np.ndarray, "5 2"]
"""Eyes, tip of the nose and corners of the mouth, the eye and the corner on the left of the picture first; pixels."""

# Where the five points stand in a square of side 1: the proportions that aligned faces have had since ArcFace
# (Deng et al. 2019, arXiv 1801.07698), moved up by 0.063 so that eyes and mouth stand where the Haar cascade's box
# has them. Crops are then framed alike whichever detector found them.
STANDARD: Landmarks = np.array([[0.342, 0.398], [0.657, 0.397], [0.500, 0.577], [0.371, 0.762], [0.632, 0.760]])


def aligned(points: Landmarks, score: float) -> Box:
    """The square whose standard points lie nearest to these (least squares over shift, size and turn).

    A similarity of the plane is one complex multiplication, so that the fit is a division (Umeyama 1991,
    doi:10.1109/34.88573, without his reflections).
    """
    standard = (STANDARD - 0.5) @ np.array([1, 1j])
    found = points @ np.array([1, 1j])
    spread = standard - standard.mean()
    turned = complex(np.vdot(spread, found - found.mean()) / np.vdot(spread, spread).real)
    centre = complex(found.mean()) - turned * complex(standard.mean())
    size = abs(turned)
    angle = float(np.degrees(cmath.phase(turned)))
    return Box(centre.real - size / 2, centre.imag - size / 2, size, score, angle)


def square(x: float, y: float, width: float, height: float, score: float) -> Box:
    """The square about the same centre that holds a rectangle."""
    size = max(width, height)
    return Box(x + (width - size) / 2, y + (height - size) / 2, size, score)
