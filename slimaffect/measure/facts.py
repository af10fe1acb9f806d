"""Facts of a deployed file that need no clock: size, parameters, operations, peak memory."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from slimaffect.errors import RunError
from slimaffect.meter import peak_mb
from slimaffect.model.count import macs_per_frame, parameters
from slimaffect.model.spec import ModelSpec
from slimaffect.runtime.session import Runtime


@dataclass(frozen=True)
class Facts:
    """Size of the file in megabytes (1e6 bytes), trained numbers, and multiply-accumulates of one frame."""

    size_mb: float
    parameters: int
    macs_per_frame: int


def file_facts(file: Path, spec: ModelSpec) -> Facts:
    """Count what the file holds."""
    return Facts(file.stat().st_size / 1e6, parameters(spec), macs_per_frame(spec))


_PROGRAM = """
import sys
import numpy
from slimaffect.meter import peak_mb
from slimaffect.runtime.session import open_model
session = open_model(sys.argv[1], runtime=sys.argv[2])
side = session.ports.pixels
session.clip(numpy.zeros((1, int(sys.argv[3]), 3, side, side), numpy.uint8))
print(peak_mb())
"""


def peak_memory_mb(file: Path, runtime: Runtime, *, frames: int = 16) -> float | None:
    """Peak resident memory, in 1e6 bytes, of a fresh process that opens the file and reads one clip.

    None where the system keeps no such mark (it is Linux's).

    Raises:
        RunError: the process failed.
    """
    if peak_mb() is None:
        return None
    told = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(file), runtime, str(frames)], capture_output=True, text=True, check=False
    )
    if told.returncode:
        raise RunError(f"{file.name} failed in a fresh process: {told.stderr.strip().splitlines()[-1]}")
    return float(told.stdout)
