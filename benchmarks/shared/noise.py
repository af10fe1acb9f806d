"""Random pixels to calibrate on where only speed is measured, and the one core that is measured."""

import os
import platform
from pathlib import Path

import numpy as np

from slimaffect.data import Clips, Recording, cut


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
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    wide = [name for name in ("avx2", "avx512f", "avx512_vnni", "amx_int8") if name in found.get("flags", "").split()]
    return " ".join([found.get("model name", platform.machine()), f"({', '.join(wide)})" if wide else ""]).strip()
