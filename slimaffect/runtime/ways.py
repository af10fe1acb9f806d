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
