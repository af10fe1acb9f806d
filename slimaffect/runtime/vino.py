"""OpenVINO on the CPU."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from slimaffect.runtime.ports import Ports, ports_of
from slimaffect.runtime.usual import Infer, Sizes, usual
from slimaffect.runtime.ways import Buffers

if TYPE_CHECKING:
    from openvino import CompiledModel


def open_openvino(file: Path, threads: int) -> tuple[Ports, Infer]:
    """Open a file, for any size of clip and, where one is usual, for that size too."""

    def opened(sizes: Sizes | None = None) -> tuple[Ports, Infer]:
        compiled, ports = load_openvino(file, threads, sizes)
        return ports, PinnedRequest(compiled)

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
    ports = ports_of({port.any_name: _shape(port) for port in model.inputs})
    if sizes is not None:
        state = [*ports.state_shape(sizes["batch"])]
        fixed = {"frames": [sizes["batch"], sizes["time"], 3, ports.pixels, ports.pixels], "h": state, "c": state}
        model.reshape({port.any_name: fixed[port.any_name] for port in model.inputs})
    wanted = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    return core.compile_model(model, "CPU", wanted), ports


def _shape(port: Any) -> list[int | str | None]:
    return [None if size.is_dynamic else size.get_length() for size in port.get_partial_shape()]


class PinnedRequest:
    """A request whose inputs keep their memory: binding anew costs 25 us, a tenth of a tiny net's clip."""

    def __init__(self, compiled: "CompiledModel") -> None:
        """Make the request."""
        self._request = compiled.create_infer_request()
        self._outputs = len(compiled.outputs)
        self._pinned: dict[str, np.ndarray] = {}

    def __call__(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Answer named inputs; outputs come in the file's order."""
        for name, values in feed.items():
            kept = self._pinned.get(name)
            if kept is None or kept.shape != values.shape:
                kept = self._pin(name, values)
            np.copyto(kept, values, casting="no")
        self._request.infer()
        # the request overwrites its outputs at the next call: hand out copies
        return [self._request.get_output_tensor(i).data.copy() for i in range(self._outputs)]

    def _pin(self, name: str, values: np.ndarray) -> np.ndarray:
        import openvino

        self._pinned[name] = np.empty_like(values, order="C")
        self._request.set_tensor(name, openvino.Tensor(self._pinned[name], shared_memory=True))
        return self._pinned[name]


def bound_openvino(compiled: "CompiledModel", inputs: Buffers, outputs: Buffers) -> Callable[[], object]:
    """Bind memory once; what comes back reads the inputs and fills the outputs."""
    from openvino import Tensor

    request = compiled.create_infer_request()
    for name, values in {**inputs, **outputs}.items():
        request.set_tensor(name, Tensor(values, shared_memory=True))

    # not start_async and wait: another thread would run it, and a busy machine may let that one wait for milliseconds
    return lambda: request.infer(share_outputs=True)
