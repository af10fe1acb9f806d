"""Engines from ONNX files: TensorRT-RTX ahead of time and without a GPU, full TensorRT on the GPU that will run it."""

import functools
import hashlib
import importlib
import importlib.util
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import onnx
from onnx import TensorProto

from slimaffect.errors import ExportError

Builder = Literal["tensorrt_rtx", "tensorrt"]
CAPABILITIES = ("8.6", "8.9", "12.0")  # RTX 30, 40 and 50 series, in one engine
RTX_NAMES = {c: "SM" + c.replace(".", "") for c in ("7.5", "8.0", "8.6", "8.9", "12.0", "12.1")}
PACKAGES = {"tensorrt_rtx": "tensorrt-rtx-cu13", "tensorrt": "slimaffect[tensorrt]"}


@dataclass(frozen=True)
class Profile:
    """The sizes an engine accepts: smallest, the one it is tuned for, and largest."""

    batch: tuple[int, int, int] = (1, 1, 4)
    time: tuple[int, int, int] = (1, 16, 64)

    def shapes(self, name: str, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Fill the free axes of an input; states follow the batch, so that the three sizes agree."""
        if name == "frames":
            return [(b, t, *shape[2:]) for b, t in zip(self.batch, self.time, strict=True)]
        return [(shape[0], b, shape[2]) for b in self.batch]


@dataclass(frozen=True)
class Engine:
    """An engine and where it comes from. It was built, not run: running it needs one of the GPUs it is for.

    Attributes:
        capabilities: compute capabilities it was built for; empty: the GPU of the machine that built it.
        layers: number of layers by type and number format, as the parser typed them.
    """

    file: Path
    sha256: str
    onnx_sha256: str
    builder: str
    version: str
    capabilities: tuple[str, ...]
    profile: Profile
    layers: dict[str, int]
    seconds: float
    state: Literal["built, not run"] = "built, not run"


def build_engine(
    source: Path,
    target: Path,
    *,
    builder: Builder = "tensorrt_rtx",
    capabilities: tuple[str, ...] = CAPABILITIES,
    profile: Profile | None = None,
) -> Engine:
    """Build an engine from an exported ONNX file and write it to `target`.

    Full TensorRT tunes for the GPU in this machine and takes no capabilities.

    Raises:
        ExportError: the package is missing, the file or a capability is one the builder refuses, or the build fails.
    """
    start, profile = time.perf_counter(), profile or Profile()
    if not source.is_file():
        raise ExportError(f"{source}: there is no such file to build an engine of. Export the model first.")
    trt, content = _package(builder), source.read_bytes()
    wanted = capabilities if builder == "tensorrt_rtx" else ()
    refuse(onnx.load_from_string(content), source.name, builder, wanted)
    plan, layers = _built(trt, content, source.name, wanted, profile)
    target.write_bytes(plan)
    digests = [hashlib.sha256(data).hexdigest() for data in (plan, content)]
    seconds = time.perf_counter() - start
    return Engine(target, digests[0], digests[1], builder, trt.__version__, wanted, profile, layers, seconds)


def refuse(model: onnx.ModelProto, name: str, builder: Builder, capabilities: tuple[str, ...]) -> None:
    """Say what a builder would refuse, in words that lead on, before its parser says it in its own.

    Raises:
        ExportError: with the reason and the way out.
    """
    if builder == "tensorrt_rtx" and not capabilities:
        raise ExportError(f"TensorRT-RTX needs a compute capability to build for. Choose from {', '.join(RTX_NAMES)}.")
    for capability in capabilities:
        if capability not in RTX_NAMES:
            raise ExportError(
                f"TensorRT-RTX builds for {', '.join(RTX_NAMES)}, not for {capability}. Data-centre GPUs "
                "(9.0: H100, H200; 10.0: B200) need full TensorRT, on that machine: pip install slimaffect[tensorrt]"
            )
    types, operators = {t.data_type for t in model.graph.initializer}, {n.op_type for n in model.graph.node}
    if TensorProto.BFLOAT16 in types:
        raise ExportError(f"{name} holds bfloat16 weights, whose convolutions TensorRT refuses. Export fp16 instead.")
    if "QuantizeLinear" in operators and {TensorProto.UINT8, TensorProto.INT32} & _rounded_types(model):
        raise ExportError(f"{name} is quantised for CPUs (u8, int32 bias): TensorRT refuses it. Give s8s8.")
    if "7.5" in capabilities and {"Gemm", "MatMul", "LSTM"} & operators and TensorProto.FLOAT in types:
        raise ExportError(
            f"{name} multiplies matrices in float32, which TensorRT-RTX cannot do on 7.5 (Turing). "
            f"Leave 7.5 out, or run the ONNX file there."
        )


def _rounded_types(model: onnx.ModelProto) -> set[int]:
    """Collect the types of zero points and rounded constants."""
    rounders = {"QuantizeLinear", "DequantizeLinear"}
    read = {name for node in model.graph.node if node.op_type in rounders for name in node.input}
    return {tensor.data_type for tensor in model.graph.initializer if tensor.name in read}


def _package(builder: Builder) -> Any:
    if importlib.util.find_spec(builder) is None:
        raise ExportError(f"Engines of {builder} need a package that is missing. Run: pip install {PACKAGES[builder]}")
    return importlib.import_module(builder)


def _built(
    trt: Any, content: bytes, name: str, capabilities: tuple[str, ...], profile: Profile
) -> tuple[bytes, dict[str, int]]:
    logger = _logger(trt)
    logger.heard.clear()
    builder = trt.Builder(logger)
    # strongly typed: the graph alone decides on number formats; TensorRT 10 needs the flag, 11 ignores it
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(content):
        errors = [parser.get_error(index) for index in range(parser.num_errors)]
        faults = [f"{error.node_operator()} {error.node_name()}: {error.desc()}" for error in errors]
        raise ExportError(f"{trt.__name__} {trt.__version__} cannot read {name}: {_first_lines(faults)}")
    plan = builder.build_serialized_network(network, _config(trt, builder, network, capabilities, profile))
    if plan is None:
        raise ExportError(f"{trt.__name__} {trt.__version__} built no engine of {name}: {_first_lines(logger.heard)}")
    return bytes(plan), _layers(network)


def _config(trt: Any, builder: Any, network: Any, capabilities: tuple[str, ...], profile: Profile) -> Any:
    config, sizes = builder.create_builder_config(), builder.create_optimization_profile()
    for index in range(network.num_inputs):
        port = network.get_input(index)
        sizes.set_shape(port.name, *profile.shapes(port.name, tuple(port.shape)))
    config.add_optimization_profile(sizes)
    if capabilities:
        config.num_compute_capabilities = len(capabilities)
    for index, capability in enumerate(capabilities):
        config.set_compute_capability(getattr(trt.ComputeCapability, RTX_NAMES[capability]), index)
    return config


def _layers(network: Any) -> dict[str, int]:
    """Count layers by type and format. Nothing without a GPU tells which kernels will really run."""
    counted: Counter[str] = Counter()
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        output = layer.get_output(0) if layer.num_outputs else None  # a loop's trip limit has none
        number = "" if output is None else f" {output.dtype.name.lower()}"
        counted[f"{layer.type.name.lower()}{number}"] += 1
    return dict(sorted(counted.items()))


@functools.cache
def _logger(trt: Any) -> Any:
    """Make the one logger of this process: TensorRT keeps the first it is given and ignores all others."""

    class Heard(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.heard: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in {trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR}:
                self.heard.append(message)

    return Heard()


def _first_lines(faults: list[str]) -> str:
    """Join the first two faults; the rest follow from them."""
    return " | ".join(" ".join(fault.split())[:300] for fault in faults[:2]) or "no reason was given"
