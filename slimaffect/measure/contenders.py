"""Which files and runtimes compete to be deployed, and which of them won."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np

from slimaffect.runtime.session import Runtime, available, open_model

Competing = TypeVar("Competing")
Pair = tuple[str, Runtime]
"""A flavour of the file and the runtime that opens it."""


def pairs(files: Mapping[str, Path], flavours: Iterable[str]) -> list[Pair]:
    """List the flavours with every runtime that runs them on this machine."""
    return [(flavour, runtime) for flavour in flavours for runtime in available(files[flavour])]


def clip_reader(file: Path, runtime: Runtime, *, frames: int = 16, threads: int = 1) -> Callable[[], object]:
    """Open a file and make a function that reads one clip of random pixels from rest.

    Random, because sparse or constant pictures may take a shorter way through a kernel.
    """
    session = open_model(file, runtime=runtime, threads=threads)
    side = session.ports.pixels
    clip = np.random.default_rng(0).integers(0, 256, (1, frames, 3, side, side), dtype=np.uint8)
    return lambda: session.clip(clip)


def fastest(cpu_s_per_clip: Mapping[Competing, float]) -> Competing:
    """Choose what needs the least CPU time for a clip: on one thread that is the fastest undisturbed."""
    return min(cpu_s_per_clip, key=cpu_s_per_clip.__getitem__)
