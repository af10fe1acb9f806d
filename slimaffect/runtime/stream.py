"""One frame at a time: the state is carried on, in memory that was laid out before the first frame."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import UInt8

from slimaffect.errors import BundleError
from slimaffect.runtime.session import Ports, Runtime, load_onnxruntime, load_openvino, loaded

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from openvino import CompiledModel

Buffers = Mapping[str, np.ndarray]
Bind = Callable[[Buffers, Buffers], Callable[[], object]]
"""Inputs and outputs -> a function that reads the ones and fills the others."""


class Affect(NamedTuple):
    """What one frame says; both in [-1, 1].

    >>> Affect(0.25, -0.5).arousal
    -0.5
    """

    valence: float
    arousal: float


class Stream:
    """Reads one recording, or one person before a camera, frame by frame.

    The states lie in two places, and each frame goes from one to the other: nothing is copied or allocated.
    """

    def __init__(self, ports: Ports, bind: Bind) -> None:
        """Lay out the memory and bind it, once for the way from either place to the other."""
        side = ports.pixels
        self._shape = (3, side, side)
        frames, affect = np.zeros((1, 1, *self._shape), np.uint8), np.zeros((1, 1, 2), np.float32)
        self._pixels, self._affect = frames[0, 0], affect[0, 0]
        self._states = _states(ports), _states(ports)
        self._ways = tuple(
            bind(
                {"frames": frames, **here}, {"affect": affect, **{f"{name}_out": part for name, part in there.items()}}
            )
            for here, there in (self._states, self._states[::-1])
        )
        self._count = 0

    def step(self, frame: UInt8[np.ndarray, "3 height width"]) -> Affect:
        """Read the next frame: RGB planes of a face crop.

        Raises:
            BundleError: a frame of another type or size than the model reads.
        """
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise BundleError(
                f"This stream reads uint8 {list(self._shape)}, RGB planes; it was given {frame.dtype} "
                f"{list(frame.shape)}. Prepare the face at {self._shape[-1]} pixels."
            )
        self._pixels[:] = frame
        self._ways[self._count & 1]()
        self._count += 1
        return Affect(self._affect.item(0), self._affect.item(1))

    def reset(self) -> None:
        """Forget what was seen: another recording, or another person, begins."""
        for states in self._states:
            for part in states.values():
                part[:] = 0


def open_stream(file: Path, *, runtime: Runtime, threads: int = 1) -> Callable[[], Stream]:
    """Load an exported file once; what comes back begins a stream, and streams share the weights.

    The clip graph serves as well as the stream graph, more slowly.

    Raises:
        BundleError: no such runtime, the runtime is not installed, or it refuses the file.
    """
    binders = {"openvino": _openvino_binder, "onnxruntime": _onnxruntime_binder}
    ports, bind = loaded(file, runtime, lambda: binders[runtime](file, threads))
    return lambda: Stream(ports, bind)


def _states(ports: Ports) -> dict[str, np.ndarray]:
    shape = (ports.layers, 1, ports.hidden)
    return {name: np.zeros(shape, np.float32) for name in "hc"} if ports.layers else {}


def _onnxruntime_binder(file: Path, threads: int) -> tuple[Ports, Bind]:
    session, ports = load_onnxruntime(file, threads)

    def bind(inputs: Buffers, outputs: Buffers) -> Callable[[], object]:
        return _bound_onnxruntime(session, inputs, outputs)

    return ports, bind


def _bound_onnxruntime(session: "InferenceSession", inputs: Buffers, outputs: Buffers) -> Callable[[], object]:
    from onnxruntime import OrtValue

    binding = session.io_binding()
    for name, values in inputs.items():
        binding.bind_ortvalue_input(name, OrtValue.ortvalue_from_numpy(values))  # on a CPU it takes the memory itself
    for name, values in outputs.items():
        binding.bind_ortvalue_output(name, OrtValue.ortvalue_from_numpy(values))
    return lambda: session.run_with_iobinding(binding)


def _openvino_binder(file: Path, threads: int) -> tuple[Ports, Bind]:
    compiled, ports = load_openvino(file, threads)

    def bind(inputs: Buffers, outputs: Buffers) -> Callable[[], object]:
        return _bound_openvino(compiled, inputs, outputs)

    return ports, bind


def _bound_openvino(compiled: "CompiledModel", inputs: Buffers, outputs: Buffers) -> Callable[[], object]:
    from openvino import Tensor

    request = compiled.create_infer_request()
    for name, values in {**inputs, **outputs}.items():
        request.set_tensor(name, Tensor(values, shared_memory=True))

    # not start_async and wait: another thread would run it, and a busy machine may let that one wait for milliseconds
    return lambda: request.infer(share_outputs=True)
