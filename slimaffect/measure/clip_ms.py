"""What a candidate's clip takes once it is exported: measured, for steps that shrink until a time is reached."""

import tempfile
from pathlib import Path

from slimaffect.export import export
from slimaffect.export.int8 import sample
from slimaffect.measure.contenders import agreeing, clip_reader, pairs
from slimaffect.measure.latency import measure_clips
from slimaffect.train.candidate import Candidate

COMPARED = 4  # clips on which a runtime must answer right to be timed


def clip_ms(candidate: Candidate, *, frames: int = 16, budget_s: float = 1.0) -> float:
    """CPU milliseconds of one clip on one thread, in the fastest pair of exported file and runtime that answers right.

    CPU time, because on one thread it is the wall time of an undisturbed machine, and other work hardly moves it.

    Raises:
        ExportError: a file would not answer as the model does.
    """
    with tempfile.TemporaryDirectory() as folder:
        exported = export(candidate, Path(folder))
        competing, few = pairs(exported.files, exported.cpu_files), sample(candidate.clips, COMPARED, candidate.seed)
        agree, _ = agreeing(exported.files, competing, few)
        readers = {
            f"{flavour} {runtime}": clip_reader(exported.files[flavour], runtime, frames=frames)
            for flavour, runtime in agree
        }
        measured = measure_clips(readers, budget_s=budget_s)
    return 1e3 * min(latency.cpu_s_per_clip for latency in measured.values())
