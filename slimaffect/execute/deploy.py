"""The end of a variant: export the candidate and have the exported file answer on the held-out site."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from slimaffect.data.clips import Clips
from slimaffect.errors import ExportError
from slimaffect.evaluate.answers import Answers, SubjectAnswers
from slimaffect.export.int8 import sample
from slimaffect.export.onnx import Exported, export
from slimaffect.export.tensorrt import build_engine
from slimaffect.measure.contenders import agreeing, pairs
from slimaffect.runtime.building import EngineAsked
from slimaffect.runtime.session import Runtime, Session, open_model
from slimaffect.train.candidate import Candidate

COMPARED = 16  # clips on which a runtime must answer as another


def deploy(
    candidate: Candidate, held_out: Clips | None, folder: Path, *, threads: int, engine: EngineAsked | None
) -> dict[str, Any]:
    """Export into `folder`; with a held-out site, write what every runtime answers there.

    Which runtime deploys is chosen later, by its latency on the model that ships. So each runtime answers now,
    and a variant is scored by the answers of the file and runtime it is deployed with. For the model that ships, only
    runtimes compete that answer to clips of its training as ONNX Runtime does.
    """
    exported = export(candidate, folder)
    competing, left_out = pairs(exported.files, exported.cpu_files), []
    if held_out is None:
        competing, left_out = agreeing(exported.files, competing, sample(candidate.clips, COMPARED, candidate.seed))
    for name, runtime in competing if held_out else []:
        assert held_out is not None
        session = open_model(exported.files[name], runtime=runtime, threads=threads)
        answer(session, held_out, candidate.seed).save(answers_file(folder, name, runtime))
    return {
        "exported": exported.record(),
        "contenders": [list(pair) for pair in competing],
        "left_out": [asdict(one) for one in left_out],
        "spec": candidate.model.spec.model_dump(mode="json"),
        "precision": candidate.precision.to,
        "kept_in_float32": list(candidate.precision.kept),
        "engine": engine_record(exported, folder, engine) if engine else None,
    }


def engine_record(exported: Exported, folder: Path, asked: EngineAsked) -> dict[str, Any]:
    """Build a TensorRT-RTX engine, which needs no GPU; where it cannot be built, say why. The ONNX files remain."""
    flavour = "s8s8" if "s8s8" in exported.files else next(iter(exported.files))
    try:
        built = build_engine(
            exported.files[flavour],
            folder / f"clip.{flavour}.rtx.engine",
            capabilities=asked.capabilities,
            profile=asked.profile,
        )
    except ExportError as error:
        return {"why_not": str(error)}
    return asdict(built) | {"file": built.file.name}


def answers_file(folder: Path, flavour: str, runtime: Runtime) -> Path:
    """Return where the answers of one file under one runtime lie."""
    return folder / f"answers.{flavour}.{runtime}.npz"


def answer(session: Session, clips: Clips, seed: int) -> Answers:
    """Read every recording from its start to its end, and put each subject's recordings behind each other."""
    return of_subjects(clips, (session.recording(recording.frames) for recording in clips.recordings), seed)


def of_subjects(clips: Clips, predicted: Iterable[Float[np.ndarray, "time 2"]], seed: int) -> Answers:
    """Put what was answered to each recording beside its labels, and each subject's recordings behind each other."""
    told: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = defaultdict(list)
    for recording, said in zip(clips.recordings, predicted, strict=True):
        told[recording.subject].append((said, recording.affect, recording.valid))
    people = (
        SubjectAnswers(name, *(np.concatenate(part) for part in zip(*parts, strict=True)))
        for name, parts in told.items()
    )
    return Answers(clips.sites[0], seed, tuple(people))
