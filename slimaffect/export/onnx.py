"""A candidate as ONNX files, each checked against torch, and each stream graph against its clip graph."""

import copy
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import torch
from jaxtyping import Float, UInt8

from slimaffect.errors import ExportError
from slimaffect.export import int8
from slimaffect.export.bfloat16 import narrowed
from slimaffect.export.graph import graph
from slimaffect.export.stream import stream_graph
from slimaffect.model.net import AffectNet
from slimaffect.runtime.session import Session, State, open_model
from slimaffect.train.candidate import Candidate

SIZES = ((1, 1), (1, 16), (3, 7), (4, 32))  # batch and time; a frozen axis shows in any two of them
TOLERANCE = {"fp32": 1e-5, "fp16": 5e-3, "bf16": 3e-2}  # on affect absolutely, on states relative to their size
STEP_TOLERANCE = 1e-5  # a clip read frame by frame against the clip read at once, at any precision
CHECKED_CLIPS = 16  # real clips on which int8 is compared with float32
AFFECT = ("valence", "arousal")

Checked = TypeVar("Checked")
Answered = tuple[UInt8[np.ndarray, "_ time 3 height width"], Float[np.ndarray, "_ time 2"]]  # batches differ in size
"""Clips and what torch answers to them."""


@dataclass(frozen=True)
class Away:
    """How far a file answers from torch: the largest and the root mean square difference of affect."""

    largest: float
    rms: float
    compared: str  # what the two were compared on


@dataclass(frozen=True)
class Exported:
    """The files of one candidate, and how far each is from the model it came from.

    Attributes:
        files: by flavour; `fp32`, `fp16` or `bf16`, or for int8 `u8s8` (CPUs) and `s8s8` (TensorRT).
        away: by flavour.
        seconds: wall time of export and checks.
        streams: by flavour the same model for one frame at a time.
    """

    files: dict[str, Path]
    away: dict[str, Away]
    seconds: float
    streams: dict[str, Path] = field(default_factory=dict)

    @property
    def cpu_files(self) -> tuple[str, ...]:
        """Flavours meant for CPUs; `s8s8` runs there too, but slower than `u8s8`."""
        return tuple(flavour for flavour in self.files if flavour != "s8s8")

    def record(self) -> dict[str, Any]:
        """Write as JSON can hold it, the files by name."""
        return {
            "files": {flavour: file.name for flavour, file in self.files.items()},
            "away_from_torch": {flavour: asdict(away) for flavour, away in self.away.items()},
            "seconds": self.seconds,
            "streams": {flavour: file.name for flavour, file in self.streams.items()},
        }


def export(candidate: Candidate, folder: Path) -> Exported:
    """Write the ONNX files of the candidate's precision into `folder`.

    Raises:
        ExportError: a file would not answer as torch does, or has lost a free axis; it is then not written.
    """
    start, precision = time.perf_counter(), candidate.precision
    candidate = replace(candidate, model=copy.deepcopy(candidate.model).eval())  # the given one stays as it was
    models = _models(candidate)
    folder.mkdir(parents=True, exist_ok=True)
    files, away, streams = {}, {}, {}
    truth = clips_truth(candidate) if precision.to == "int8" else []
    for flavour, model in models.items():
        files[flavour], away[flavour] = _written(model, flavour, candidate, truth, folder)
        streams[flavour] = _stream_written(model, flavour, open_model(files[flavour], runtime="onnxruntime"), folder)
    return Exported(files, away, time.perf_counter() - start, streams)


def _models(candidate: Candidate) -> dict[str, onnx.ModelProto]:
    """Trace the model, and convert it to the candidate's number format."""
    to, net = candidate.precision.to, candidate.model
    if to == "fp16":
        return {to: graph(net, half=True)}
    if to == "bf16":
        return {to: narrowed(graph(net))}
    traced = graph(net)
    if to == "int8":
        return int8.quantise(traced, candidate.clips, candidate.precision, candidate.seed)
    return {to: traced}


def _written(
    model: onnx.ModelProto, flavour: str, candidate: Candidate, truth: list[Answered], folder: Path
) -> tuple[Path, Away]:
    labelled(model, candidate, flavour)
    check_graph(model, flavour)

    def check(session: Session) -> Away:
        check_steps(session, flavour)
        if flavour in TOLERANCE:
            return check_sizes(session, candidate.model, flavour)
        check_batches(session, flavour)
        return on_clips(session, truth)

    return _checked(model, folder / f"clip.{flavour}.onnx", check)


def _stream_written(model: onnx.ModelProto, flavour: str, clip: Session, folder: Path) -> Path:
    """Write the stream graph of a clip graph that was checked."""
    streamed, file = stream_graph(model), folder / f"stream.{flavour}.onnx"
    onnx.checker.check_model(streamed)
    return _checked(streamed, file, lambda session: check_stream(session, clip, flavour))[0]


def _checked(model: onnx.ModelProto, file: Path, check: Callable[[Session], Checked]) -> tuple[Path, Checked]:
    """Write under a passing name, check what was written, and only then give the file its own name."""
    unchecked = file.with_suffix(f".{os.getpid()}.unchecked.onnx")
    try:
        unchecked.write_bytes(model.SerializeToString(deterministic=True))
        found = check(open_model(unchecked, runtime="onnxruntime"))
        unchecked.replace(file)
    finally:
        unchecked.unlink(missing_ok=True)
    return file, found


def labelled(model: onnx.ModelProto, candidate: Candidate, flavour: str) -> None:
    """Write into the file what it reads and answers."""
    labels = {
        "spec": candidate.model.spec.model_dump_json(),
        "affect": ",".join(AFFECT),
        "rate_hz": json.dumps(candidate.clips.rate),
        "flavour": flavour,
        "opset": str(next(entry.version for entry in model.opset_import if not entry.domain)),
        "ir": str(model.ir_version),
    }
    model.producer_name, model.producer_version = "slimaffect", ""
    onnx.helper.set_model_props(model, {f"slimaffect.{key}": text for key, text in labels.items()})


def check_graph(model: onnx.ModelProto, flavour: str) -> None:
    """Refuse an invalid graph, or one whose batch or time has become a number.

    Raises:
        ExportError: naming the port and its shape.
    """
    try:
        onnx.checker.check_model(model, full_check=True)  # shapes are inferred, and must agree
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as fault:
        raise ExportError(f"{flavour} ONNX is not valid: {str(fault).strip().splitlines()[0]}") from fault
    for port in (*model.graph.input, *model.graph.output):
        shape = [d.dim_param or d.dim_value for d in port.type.tensor_type.shape.dim]
        wanted = ["batch", "time"] if port.name in {"frames", "affect"} else ["batch"]
        found = shape[:2] if port.name in {"frames", "affect"} else shape[1:2]
        if found != wanted:
            raise ExportError(
                f"{flavour} ONNX has frozen `{port.name}`: its shape is {shape}, {wanted} should be free. "
                f"torch {torch.__version__} may trace differently; torch 2.13 is known to work."
            )


def check_sizes(session: Session, net: AffectNet, flavour: str) -> Away:
    """Compare file and torch on random frames and states at several batch sizes and lengths.

    Raises:
        ExportError: with both answers where they are furthest apart.
    """
    rng, differences = np.random.default_rng(0), []
    for batch, length in SIZES:
        side = net.spec.pixels
        frames = rng.integers(0, 256, (batch, length, 3, side, side), dtype=np.uint8)
        state = _random_state(session, rng, batch)
        answer, answer_state = session.clip(frames, state)
        truth, true_state = torch_answer(net, frames, state)
        where = f"{flavour} ONNX, batch {batch}, time {length}"
        _compare(answer, truth, "affect", where, TOLERANCE[flavour])
        for name, part, true in zip("hc", answer_state, true_state, strict=True) if answer_state and true_state else ():
            scale = max(1.0, float(np.abs(true).max()))
            _compare(part / scale, true / scale, name, where, TOLERANCE[flavour])
        differences.append((answer - truth).ravel())
    return _away(np.concatenate(differences), f"random frames at {len(SIZES)} sizes")


def check_steps(session: Session, flavour: str, frames: int = 16) -> None:
    """Refuse a file that reads a clip otherwise than its single frames, with the state carried on.

    Raises:
        ExportError: with both answers where they are furthest apart.
    """
    side = session.ports.pixels
    clip = np.random.default_rng(1).integers(0, 256, (2, frames, 3, side, side), dtype=np.uint8)
    at_once, _ = session.clip(clip)
    state, steps = None, []
    for time_index in range(frames):
        step, state = session.clip(clip[:, time_index : time_index + 1], state)
        steps.append(step)
    _compare(np.concatenate(steps, 1), at_once, "affect", f"{flavour} ONNX, frame by frame", STEP_TOLERANCE)


def check_batches(session: Session, flavour: str) -> None:
    """Refuse a file that reads clips of a batch otherwise than one by one.

    Raises:
        ExportError: with both answers where they are furthest apart.
    """
    side, rng = session.ports.pixels, np.random.default_rng(3)
    for batch, length in SIZES[2:]:
        clips = rng.integers(0, 256, (batch, length, 3, side, side), dtype=np.uint8)
        one_by_one = np.concatenate([session.clip(clip[None])[0] for clip in clips])
        where = f"{flavour} ONNX, {batch} clips at once"
        _compare(session.clip(clips)[0], one_by_one, "affect", where, STEP_TOLERANCE)


def check_stream(stream: Session, clip: Session, flavour: str, frames: int = 16) -> None:
    """Refuse a stream graph that answers otherwise than its clip graph, from rest and from a random state.

    Raises:
        ExportError: with both answers where they are furthest apart.
    """
    side, rng = clip.ports.pixels, np.random.default_rng(2)
    for state in (None, _random_state(clip, rng, 1)):
        seen = rng.integers(0, 256, (1, frames, 3, side, side), dtype=np.uint8)
        at_once, _ = clip.clip(seen, state)
        going, steps = state, []
        for time_index in range(frames):
            step, going = stream.clip(seen[:, time_index : time_index + 1], going)
            steps.append(step)
        _compare(np.concatenate(steps, 1), at_once, "affect", f"{flavour} stream ONNX", STEP_TOLERANCE)


def clips_truth(candidate: Candidate) -> list[Answered]:
    """Let torch answer on real clips, which the calibration did not see if others remain."""
    used = candidate.precision.calibration_clips
    order = int8.spread(candidate.clips, used + CHECKED_CLIPS, candidate.seed)
    batches = int8.calibration_batches(candidate.clips, order[-CHECKED_CLIPS:])
    return [(frames, torch_answer(candidate.model, frames, None)[0]) for frames in batches]


def on_clips(session: Session, truth: list[Answered]) -> Away:
    """Measure how far the file answers from torch on real clips.

    Raises:
        ExportError: the file answers something that is no number.
    """
    apart = np.concatenate([(session.clip(frames)[0] - affect).ravel() for frames, affect in truth])
    if not np.isfinite(apart).all():
        raise ExportError(f"{session.file.name} answers NaN on real clips. Calibrate on more clips, or keep fp16.")
    return _away(apart, f"{sum(len(frames) for frames, _ in truth)} clips")


def torch_answer(net: AffectNet, frames: np.ndarray, state: State | None) -> tuple[np.ndarray, State | None]:
    """Answer as the model itself does, in float32."""
    with torch.inference_mode():
        given = None if state is None else tuple(map(torch.from_numpy, state))
        answer = net(torch.from_numpy(frames).float() / 255, given)
    after = None if answer.state is None or state is None else tuple(part.numpy() for part in answer.state)
    return answer.affect.numpy(), after


def _random_state(session: Session, rng: np.random.Generator, batch: int) -> State | None:
    zeros = session.zero_state(batch)
    if zeros is None:
        return None
    h, c = (rng.normal(scale=0.5, size=part.shape).astype(np.float32) for part in zeros)
    return h, c


def _compare(answer: np.ndarray, truth: np.ndarray, what: str, where: str, allowed: float) -> None:
    apart = np.abs(answer - truth)
    worst = np.unravel_index(np.argmax(np.where(np.isnan(apart), np.inf, apart)), apart.shape)
    if not apart[worst] <= allowed:
        name = AFFECT[int(worst[-1])] if what == "affect" else what
        raise ExportError(
            f"{where}: {name} is {answer[worst]:.6f} where {truth[worst]:.6f} is right; {allowed:g} apart is allowed. "
            f"Keep fp32 for this model, or report the model's spec."
        )


def _away(differences: np.ndarray, compared: str) -> Away:
    return Away(float(np.abs(differences).max()), float(np.sqrt(np.mean(differences**2))), compared)
