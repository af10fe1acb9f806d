"""Whatever answers to clips, behind what scoring and timing need: files and models of peers, run plainly."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

State = tuple[np.ndarray, np.ndarray]
Step = Callable[[np.ndarray, State], tuple[np.ndarray, State]]
"""Frames [1, time, 3, side, side] and a state -> affect [1, time, 2] and the state after them."""
CHUNK = 16


@dataclass(frozen=True)
class Reader:
    """Reads clips and recordings of a net with one LSTM layer.

    `clip` reads `CHUNK` frames; `frame` one, where that is another program (a compiled graph has one size).
    """

    clip: Step
    frame: Step
    pixels: int
    hidden: int
    mb: float | None

    def rest(self) -> State:
        """State before the first frame."""
        return np.zeros((1, 1, self.hidden), np.float32), np.zeros((1, 1, self.hidden), np.float32)

    def recording(self, frames: np.ndarray) -> np.ndarray:
        """Read a whole recording in chunks; the last is filled up, for time runs forwards only."""
        state, affect = self.rest(), []
        for start in range(0, len(frames), CHUNK):
            part = np.asarray(frames[start : start + CHUNK])
            whole = np.concatenate([part, np.repeat(part[-1:], CHUNK - len(part), 0)])
            answer, state = self.clip(np.ascontiguousarray(whole)[None], state)
            affect.append(answer[0, : len(part)])
        return np.concatenate(affect)

    def runs(self) -> tuple[Callable[[], object], Callable[[], object]]:
        """Make what reads a clip, and what reads one frame, of random pixels from rest."""
        clip = np.random.default_rng(0).integers(0, 256, (1, CHUNK, 3, self.pixels, self.pixels), dtype=np.uint8)
        frame, state = np.ascontiguousarray(clip[:, :1]), self.rest()
        return lambda: self.clip(clip, state), lambda: self.frame(frame, state)


def onnxruntime_reader(file: Path, pixels: int, hidden: int) -> Reader:
    """Run a file as ONNX Runtime's introduction does, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def step(frames: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        affect, h, c = session.run(None, {"frames": frames, "h": state[0], "c": state[1]})
        return np.asarray(affect), (np.asarray(h), np.asarray(c))

    return Reader(step, step, pixels, hidden, file.stat().st_size / 1e6)


def openvino_reader(file: Path, pixels: int, hidden: int) -> Reader:
    """Run an ONNX file or an OpenVINO model as its introduction does, on one thread."""
    import openvino

    wanted = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(str(file), "CPU", wanted)

    def step(frames: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        told = compiled({"frames": frames, "h": state[0], "c": state[1]})
        affect, h, c = (np.array(told[number]) for number in range(3))
        return affect, (h, c)

    weights = file.with_suffix(".bin")
    size = file.stat().st_size + (weights.stat().st_size if weights.exists() else 0)
    return Reader(step, step, pixels, hidden, size / 1e6)


def our_reader(clip: Path, stream: Path, runtime: str, pixels: int, hidden: int) -> Reader:
    """Run what a bundle holds as `slimaffect.runtime` does: its clip graph, and its stream graph for single frames."""
    from slimaffect.runtime.session import open_model

    opened = [open_model(file, runtime=runtime) for file in (clip, stream)]  # pyright: ignore[reportArgumentType]

    def step(number: int) -> Step:
        def run(frames: np.ndarray, state: State) -> tuple[np.ndarray, State]:
            affect, after = opened[number].clip(frames, state)
            assert after is not None
            return affect, after

        return run

    return Reader(step(0), step(1), pixels, hidden, clip.stat().st_size / 1e6)
