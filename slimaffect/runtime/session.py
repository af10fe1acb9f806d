"""Exported models behind one small interface, whichever runtime opens them. Imports no torch."""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

import numpy as np
from jaxtyping import Float, UInt8

from slimaffect.callbacks import Complain, ignore
from slimaffect.errors import BundleError, SlimError
from slimaffect.runtime.bound import open_onnxruntime
from slimaffect.runtime.engines import Offer, open_engine
from slimaffect.runtime.ports import Ports
from slimaffect.runtime.usual import Infer
from slimaffect.runtime.vino import open_openvino

CpuRuntime = Literal["openvino", "onnxruntime"]
GpuRuntime = Literal["onnxruntime-cuda", "onnxruntime-tensorrt", "tensorrt", "tensorrt_rtx"]
Runtime = Literal[CpuRuntime, GpuRuntime]
RUNTIMES: tuple[CpuRuntime, ...] = get_args(CpuRuntime)
"""What runs on any CPU, and competes to be what a bundle declares."""
ON_GPU: tuple[GpuRuntime, ...] = get_args(GpuRuntime)
EVERY: tuple[Runtime, ...] = (*RUNTIMES, *ON_GPU)
PACKAGES: dict[Runtime, tuple[str, str]] = {
    "openvino": ("openvino", "openvino"),
    "onnxruntime": ("onnxruntime", "onnxruntime"),
    "onnxruntime-cuda": ("onnxruntime", "onnxruntime-gpu"),
    "onnxruntime-tensorrt": ("onnxruntime", "onnxruntime-gpu"),
    "tensorrt": ("tensorrt", "slimaffect[tensorrt]"),
    "tensorrt_rtx": ("tensorrt_rtx", "tensorrt-rtx-cu13"),
}
"""The module that a runtime needs, and what pip calls it."""
CHUNK_FRAMES = 32  # a recording is read in chunks: memory stays flat, and the state carries over

State = tuple[Float[np.ndarray, "layers batch hidden"], Float[np.ndarray, "layers batch hidden"]]
"""Hidden and cell state of the LSTM after the last frame; a per-frame net has none."""

Loaded = TypeVar("Loaded")


@dataclass(frozen=True, eq=False)
class Session:
    """One exported file, opened by one runtime with a fixed number of threads. Not for use by two threads at once."""

    file: Path
    runtime: Runtime
    threads: int
    ports: Ports
    infer: Infer

    def zero_state(self, batch: int = 1) -> State | None:
        """State before the first frame of a recording; None for a net without LSTM."""
        if not self.ports.layers:
            return None
        shape = self.ports.state_shape(batch)
        return np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def clip(
        self, frames: UInt8[np.ndarray, "batch time 3 height width"], state: State | None = None
    ) -> tuple[Float[np.ndarray, "batch time 2"], State | None]:
        """Read affect from RGB planes, going on from `state` (None: the start of a recording).

        Raises:
            BundleError: frames or state of another type or size than the file reads.
        """
        feed = {"frames": _checked(frames, self.ports.pixels, self.file)}
        if self.ports.layers:
            h, c = state if state is not None else cast("State", self.zero_state(len(frames)))
            feed |= {"h": h, "c": c}
        affect, *states = self.infer(feed)
        return affect, (states[0], states[1]) if states else None

    def recording(self, frames: UInt8[np.ndarray, "time 3 height width"]) -> Float[np.ndarray, "time 2"]:
        """Read a whole recording in chunks, with the state carried from one to the next."""
        state, affect = None, [np.empty((0, 2), np.float32)]
        for start in range(0, len(frames), CHUNK_FRAMES):
            part, state = self.clip(np.asarray(frames[start : start + CHUNK_FRAMES])[None], state)
            affect.append(part[0])
        return np.concatenate(affect)


def open_model(
    path: Path | str,
    *,
    runtime: Runtime,
    threads: int = 1,
    engines: Sequence[Offer] = (),
    complain: Complain = ignore,
) -> Session:
    """Open an exported ONNX file.

    Args:
        path: the file.
        runtime: what opens it.
        threads: of a CPU runtime.
        engines: TensorRT engines that may be of this file; one that does not fit is built anew.
        complain: is told in a sentence why.

    Raises:
        BundleError: no such runtime, the runtime is not installed, or it refuses the file.
    """
    file = Path(path)
    ports, infer = loaded(file, runtime, lambda: _opened(file, runtime, threads, engines, complain))
    return Session(file, runtime, threads, ports, infer)


def _opened(
    file: Path, runtime: Runtime, threads: int, engines: Sequence[Offer], complain: Complain
) -> tuple[Ports, Infer]:
    if runtime == "openvino":
        return open_openvino(file, threads)
    if runtime in {"tensorrt", "tensorrt_rtx"}:
        engine = open_engine(file, cast("Any", runtime), offers=engines, complain=complain)
        return engine.ports, engine.infer
    return open_onnxruntime(file, threads, cast("Any", runtime))


def loaded(file: Path, runtime: Runtime, load: Callable[[], Loaded]) -> Loaded:
    """Load a file with a runtime, and say in a sentence why that cannot be.

    Raises:
        BundleError: no such runtime, the runtime is not installed, or it refuses the file.
    """
    if runtime not in EVERY:
        raise BundleError(f"{runtime!r} is no runtime; it must be one of {', '.join(EVERY)}.")
    if not file.is_file():
        raise BundleError(f"{file}: there is no such file. Export the model again, or give the right path.")
    module, package = PACKAGES[runtime]
    if importlib.util.find_spec(module) is None:
        raise BundleError(f"{file.name} needs {runtime}, which is not installed. Run: pip install {package}")
    try:
        return load()
    except SlimError:
        raise
    except Exception as fault:  # each runtime raises classes of its own
        reason = (str(fault).strip() or type(fault).__name__).splitlines()[-1]
        raise BundleError(f"{file}: {runtime} cannot open this file: {reason}") from fault


def available(path: Path | str) -> tuple[Runtime, ...]:
    """List the CPU runtimes that answer to one frame of this file on this machine."""
    return tuple(runtime for runtime in RUNTIMES if _answers(Path(path), runtime))


def _answers(file: Path, runtime: Runtime) -> bool:
    try:
        session = open_model(file, runtime=runtime)
        side = session.ports.pixels
        affect, _ = session.clip(np.zeros((1, 1, 3, side, side), np.uint8))
    except Exception:  # noqa: BLE001  each runtime raises classes of its own
        return False
    return bool(np.isfinite(affect).all())


def _checked(frames: np.ndarray, pixels: int, file: Path) -> np.ndarray:
    if frames.dtype != np.uint8 or frames.ndim != 5 or frames.shape[2:] != (3, pixels, pixels):
        raise BundleError(
            f"{file.name} reads uint8 [batch, time, 3, {pixels}, {pixels}], RGB planes; "
            f"it was given {frames.dtype} {list(frames.shape)}. Prepare the faces at {pixels} pixels."
        )
    return np.ascontiguousarray(frames)
