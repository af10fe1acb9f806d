"""ONNX Runtime: on the CPU, or on a GPU with its CUDA or TensorRT provider, and never silently on another."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from platformdirs import user_cache_path

from slimaffect.packages import installed
from slimaffect.runtime.building import Profile
from slimaffect.runtime.ports import Ports, ports_of

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

OrtRuntime = Literal["onnxruntime", "onnxruntime-cuda", "onnxruntime-tensorrt"]
CPU = "CPUExecutionProvider"
PROVIDERS: dict[OrtRuntime, tuple[str, ...]] = {
    "onnxruntime": (CPU,),
    "onnxruntime-cuda": ("CUDAExecutionProvider", CPU),
    "onnxruntime-tensorrt": ("TensorrtExecutionProvider", "CUDAExecutionProvider", CPU),
}
PROFILE = Profile()
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

    options = _options(threads, runtime, sizes or {})
    # ONNX Runtime 1.31 would round the weights of a layer that was kept in float32 between two rounded ones
    unwanted = ["WeightBiasQuantization"]
    if runtime != "onnxruntime":
        _loadable(onnxruntime, PROVIDERS[runtime][0])
    if runtime == "onnxruntime-tensorrt":
        refuse_mismatch(onnxruntime.__version__, installed("tensorrt"))
    session = onnxruntime.InferenceSession(
        file,
        options,
        providers=_with_options(file, runtime, graph=graph, fixed=bool(sizes)),
        disabled_optimizers=unwanted,
    )
    session.disable_fallback()
    if runtime != "onnxruntime":
        refuse_fallback(session, runtime)
    return session, ports_of({port.name: port.shape for port in session.get_inputs()})


def _options(threads: int, runtime: OrtRuntime, sizes: Mapping[str, int]) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3 if runtime == "onnxruntime" else 4  # errors are told by what is raised later
    if runtime != "onnxruntime":
        options.add_session_config_entry(ASSIGNMENT, "1")
    for axis, size in sizes.items():
        options.add_free_dimension_override_by_name(axis, size)
    return options


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


def refuse_mismatch(onnxruntime: str, tensorrt: str | None) -> None:
    """Refuse TensorRT 11 under an ONNX Runtime that was built for 10 (before 1.27, NVIDIA's migration page).

    Raises:
        ValueError: with both versions.
    """
    if tensorrt is None or int(tensorrt.split(".")[0]) < 11:
        return
    if tuple(int(part) for part in onnxruntime.split(".")[:2]) < (1, 27):
        raise ValueError(f"TensorRT {tensorrt} needs ONNX Runtime 1.27 or later, and {onnxruntime} is installed")


def shapes_option(ports: Ports, batch: int, time: int) -> str:
    """Write sizes as the TensorRT provider reads them; without them it builds anew at each new length, for a minute.

    >>> shapes_option(Ports(48, 1, 16), 4, 64)
    'frames:4x64x3x48x48,h:1x4x16,c:1x4x16'
    """
    state = "x".join(map(str, ports.state_shape(batch)))
    states = f",h:{state},c:{state}" if ports.layers else ""
    return f"frames:{batch}x{time}x3x{ports.pixels}x{ports.pixels}{states}"


def _tensorrt_options(file: Path, *, graph: bool, fixed: bool) -> dict[str, str]:
    """Tell the range of sizes, and keep engines: a second process would else build them again."""
    options = {
        "trt_cuda_graph_enable": str(int(graph)),
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(user_cache_path("slimaffect") / "engines" / "onnxruntime"),
        "trt_timing_cache_enable": "1",
    }
    if not fixed:
        _, ports = load_onnxruntime(file, 1)
        for index, word in enumerate(("min", "opt", "max")):
            sizes = PROFILE.batch[index], PROFILE.time[index]
            options[f"trt_profile_{word}_shapes"] = shapes_option(ports, *sizes)
    return options


def _with_options(
    file: Path, runtime: OrtRuntime, *, graph: bool, fixed: bool
) -> list[str | tuple[str, dict[str, str]]]:
    """Name the providers; float32 is computed in float32, not in TF32, which would be some 1e-3 away."""
    told = {"CUDAExecutionProvider": {"use_tf32": "0", "enable_cuda_graph": str(int(graph))}}
    if runtime == "onnxruntime-tensorrt":
        told["TensorrtExecutionProvider"] = _tensorrt_options(file, graph=graph, fixed=fixed)
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
