"""What an exported file says about itself, and how much of that is believed."""

from typing import NamedTuple

LARGEST_SIDE = 4096  # pixels of a face; a file that asks for more is no model of ours
LARGEST_STATE = 1 << 20  # numbers


class Ports(NamedTuple):
    """What the file says about itself: side of the face in pixels, LSTM layers (0: none) and units."""

    pixels: int
    layers: int
    hidden: int

    def state_shape(self, batch: int) -> tuple[int, int, int]:
        """Shape of `h` and of `c`."""
        return self.layers, batch, self.hidden


def ports_of(shapes: dict[str, list[int | str | None]]) -> Ports:
    """Read the sizes from the shapes of the inputs; a dimension that is no number is free.

    Raises:
        ValueError: it is no model of ours, or too large for one.
    """
    if "frames" not in shapes or len(shapes["frames"]) != 5:
        raise ValueError("it has no input `frames` [batch, time, 3, height, width], so it is no model exported by slim")
    layers, _, hidden = shapes.get("h", [0, 0, 0])
    ports = Ports(_size(shapes["frames"][-1]), _size(layers), _size(hidden))
    if not 0 < ports.pixels <= LARGEST_SIDE or ports.layers * ports.hidden > LARGEST_STATE:
        raise ValueError(
            f"its faces have {ports.pixels} pixels (at most {LARGEST_SIDE}) "
            f"and its state {ports.layers * ports.hidden} numbers (at most {LARGEST_STATE})"
        )
    return ports


def _size(axis: int | str | None) -> int:
    return axis if isinstance(axis, int) else 0
