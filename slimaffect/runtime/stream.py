"""One frame at a time: the state is carried on, in memory that was laid out before the first frame."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from jaxtyping import UInt8

from slimaffect.callbacks import Complain, ignore
from slimaffect.errors import BundleError
from slimaffect.runtime.bound import bound_on_cpu, bound_on_device
from slimaffect.runtime.engines import Offer, open_engine
from slimaffect.runtime.ort import load_onnxruntime, load_recorded
from slimaffect.runtime.ports import Ports
from slimaffect.runtime.session import Runtime, loaded
from slimaffect.runtime.vino import bound_openvino, load_openvino
from slimaffect.runtime.ways import Bind, Way, Ways


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
        self._ways = bind(
            tuple(
                Way(
                    {"frames": frames, **here},
                    {"affect": affect, **{f"{name}_out": part for name, part in there.items()}},
                )
                for here, there in (self._states, self._states[::-1])
            )
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
        self._ways.run[self._count & 1]()
        self._count += 1
        return Affect(self._affect.item(0), self._affect.item(1))

    def reset(self) -> None:
        """Forget what was seen: another recording, or another person, begins."""
        for states in self._states:
            for part in states.values():
                part[:] = 0
            self._ways.forget(states)


def open_stream(
    file: Path, *, runtime: Runtime, threads: int = 1, engines: Sequence[Offer] = (), complain: Complain = ignore
) -> Callable[[], Stream]:
    """Load an exported file once; what comes back begins a stream, and streams share the weights.

    The clip graph serves as well as the stream graph, more slowly.

    Raises:
        BundleError: no such runtime, the runtime is not installed, or it refuses the file.
    """
    ports, bind = loaded(file, runtime, lambda: _binder(file, runtime, threads, engines, complain))
    return lambda: Stream(ports, bind)


def _states(ports: Ports) -> dict[str, np.ndarray]:
    return {name: np.zeros(ports.state_shape(1), np.float32) for name in "hc"} if ports.layers else {}


def _binder(
    file: Path, runtime: Runtime, threads: int, engines: Sequence[Offer], complain: Complain
) -> tuple[Ports, Bind]:
    if runtime == "openvino":
        compiled, ports = load_openvino(file, threads)
        return ports, lambda ways: Ways(tuple(bound_openvino(compiled, *way) for way in ways))
    if runtime in {"tensorrt", "tensorrt_rtx"}:
        engine = open_engine(file, cast("Any", runtime), offers=engines, complain=complain)
        return engine.ports, engine.bind
    if runtime == "onnxruntime":
        session, ports = load_onnxruntime(file, threads)
        return ports, lambda ways: bound_on_cpu(session, ways)
    session, ports, recorded = load_recorded(file, threads, cast("Any", runtime), {"batch": 1, "time": 1})
    return ports, lambda ways: bound_on_device(session, ways, graph=recorded)
