"""One builder for full TensorRT (10.12 and later, 11) and TensorRT-RTX: an ONNX file to a plan of an engine.

Both are strongly typed: number formats stand in the graph, and nothing here chooses one.
"""

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from slimaffect.callbacks import Watch
from slimaffect.errors import ExportError

Builder = Literal["tensorrt_rtx", "tensorrt"]
RTX_NAMES = {c: "SM" + c.replace(".", "") for c in ("7.5", "8.0", "8.6", "8.9", "12.0", "12.1")}
OLDEST = {"tensorrt": (10, 12), "tensorrt_rtx": (1, 0)}  # older TensorRT does not know all that is asked of it here


@dataclass(frozen=True)
class Profile:
    """The sizes an engine accepts: smallest, the one it is tuned for, and largest."""

    batch: tuple[int, int, int] = (1, 1, 4)
    time: tuple[int, int, int] = (1, 16, 64)

    def shapes(self, name: str, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Fill the free axes of an input; states follow the batch, so that the three sizes agree.

        A stream graph has none: its sizes are its own.
        """
        if name == "frames":
            batches = self.batch if shape[0] < 0 else (shape[0],) * 3
            times = self.time if shape[1] < 0 else (shape[1],) * 3
            return [(b, t, *shape[2:]) for b, t in zip(batches, times, strict=True)]
        return [(shape[0], b, shape[2]) for b in (self.batch if shape[1] < 0 else (shape[1],) * 3)]

    def refusal(self, batch: int, time: int) -> str:
        """Say what is wrong with a size, with the range that is allowed; empty where nothing is."""
        wrong = [
            f"{what} {size} where {low} to {high} is allowed"
            for what, size, (low, _, high) in (("batch", batch, self.batch), ("time", time, self.time))
            if not low <= size <= high
        ]
        return " and ".join(wrong)


class EngineAsked(NamedTuple):
    """The engine that a recipe asks for."""

    profile: Profile = Profile()
    capabilities: tuple[str, ...] = ("8.6", "8.9", "12.0")

    def record(self) -> list[list[int] | list[str]]:
        """Write as JSON can hold it."""
        return [list(self.profile.batch), list(self.profile.time), list(self.capabilities)]

    @classmethod
    def read(cls, told: "list[Any]") -> "EngineAsked":
        """Read what `record` wrote."""
        batch, time, capabilities = (tuple(part) for part in told)
        return cls(Profile(batch, time), capabilities)


@dataclass(frozen=True)
class Options:
    """How an engine is built.

    Attributes:
        strip_weights: leave the weights out; they are put back from the ONNX file when the engine is opened.
        version_compatible: let later TensorRT versions run it too (full TensorRT), a little more slowly.
        timing_cache: a file of measured kernels that full TensorRT reads and adds to. TensorRT-RTX measures nothing
            when it builds, and asking for its cache would ask for a GPU.
    """

    strip_weights: bool = False
    version_compatible: bool = False
    timing_cache: Path | None = None


@dataclass
class Built:
    """A plan, what the parsed network holds, and what the builder said."""

    plan: bytes
    layers: list[tuple[str, str, str]]
    log: list[str] = field(default_factory=list)

    def counted(self) -> dict[str, int]:
        """Number of layers by type and format. Nothing without a GPU tells which kernels will really run."""
        counts = Counter(f"{kind} {number}".strip() for _, kind, number in self.layers)
        return dict(sorted(counts.items()))


def build(
    trt: Any,
    content: bytes,
    name: str,
    *,
    capabilities: Sequence[str] = (),
    profile: Profile,
    options: Options | None = None,
    watch: Watch | None = None,
) -> Built:
    """Build the plan of an engine from the bytes of an ONNX file.

    Args:
        trt: the module `tensorrt` or `tensorrt_rtx`.
        content: the ONNX file.
        name: what to call it in messages.
        capabilities: compute capabilities (TensorRT-RTX); empty: the GPU of this machine.
        profile: sizes.
        options: what else is asked for.
        watch: is told the builder's phases.

    Raises:
        ExportError: too old a TensorRT, a file it cannot read, or a build that failed, in the builder's own words.
    """
    _refuse_old(trt)
    logger, options = logger_of(trt), options or Options()
    logger.said.clear()
    builder = trt.Builder(logger)
    # strongly typed: the graph alone decides on number formats; TensorRT 10 needs the flag, 11 ignores it
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(content):
        errors = [parser.get_error(index) for index in range(parser.num_errors)]
        faults = [f"{error.node_operator()} {error.node_name()}: {error.desc()}" for error in errors]
        raise ExportError(f"{trt.__name__} {trt.__version__} cannot read {name}: {_first_lines(faults)}")
    config = configured(trt, builder, network, capabilities, profile, options)
    if watch is not None:
        config.progress_monitor = _monitor(trt, watch)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        faults = [words for grave, words in logger.said if grave]
        raise ExportError(f"{trt.__name__} {trt.__version__} built no engine of {name}: {_first_lines(faults)}")
    if options.timing_cache and trt.__name__ == "tensorrt":
        options.timing_cache.write_bytes(bytes(config.get_timing_cache().serialize()))
    return Built(bytes(plan), _layers(network), [words for _, words in logger.said])


def configured(
    trt: Any, builder: Any, network: Any, capabilities: Sequence[str], profile: Profile, options: Options
) -> Any:
    """Write sizes, targets and options into a builder configuration."""
    config, sizes = builder.create_builder_config(), builder.create_optimization_profile()
    for index in range(network.num_inputs):
        port = network.get_input(index)
        sizes.set_shape(port.name, *profile.shapes(port.name, tuple(port.shape)))
    config.add_optimization_profile(sizes)
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # so that an inspector can tell formats of layers
    if options.strip_weights:
        config.set_flag(trt.BuilderFlag.STRIP_PLAN)
    if options.version_compatible:
        config.set_flag(trt.BuilderFlag.VERSION_COMPATIBLE)
    if options.timing_cache and trt.__name__ == "tensorrt":
        known = options.timing_cache.read_bytes() if options.timing_cache.exists() else b""
        config.set_timing_cache(config.create_timing_cache(known), ignore_mismatch=False)
    if capabilities:
        config.num_compute_capabilities = len(capabilities)
    for index, capability in enumerate(capabilities):
        config.set_compute_capability(getattr(trt.ComputeCapability, RTX_NAMES[capability]), index)
    return config


def _refuse_old(trt: Any) -> None:
    version = tuple(int(part) for part in trt.__version__.split(".")[:2])
    oldest = OLDEST[trt.__name__]
    if version < oldest:
        raise ExportError(
            f"{trt.__name__} {trt.__version__} is too old: engines need {'.'.join(map(str, oldest))} or later, "
            "which types networks strongly. Upgrade it."
        )


def _layers(network: Any) -> list[tuple[str, str, str]]:
    """Tell each layer's name, type, and the number format of its first output; a loop's trip limit has none."""
    told = []
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        output = layer.get_output(0) if layer.num_outputs else None
        told.append((layer.name, layer.type.name.lower(), "" if output is None else output.dtype.name.lower()))
    return told


@functools.cache
def logger_of(trt: Any) -> Any:
    """Make the one logger of this process: TensorRT keeps the first it is given and ignores all others."""

    class Said(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.said: list[tuple[bool, str]] = []

        def log(self, severity: Any, message: str) -> None:
            grave = severity in {trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR}
            if grave or severity in {trt.ILogger.WARNING, trt.ILogger.INFO}:
                self.said.append((grave, message))

    return Said()


def _monitor(trt: Any, watch: Watch) -> Any:
    """Tell each phase of a build as it goes."""

    class Told(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            del parent_phase
            self.steps[phase_name] = num_steps

        def step_complete(self, phase_name: str, step: int) -> bool:
            watch(phase_name, step + 1, self.steps[phase_name])
            return True

        def phase_finish(self, phase_name: str) -> None:
            watch(phase_name, self.steps[phase_name], self.steps[phase_name])

    return Told()


def _first_lines(faults: list[str]) -> str:
    """Join the first two faults; the rest follow from them."""
    return " | ".join(" ".join(fault.split())[:300] for fault in faults[:2]) or "no reason was given"
