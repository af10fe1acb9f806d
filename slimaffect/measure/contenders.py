"""Which files and runtimes compete to be deployed, and which of them won."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8

from slimaffect.runtime.choose import allowed_apart
from slimaffect.runtime.session import Runtime, available, open_model

Competing = TypeVar("Competing")
Pair = tuple[str, Runtime]
"""A flavour of the file and the runtime that opens it."""


@dataclass(frozen=True)
class LeftOut:
    """A runtime that runs a file and answers something else."""

    file: str
    runtime: Runtime
    away: float
    """Largest difference of affect from ONNX Runtime on the same clips."""
    allowed: float


def pairs(files: Mapping[str, Path], flavours: Iterable[str]) -> list[Pair]:
    """List the flavours with every runtime that runs them on this machine."""
    return [(flavour, runtime) for flavour in flavours for runtime in available(files[flavour])]


def agreeing(
    files: Mapping[str, Path], competing: Iterable[Pair], clips: Sequence[UInt8[np.ndarray, "_ time 3 height width"]]
) -> tuple[list[Pair], list[LeftOut]]:
    """Part those that answer as ONNX Runtime does to these clips from those that do not.

    A runtime may be fast because it is wrong: OpenVINO's 8-bit products overflow on CPUs without VNNI, and its answers
    were up to 0.7 beside. Give clips of faces: what overflows depends on what is seen.
    """
    agree, left_out = list[Pair](), list[LeftOut]()
    for flavour, runtime in competing:
        truth, other = (open_model(files[flavour], runtime=one) for one in ("onnxruntime", runtime))
        away = max(float(np.abs(other.clip(clip)[0] - truth.clip(clip)[0]).max()) for clip in clips)
        if away <= allowed_apart(flavour):
            agree.append((flavour, runtime))
        else:
            left_out.append(LeftOut(flavour, runtime, away, allowed_apart(flavour)))
    return agree, left_out


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
