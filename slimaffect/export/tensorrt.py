"""Engines from ONNX files: TensorRT-RTX ahead of time and without a GPU, full TensorRT on the GPU that will run it."""

import hashlib
import importlib
import importlib.util
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import onnx
from onnx import TensorProto

from slimaffect.callbacks import Watch
from slimaffect.errors import ExportError
from slimaffect.runtime import device
from slimaffect.runtime.building import RTX_NAMES, Builder, Options, Profile, build, logger_of

CAPABILITIES = ("8.6", "8.9", "12.0")  # RTX 30, 40 and 50 series, in one engine
PACKAGES = {"tensorrt_rtx": "tensorrt-rtx-cu13", "tensorrt": "slimaffect[tensorrt]"}


@dataclass(frozen=True)
class Engine:
    """An engine and where it comes from. It was built, not run: running it needs one of the GPUs it is for.

    Attributes:
        capabilities: compute capabilities it was built for.
        layers: number of layers by type and number format, as the parser typed them.
        stripped: its weights were left out; whoever opens it puts them back from the ONNX file.
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
    stripped: bool = False

    @property
    def log(self) -> Path:
        """What the builder said."""
        return self.file.with_suffix(".log")


def build_engine(
    source: Path,
    target: Path,
    *,
    builder: Builder = "tensorrt_rtx",
    capabilities: tuple[str, ...] = CAPABILITIES,
    profile: Profile | None = None,
    options: Options | None = None,
    watch: Watch | None = None,
) -> Engine:
    """Build an engine from an exported ONNX file and write it to `target`, its log and table of layers beside it.

    Full TensorRT tunes for the GPU in this machine and takes no capabilities.

    Raises:
        ExportError: the package is missing, the file or a capability is one the builder refuses, or the build fails.
    """
    start, profile, options = time.perf_counter(), profile or Profile(), options or Options()
    if not source.is_file():
        raise ExportError(f"{source}: there is no such file to build an engine of. Export the model first.")
    trt, content = _package(builder), source.read_bytes()
    wanted = capabilities if builder == "tensorrt_rtx" else ()
    refuse(onnx.load_from_string(content), source.name, builder, wanted)
    if options.strip_weights and device.capability() is None:
        raise ExportError(  # TensorRT-RTX 1.7: "Myelin ... CHECK(status == CUDA_SUCCESS) failed"
            f"Weights are left out of an engine only where there is a GPU: building {source.name} so asks for "
            "one, and this machine has none. Build it whole, or on the GPU."
        )
    found = wanted or _this_gpu(source.name)
    built = build(trt, content, source.name, capabilities=wanted, profile=profile, options=options, watch=watch)
    target.write_bytes(built.plan)
    target.with_suffix(".log").write_text("\n".join(built.log) + "\n", "utf-8")
    table = "\n".join("\t".join(row) for row in (("layer", "type", "format"), *built.layers))
    target.with_suffix(".layers.tsv").write_text(table + "\n", "utf-8")
    if (told := inspected(trt, built.plan)) is not None:
        target.with_suffix(".inspector.json").write_text(told, "utf-8")
    digests = [hashlib.sha256(data).hexdigest() for data in (built.plan, content)]
    return Engine(
        target, digests[0], digests[1], builder, trt.__version__, found, profile, built.counted(),
        time.perf_counter() - start, stripped=options.strip_weights,
    )  # fmt: skip


def inspected(trt: Any, plan: bytes) -> str | None:
    """Ask TensorRT's own inspector for the layers, tactics and formats that will run; None without a GPU."""
    if device.capability() is None:
        return None  # TensorRT would say the same, on standard error
    engine = trt.Runtime(logger_of(trt)).deserialize_cuda_engine(plan)
    if engine is None:
        return None
    return engine.create_engine_inspector().get_engine_information(trt.LayerInformationFormat.JSON)


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
    if computes_bfloat16(model):
        raise ExportError(f"{name} computes in bfloat16, whose convolutions TensorRT refuses. Export fp16 instead.")
    if "QuantizeLinear" in operators and {TensorProto.UINT8, TensorProto.INT32} & _rounded_types(model):
        raise ExportError(f"{name} is quantised for CPUs (u8, int32 bias): TensorRT refuses it. Give s8s8.")
    if "DynamicQuantizeLinear" in operators or "ConvInteger" in operators:
        raise ExportError(f"{name} is rounded while it runs, which is for CPUs: TensorRT refuses it. Give s8s8.")
    if "7.5" in capabilities and {"Gemm", "MatMul", "LSTM"} & operators and TensorProto.FLOAT in types:
        raise ExportError(
            f"{name} multiplies matrices in float32, which TensorRT-RTX cannot do on 7.5 (Turing). "
            f"Leave 7.5 out, or run the ONNX file there."
        )


def computes_bfloat16(model: onnx.ModelProto) -> bool:
    """Whether anything but a cast reads bfloat16 numbers: kept weights that are widened first are legal everywhere."""
    kept = {tensor.name for tensor in model.graph.initializer if tensor.data_type == TensorProto.BFLOAT16}
    return any(kept & set(node.input) for node in model.graph.node if node.op_type != "Cast")


def _rounded_types(model: onnx.ModelProto) -> set[int]:
    """Collect the types of zero points and rounded constants."""
    rounders = {"QuantizeLinear", "DequantizeLinear"}
    read = {name for node in model.graph.node if node.op_type in rounders for name in node.input}
    return {tensor.data_type for tensor in model.graph.initializer if tensor.name in read}


def _package(builder: Builder) -> Any:
    if importlib.util.find_spec(builder) is None:
        raise ExportError(f"Engines of {builder} need a package that is missing. Run: pip install {PACKAGES[builder]}")
    return importlib.import_module(builder)


def _this_gpu(name: str) -> tuple[str, ...]:
    found = device.capability()
    if found is None:
        raise ExportError(
            f"Full TensorRT tunes {name} on the GPU that will run it, and this machine has none. "
            "Run the command there, or build for RTX GPUs with --to rtx."
        )
    return (found,)
