"""Which layers int8 can have: judged by the CCC that each costs, on subjects of the training sites."""

import tempfile
from collections.abc import Collection
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto

from slimaffect.data.clips import Clips
from slimaffect.evaluate.folds import validation_subjects
from slimaffect.evaluate.metrics import ccc
from slimaffect.export.graph import graph
from slimaffect.export.int8.layers import layers
from slimaffect.export.int8.quantise import Calibrated, calibrated
from slimaffect.runtime.session import open_model
from slimaffect.train.candidate import Candidate
from slimaffect.train.journal import journal

SHARE = 0.25  # of each site's subjects who judge
FRAMES = 8192  # that are judged at most, the first of each recording: a ranking answers them once for each layer


def judges(candidate: Candidate) -> tuple[Clips, Clips]:
    """Divide the candidate's clips into those that calibrate and those whose subjects judge.

    Raises:
        DataError: no site can spare a subject.
    """
    drawn = set(validation_subjects(candidate.clips, share=SHARE, seed=candidate.seed))
    return candidate.clips.of_subjects(set(candidate.clips.subjects) - drawn), candidate.clips.of_subjects(drawn)


def judged(model: ModelProto, clips: Clips) -> float:
    """CCC of an exported graph, pooled over the valid frames of all recordings, mean of valence and arousal."""
    most = max(1, FRAMES // len(clips.recordings))
    said, meant = [], []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "judged.onnx"
        onnx.save(model, file)
        session = open_model(file, runtime="onnxruntime")
        for recording in clips.recordings:
            valid = recording.valid[:most]
            journal().examples += len(valid)
            said.append(session.recording(recording.frames[:most])[valid])
            meant.append(recording.affect[:most][valid])
    affect, truth = np.concatenate(said), np.concatenate(meant)
    return float(np.mean([ccc(affect[:, axis], truth[:, axis]) for axis in range(2)]))


class Judge:
    """Judges int8 forms of candidates that have the same clips, each calibrated without the subjects who judge."""

    def __init__(self, candidate: Candidate) -> None:
        """Take the subjects out, and judge the candidate as it is in float32: what int8 is compared with."""
        self.calibrating, self.judging = judges(candidate)
        self.as_float = judged(graph(candidate.model), self.judging)

    def calibrated(self, candidate: Candidate) -> Calibrated:
        """Calibrate a candidate."""
        return calibrated(graph(candidate.model), self.calibrating, candidate.precision, candidate.seed)

    def ccc(self, found: Calibrated, kept: Collection[str] = ()) -> float:
        """CCC of the file for CPUs when these layers are kept in float32."""
        return judged(found.for_cpus(kept), self.judging)


def keep_worst(judge: Judge, candidate: Candidate, margin: float) -> tuple[tuple[str, ...], float]:
    """Keep the layers that cost most in float32, one after the other, until int8 loses no more CCC than `margin`.

    Answers the kept layers, the worst first, and the CCC that is reached with them.
    """
    found = judge.calibrated(candidate)
    reached, kept = judge.ccc(found), ()
    if judge.as_float - reached <= margin:
        return (), reached
    order = worst_first(judge, found)
    for number in range(1, len(order) + 1):
        kept = order[:number]
        reached = judge.ccc(found, kept)
        journal().epoch(f"kept {kept[-1]} in float32,", number, len(order), ccc=reached, float32=judge.as_float)
        if judge.as_float - reached <= margin:
            break
    return kept, reached


def worst_first(judge: Judge, found: Calibrated) -> tuple[str, ...]:
    """Order the layers by the CCC that is left when one of them alone is int8, least first."""
    names = list(layers(found.model))
    left = {}
    for number, name in enumerate(names, start=1):
        left[name] = judge.ccc(found, [other for other in names if other != name])
        journal().epoch(f"only {name} in int8,", number, len(names), ccc=left[name], float32=judge.as_float)
    return tuple(sorted(names, key=left.__getitem__))
