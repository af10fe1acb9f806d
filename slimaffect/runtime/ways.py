"""Memory that is laid out before the first frame, and the two ways that a streamed state goes through it."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

Buffers = Mapping[str, np.ndarray]


class Way(NamedTuple):
    """Arrays by the port they are read from, and arrays by the port that fills them."""

    inputs: Buffers
    outputs: Buffers


def _shared(_: Buffers) -> None:
    """Do nothing: the arrays are the memory that is computed in."""


class Ways(NamedTuple):
    """What goes each way, and what makes zeroed states known to a device that keeps its own copy."""

    run: tuple[Callable[[], object], ...]
    forget: Callable[[Buffers], None] = _shared


Bind = Callable[[tuple[Way, ...]], Ways]
"""Ways through laid-out memory -> what goes them."""


def way_of(feed: dict[str, np.ndarray]) -> Way:
    """Lay out memory for an answer to this feed; states come out as large as they went in."""
    inputs = {name: np.zeros_like(values) for name, values in feed.items()}
    batch, time = feed["frames"].shape[:2]
    states = {f"{name}_out": np.zeros_like(feed[name]) for name in "hc" if name in feed}
    return Way(inputs, {"affect": np.zeros((batch, time, 2), np.float32), **states})
