"""Memory bound to an ONNX Runtime session: the arrays themselves on a CPU, kept places on a device."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from slimaffect.runtime.ort import OrtRuntime, load_onnxruntime, load_recorded
from slimaffect.runtime.ports import Ports
from slimaffect.runtime.usual import Bound, Infer, usual
from slimaffect.runtime.ways import Buffers, Way, Ways, way_of

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MOST_RECORDED = 3  # sizes of clip that get a CUDA graph, each with a copy of the weights; an archive's last chunks vary
Recorded = Callable[[dict[str, int]], tuple[Any, bool]]


def open_onnxruntime(file: Path, threads: int, runtime: OrtRuntime = "onnxruntime") -> tuple[Ports, Infer]:
    """Open a file; its memory is laid out once for a size of clip: on a GPU for each, on the CPU for the usual ones."""
    session, ports = load_onnxruntime(file, threads, runtime)
    if runtime != "onnxruntime":

        def recorded(sizes: dict[str, int]) -> tuple[Any, bool]:
            loaded, _, graph = load_recorded(file, threads, runtime, sizes)
            return loaded, graph

        return ports, DeviceRequest(session, recorded=recorded)

    def infer(feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        return cast("list[np.ndarray]", session.run(None, feed))

    return ports, usual(file, infer, lambda sizes: Bound(load_onnxruntime(file, threads, sizes=sizes)[0]))


class DeviceRequest:
    """Answers from memory on the device that is kept for each size of clip; states come back to the host."""

    def __init__(self, session: Any, device: str = "cuda", recorded: Recorded | None = None) -> None:
        """Keep the session, and what loads one that records a CUDA graph of one size."""
        self._session, self._device, self._recorded = session, device, recorded
        self._laid_out: dict[tuple[int, ...], tuple[Way, Ways]] = {}

    def __call__(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Answer named inputs; outputs come in the file's order."""
        size = feed["frames"].shape
        if size not in self._laid_out:
            way = way_of(feed)
            session, graph = self._for_size(size)
            ways = bound_on_device(session, (way,), self._device, states_stay=False, graph=graph)
            self._laid_out[size] = way, ways
        way, ways = self._laid_out[size]
        for name, values in feed.items():
            np.copyto(way.inputs[name], values, casting="no")
        ways.run[0]()
        return [values.copy() for values in way.outputs.values()]

    def _for_size(self, size: tuple[int, ...]) -> tuple[Any, bool]:
        if self._recorded is None or len(self._laid_out) >= MOST_RECORDED:
            return self._session, False
        return self._recorded({"batch": size[0], "time": size[1]})


def bound_on_cpu(session: "InferenceSession", ways: tuple[Way, ...]) -> Ways:
    """Bind the given memory itself: on a CPU nothing is copied."""
    from onnxruntime import OrtValue

    def bound(way: Way) -> Callable[[], object]:
        binding = session.io_binding()
        for name, values in way.inputs.items():
            binding.bind_ortvalue_input(name, OrtValue.ortvalue_from_numpy(values))
        for name, values in way.outputs.items():
            binding.bind_ortvalue_output(name, OrtValue.ortvalue_from_numpy(values))
        return lambda: session.run_with_iobinding(binding)

    return Ways(tuple(bound(way) for way in ways))


def bound_on_device(
    session: Any, ways: tuple[Way, ...], device: str = "cuda", *, states_stay: bool = True, graph: bool = False
) -> Ways:
    """Bind memory on the device; frames go there and affect comes back, and states stay unless they are asked for.

    With `graph` each way is recorded at its first run and replayed from then on, under a number of its own.
    """
    import onnxruntime

    held: dict[int, Any] = {}

    def on_device(values: np.ndarray) -> Any:
        if id(values) not in held:
            held[id(values)] = onnxruntime.OrtValue.ortvalue_from_numpy(values, device, 0)
        return held[id(values)]

    def bound(number: int, way: Way) -> Callable[[], object]:
        binding, options = session.io_binding(), onnxruntime.RunOptions()  # pyright: ignore[reportAttributeAccessIssue]
        if graph:
            options.add_run_config_entry("gpu_graph_id", str(number))
        for name, values in way.inputs.items():
            binding.bind_ortvalue_input(name, on_device(values))
        for name, values in way.outputs.items():
            binding.bind_ortvalue_output(name, on_device(values))
        up = [values for name, values in way.inputs.items() if name == "frames" or not states_stay]
        down = [values for name, values in way.outputs.items() if name == "affect" or not states_stay]
        return lambda: _run(session, binding, options, up, down, held)

    def forget(buffers: Buffers) -> None:
        for values in buffers.values():
            held[id(values)].update_inplace(values)

    return Ways(tuple(bound(number, way) for number, way in enumerate(ways, start=1)), forget)


def _run(
    session: Any, binding: Any, options: Any, up: list[np.ndarray], down: list[np.ndarray], held: dict[int, Any]
) -> None:
    for values in up:
        held[id(values)].update_inplace(values)
    session.run_with_iobinding(binding, options)
    for values in down:
        np.copyto(values, held[id(values)].numpy())
