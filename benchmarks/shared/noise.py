"""Random pixels to calibrate on where only speed is measured, and the one core that is measured."""

import os

import numpy as np

from slimaffect.data import Clips, Recording, cut
from slimaffect.run.environment import processor


def noise_clips(side: int, frames: int, *, length: int = 200) -> Clips:
    """Make clips of noise."""
    pixels = np.random.default_rng(0).integers(0, 256, (length, 3, side, side), dtype=np.uint8)
    affect, valid = np.zeros((length, 2), np.float32), np.ones(length, bool)
    noise = Recording("noise", "nobody", "noise", pixels, affect, valid, np.arange(length) / 12.5, "")
    return cut([noise], length=frames, stride=8, rate=12.5)


def pinned() -> str:
    """Stay on one core where the system lets us; say which CPU it is, and which wide instructions it has."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return processor() or "an unknown CPU"
