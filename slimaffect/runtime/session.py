"""Exported models behind one small interface: ONNX Runtime and OpenVINO on the CPU. Imports no torch."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar, cast, get_args

import numpy as np
from jaxtyping import Float, UInt8

from slimaffect.errors import BundleError
from slimaffect.runtime.usual import Bound, Infer, Sizes, usual

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from openvino import CompiledModel

Runtime = Literal["openvino", "onnxruntime"]
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)
LARGEST_SIDE = 4096  # pixels of a face; a file that asks for more is no model of ours
LARGEST_STATE = 1 << 20  # numbers
CHUNK_FRAMES = 32  # a recording is read in chunks: memory stays flat, and the state carries over

State = tuple[Float[np.ndarray, "layers batch hidden"], Float[np.ndarray, "layers batch hidden"]]
"""Hidden and cell state of the LSTM after the last frame; a per-frame net has none."""

Loaded = TypeVar("Loaded")


class Ports(NamedTuple):
    """What the file says about itself: side of the face in pixels, LSTM layers (0: none) and units."""

    pixels: int
    layers: int
    hidden: int


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
        shape = (self.ports.layers, batch, self.ports.hidden)
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


def open_model(path: Path | str, *, runtime: Runtime, threads: int = 1) -> Session:
    """Open an exported ONNX file.

    Raises:
        BundleError: no such runtime, the runtime is not installed, or it refuses the file.
    """
    file = Path(path)
    openers = {"openvino": _open_openvino, "onnxruntime": _open_onnxruntime}
    ports, infer = loaded(file, runtime, lambda: openers[runtime](file, threads))
    return Session(file, runtime, threads, ports, infer)


def loaded(file: Path, runtime: Runtime, load: Callable[[], Loaded]) -> Loaded:
    """Load a file with a runtime, and say in a sentence why that cannot be.

    Raises:
        BundleError: no such runtime, the runtime is not installed, or it refuses the file.
    """
    if runtime not in RUNTIMES:
        raise BundleError(f"{runtime!r} is no runtime; it must be one of {', '.join(RUNTIMES)}.")
    if not file.is_file():
        raise BundleError(f"{file}: there is no such file. Export the model again, or give the right path.")
    if importlib.util.find_spec(runtime) is None:
        raise BundleError(f"{file.name} needs {runtime}, which is not installed. Run: pip install {runtime}")
    try:
        return load()
    except Exception as fault:  # each runtime raises classes of its own
        reason = (str(fault).strip() or type(fault).__name__).splitlines()[-1]
        raise BundleError(f"{file}: {runtime} cannot open this file: {reason}") from fault


def available(path: Path | str) -> tuple[Runtime, ...]:
    """List the runtimes that answer to one frame of this file on this machine."""
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


def _ports(shapes: dict[str, list[int | str | None]]) -> Ports:
    """Read the sizes from the shapes of the inputs; a dimension that is no number is free."""
    if "frames" not in shapes or len(shapes["frames"]) != 5:
        raise ValueError("it has no input `frames` [batch, time, 3, height, width], so it is no model exported by slim")
    layers, _, hidden = shapes.get("h", [0, 0, 0])
    ports = Ports(_size(shapes["frames"][-1]), _size(layers), _size(hidden))
    if not 0 < ports.pixels <= LARGEST_SIDE or ports.layers * ports.hidden > LARGEST_STATE:
        raise ValueError(
            f"its faces have {ports.pixels} pixels (at most {LARGEST_SIDE}) "
            f"and its state {ports.layers * ports.hidden} numbers (at most {LARGEST_STATE})"
        )
    return ports


def _size(axis: int | str | None) -> int:
    return axis if isinstance(axis, int) else 0


def _open_onnxruntime(file: Path, threads: int) -> tuple[Ports, Infer]:
    session, ports = load_onnxruntime(file, threads)

    def infer(feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        return cast("list[np.ndarray]", session.run(None, feed))

    return ports, usual(file, infer, lambda sizes: Bound(load_onnxruntime(file, threads, sizes)[0]))


def load_onnxruntime(file: Path, threads: int, sizes: Sizes | None = None) -> "tuple[InferenceSession, Ports]":
    """Load on the CPU provider, named alone: another provider's absence can then neither warn nor fall back.

    Given `sizes`, the session reads clips of these only.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only: graph optimiser chatter is not for the user
    for axis, size in zip(("batch", "time"), sizes or (), strict=False):
        options.add_free_dimension_override_by_name(axis, size)
    # ONNX Runtime 1.31 would round the weights of a layer that was kept in float32 between two rounded ones
    unwanted, cpu = ["WeightBiasQuantization"], ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(file, options, providers=cpu, disabled_optimizers=unwanted)
    session.disable_fallback()
    return session, _ports({port.name: port.shape for port in session.get_inputs()})


def _open_openvino(file: Path, threads: int) -> tuple[Ports, Infer]:
    def opened(sizes: Sizes | None = None) -> tuple[Ports, Infer]:
        compiled, ports = load_openvino(file, threads, sizes)
        return ports, _PinnedRequest(compiled.create_infer_request(), len(compiled.outputs))

    ports, infer = opened()
    return ports, usual(file, infer, lambda sizes: opened(sizes)[1])


def load_openvino(file: Path, threads: int, sizes: Sizes | None = None) -> "tuple[CompiledModel, Ports]":
    """Compile for latency on the CPU in float32; given `sizes`, for clips of these only.

    bfloat16 is not allowed, not even beside int8: a clip and its single frames would differ by some 3e-4 of affect,
    and the int8 files are no slower in float32 (measured, docs/methods/quantise.md).
    """
    import openvino

    core = openvino.Core()
    model = core.read_model(file)
    ports = _ports({port.any_name: _openvino_shape(port) for port in model.inputs})
    if sizes is not None:
        state = [ports.layers, sizes[0], ports.hidden]
        fixed = {"frames": [*sizes, 3, ports.pixels, ports.pixels], "h": state, "c": state}
        model.reshape({port.any_name: fixed[port.any_name] for port in model.inputs})
    wanted = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    return core.compile_model(model, "CPU", wanted), ports


def _openvino_shape(port: "object") -> list[int | str | None]:
    return [None if size.is_dynamic else size.get_length() for size in port.get_partial_shape()]  # pyright: ignore[reportAttributeAccessIssue]


class _PinnedRequest:
    """An OpenVINO request whose inputs keep their memory: binding anew costs 25 us, a tenth of a tiny net's clip."""

    def __init__(self, request: "object", outputs: int) -> None:
        self._request: object = request
        self._outputs = outputs
        self._pinned: dict[str, np.ndarray] = {}

    def __call__(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        for name, values in feed.items():
            kept = self._pinned.get(name)
            if kept is None or kept.shape != values.shape:
                kept = self._pin(name, values)
            np.copyto(kept, values, casting="no")
        self._request.infer()  # pyright: ignore[reportAttributeAccessIssue]
        # the request overwrites its outputs at the next call: hand out copies
        return [self._request.get_output_tensor(i).data.copy() for i in range(self._outputs)]  # pyright: ignore[reportAttributeAccessIssue]

    def _pin(self, name: str, values: np.ndarray) -> np.ndarray:
        import openvino

        self._pinned[name] = np.empty_like(values, order="C")
        self._request.set_tensor(name, openvino.Tensor(self._pinned[name], shared_memory=True))  # pyright: ignore[reportAttributeAccessIssue]
        return self._pinned[name]
