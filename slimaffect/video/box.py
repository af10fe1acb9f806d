"""Squares about faces: how two of them compare, what lies between them, and how one is framed for a crop."""

from dataclasses import dataclass, replace
from math import cos, radians, sin


@dataclass(frozen=True)
class Box:
    """A square in pixels: upper left corner, side, and how sure the detector is (0 to 1).

    Attributes:
        angle: degrees clockwise by which the square is turned about its own centre, to stand as the face does.
    """

    x: float
    y: float
    size: float
    score: float
    angle: float = 0.0

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle; a turn does not move it."""
        return self.x + self.size / 2, self.y + self.size / 2

    def scaled(self, factor: float) -> "Box":
        """The same box in a picture enlarged by `factor`."""
        return replace(self, x=self.x * factor, y=self.y * factor, size=self.size * factor)

    def around(self, factor: float) -> "Box":
        """A box `factor` times as large about the same centre."""
        margin = self.size * (factor - 1) / 2
        return replace(self, x=self.x - margin, y=self.y - margin, size=self.size * factor)

    def framed(self, grow: float, drop: float) -> "Box":
        """Moved down, as the face sees down, by a share `drop` of its side, then `grow` times as large."""
        far, turn = drop * self.size, radians(self.angle)
        return replace(self, x=self.x - far * sin(turn), y=self.y + far * cos(turn)).around(grow)


def overlap(one: Box, other: Box) -> float:
    """Shared area over joint area (intersection over union), 0 to 1, of the two squares before they are turned."""
    across = min(one.x + one.size, other.x + other.size) - max(one.x, other.x)
    down = min(one.y + one.size, other.y + other.size) - max(one.y, other.y)
    shared = max(0.0, across) * max(0.0, down)
    return shared / (one.size**2 + other.size**2 - shared)


def between(before: Box, after: Box, share: float) -> Box:
    """The box a `share` of the way from one to another; it turns the shorter way round."""
    return Box(
        before.x + share * (after.x - before.x),
        before.y + share * (after.y - before.y),
        before.size + share * (after.size - before.size),
        before.score + share * (after.score - before.score),
        before.angle + share * turn(before.angle, after.angle),
    )


def turn(before: float, after: float) -> float:
    """Degrees from one angle to another, in [-180, 180).

    >>> turn(170, -170)
    20
    """
    return (after - before + 180) % 360 - 180
