"""ONNX Runtime: on the CPU, or on a GPU with its CUDA or TensorRT provider, and never silently on another."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from slimaffect.runtime.ports import Ports, ports_of
from slimaffect.runtime.usual import Bound, Infer, usual
from slimaffect.runtime.ways import Buffers, Way, Ways

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

OrtRuntime = Literal["onnxruntime", "onnxruntime-cuda", "onnxruntime-tensorrt"]
CPU = "CPUExecutionProvider"
PROVIDERS: dict[OrtRuntime, tuple[str, ...]] = {
    "onnxruntime": (CPU,),
    "onnxruntime-cuda": ("CUDAExecutionProvider", CPU),
    "onnxruntime-tensorrt": ("TensorrtExecutionProvider", "CUDAExecutionProvider", CPU),
}
COMPUTING = {"Conv", "Gemm", "MatMul", "LSTM", "QLinearConv", "QLinearMatMul", "QGemm", "ConvInteger", "FusedConv"}
"""What may never fall back: a provider leaves the arithmetic of shapes to the CPU on purpose, and that is no loss."""
ASSIGNMENT = "session.record_ep_graph_assignment_info"


def load_onnxruntime(
    file: Path,
    threads: int,
    runtime: OrtRuntime = "onnxruntime",
    *,
    graph: bool = False,
    sizes: Mapping[str, int] | None = None,
) -> "tuple[InferenceSession, Ports]":
    """Load with the wanted provider.

    Args:
        file: an exported file.
        threads: of the CPU provider.
        runtime: names the provider.
        graph: record a CUDA graph at the first run; memory must be bound, and sizes fixed.
        sizes: fixes `batch` and `time` of a clip graph: what computes shapes is then folded away.

    Raises:
        ValueError: the provider is not there, or what computes would fall back to the CPU.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3 if runtime == "onnxruntime" else 4  # errors are told by what is raised below
    for axis, size in (sizes or {}).items():
        options.add_free_dimension_override_by_name(axis, size)
    # ONNX Runtime 1.31 would round the weights of a layer that was kept in float32 between two rounded ones
    unwanted = ["WeightBiasQuantization"]
    if runtime != "onnxruntime":
        options.add_session_config_entry(ASSIGNMENT, "1")
        _loadable(onnxruntime, PROVIDERS[runtime][0])
    session = onnxruntime.InferenceSession(
        file, options, providers=_with_options(runtime, graph=graph), disabled_optimizers=unwanted
    )
    session.disable_fallback()
    if runtime != "onnxruntime":
        refuse_fallback(session, runtime)
    return session, ports_of({port.name: port.shape for port in session.get_inputs()})


def load_recorded(
    file: Path, threads: int, runtime: OrtRuntime, sizes: Mapping[str, int] | None = None
) -> "tuple[InferenceSession, Ports, bool]":
    """Load so that a CUDA graph is recorded, or without one where a node of the file forbids it (int8's do).

    On an H200 a clip of `reference` took 0.20 ms with one and 0.57 ms without, a frame 0.12 and 0.26 ms.

    Raises:
        ValueError: the provider is not there, or what computes would fall back to the CPU.
    """
    try:
        return *load_onnxruntime(file, threads, runtime, graph=True, sizes=sizes), True
    except ValueError:
        raise
    except Exception:  # noqa: BLE001  ONNX Runtime raises classes of its own
        return *load_onnxruntime(file, threads, runtime), False


def _loadable(onnxruntime: Any, provider: str) -> None:
    """Refuse a provider that this package was built without, and load the CUDA libraries that pip installed."""
    offered = onnxruntime.get_available_providers()
    if provider not in offered:
        raise ValueError(f"this onnxruntime has no {provider} (it has {', '.join(offered)}): install onnxruntime-gpu")
    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()


def _with_options(runtime: OrtRuntime, *, graph: bool) -> list[str | tuple[str, dict[str, str]]]:
    """Name the providers; float32 is computed in float32, not in TF32, which would be some 1e-3 away."""
    told: dict[str, dict[str, str]] = {
        "CUDAExecutionProvider": {"use_tf32": "0", "enable_cuda_graph": str(int(graph))},
        "TensorrtExecutionProvider": {"trt_cuda_graph_enable": str(int(graph))},
    }
    return [(name, told[name]) if name in told else name for name in PROVIDERS[runtime]]


def placed(session: Any) -> dict[str, Counter[str]]:
    """Count the nodes by the provider that really runs them; empty where ONNX Runtime (before 1.24) does not tell."""
    counts: dict[str, Counter[str]] = {}
    for part in getattr(session, "get_provider_graph_assignment_info", list)():
        counts.setdefault(part.ep_name, Counter()).update(node.op_type for node in part.get_nodes())
    return counts


def refuse_fallback(session: Any, runtime: OrtRuntime) -> None:
    """Refuse a session that computes somewhere else than it was asked to.

    Raises:
        ValueError: with what runs where.
    """
    wanted, used = PROVIDERS[runtime][0], session.get_providers()
    if wanted not in used:
        raise ValueError(f"{wanted} did not load, and {', '.join(used)} would have answered instead, without a word")
    if lost := {kind: n for kind, n in placed(session).get(CPU, Counter()).items() if kind in COMPUTING}:
        named = ", ".join(f"{n} {kind}" for kind, n in sorted(lost.items()))
        raise ValueError(f"{wanted} leaves {named} to the CPU; a fallback is an error here")


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


def way_of(feed: dict[str, np.ndarray]) -> Way:
    """Lay out memory for an answer to this feed; states come out as large as they went in."""
    inputs = {name: np.zeros_like(values) for name, values in feed.items()}
    batch, time = feed["frames"].shape[:2]
    states = {f"{name}_out": np.zeros_like(feed[name]) for name in "hc" if name in feed}
    return Way(inputs, {"affect": np.zeros((batch, time, 2), np.float32), **states})


MOST_RECORDED = 3  # sizes of clip that get a CUDA graph, each with a copy of the weights; an archive's last chunks vary
Recorded = Callable[[dict[str, int]], tuple[Any, bool]]


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
