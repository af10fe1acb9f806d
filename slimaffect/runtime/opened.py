"""A deserialised engine at work: sizes within its profile, memory laid out once, one queue of work."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from slimaffect.errors import BundleError
from slimaffect.runtime.building import Profile
from slimaffect.runtime.device import Device
from slimaffect.runtime.ports import Ports, ports_of
from slimaffect.runtime.ways import Buffers, Way, Ways, way_of


class OpenedEngine:
    """An engine whose hash and versions were found to fit, opened on a device."""

    def __init__(
        self, trt: Any, plan: bytes, device: Device, refit: bytes | None, logger: Any, compiled: Path | None = None
    ) -> None:
        """Deserialise; an engine whose weights were left out gets them from the ONNX file.

        `compiled` keeps what TensorRT-RTX compiles at the first run, up to half a minute, for the next process.

        Raises:
            ValueError: there is no engine: TensorRT answers None, without an exception, where it cannot run one.
        """
        self._trt, self._device, self._compiled, self._cache = trt, device, compiled, None
        self._runtime = trt.Runtime(logger)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise ValueError(f"{trt.__name__} {trt.__version__} opens no engine here: {_last_words(logger)}")
        if refit is not None:
            self._put_weights_back(refit, logger)
        shapes = {name: list(self._engine.get_tensor_shape(name)) for name in self._inputs()}
        self.ports: Ports = ports_of({name: [None if n < 0 else n for n in shape] for name, shape in shapes.items()})
        self._context = self._new_context()
        self._laid_out: dict[tuple[int, ...], tuple[Way, Ways]] = {}

    def infer(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Answer named inputs; outputs come in the order affect, h_out, c_out.

        Raises:
            BundleError: a size outside the profile that the engine was built for.
        """
        size = feed["frames"].shape
        self._refuse_outside(size)
        if size not in self._laid_out:
            way = way_of(feed)
            self._laid_out[size] = way, self._bound(self._context, (way,), states_stay=False)
        way, ways = self._laid_out[size]
        for name, values in feed.items():
            np.copyto(way.inputs[name], values, casting="no")
        ways.run[0]()
        return [values.copy() for values in way.outputs.values()]

    def bind(self, ways: tuple[Way, ...]) -> Ways:
        """Bind a stream's memory, in a context of its own: frames go up, affect comes down, states stay."""
        return self._bound(self._new_context(), ways, states_stay=True)

    def _bound(self, context: Any, ways: tuple[Way, ...], *, states_stay: bool) -> Ways:
        held: dict[int, int] = {}
        for way in ways:
            for values in (*way.inputs.values(), *way.outputs.values()):
                if id(values) not in held:
                    held[id(values)] = self._device.allocate(values.nbytes)
                    self._device.up(held[id(values)], values)

        def forget(buffers: Buffers) -> None:
            for values in buffers.values():
                self._device.up(held[id(values)], values)

        return Ways(tuple(self._way(context, way, held, states_stay=states_stay) for way in ways), forget)

    def _way(self, context: Any, way: Way, held: dict[int, int], *, states_stay: bool) -> Callable[[], object]:
        up = [values for name, values in way.inputs.items() if name == "frames" or not states_stay]
        down = [values for name, values in way.outputs.items() if name == "affect" or not states_stay]

        launch = self._launcher(context, way, held)
        if states_stay and self._trt.__name__ == "tensorrt":  # TensorRT-RTX records its graphs itself
            launch = self._recorded(launch, way, held)

        def run() -> None:
            for values in up:
                self._device.up(held[id(values)], values)
            launch()
            for values in down:
                self._device.down(values, held[id(values)])
            self._device.wait()
            self._keep_compiled()

        return run

    def _launcher(self, context: Any, way: Way, held: dict[int, int]) -> Callable[[], object]:
        def launch() -> None:
            for name, values in {**way.inputs, **way.outputs}.items():
                context.set_tensor_address(name, held[id(values)])
            for name, values in way.inputs.items():
                context.set_input_shape(name, tuple(values.shape))
            if not context.execute_async_v3(self._device.stream):
                raise ValueError("the engine refused to run")

        return launch

    def _recorded(self, launch: Callable[[], object], way: Way, held: dict[int, int]) -> Callable[[], object]:
        """Record a CUDA graph; a net that cannot be recorded is launched layer by layer."""
        launch()  # TensorRT wants one run before it is recorded; what it wrote is zeroed again
        self._device.wait()
        with contextlib.suppress(ValueError):
            launch = self._device.recorded(launch)
        for values in way.outputs.values():
            self._device.up(held[id(values)], values)
        return launch

    def _new_context(self) -> Any:
        if not hasattr(self._trt, "CudaGraphStrategy"):
            return self._engine.create_execution_context()
        settings = self._engine.create_runtime_config()
        settings.cuda_graph_strategy = self._trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        if self._compiled is not None:
            self._cache = settings.create_runtime_cache()
            if self._compiled.exists():
                self._cache.deserialize(self._compiled.read_bytes())
            settings.set_runtime_cache(self._cache)
        return self._engine.create_execution_context(settings)

    def _keep_compiled(self) -> None:
        """Write the runtime cache once, after a run has filled it; it is a help, so that a full disk is no error."""
        if self._cache is None or self._compiled is None:
            return
        with contextlib.suppress(OSError):
            self._compiled.write_bytes(bytes(self._cache.serialize()))
        self._cache = None

    def _inputs(self) -> list[str]:
        names = [self._engine.get_tensor_name(index) for index in range(self._engine.num_io_tensors)]
        return [name for name in names if self._engine.get_tensor_mode(name) == self._trt.TensorIOMode.INPUT]

    def _refuse_outside(self, size: tuple[int, ...]) -> None:
        shapes = zip(*self._engine.get_tensor_profile_shape("frames", 0), strict=True)
        batch, time, *_ = shapes  # smallest, tuned for, largest of each
        wrong = Profile(batch, time).refusal(*size[:2])
        if wrong:
            raise BundleError(
                f"The engine was not built for {wrong}. Read shorter clips or fewer at once, or build it "
                "for larger sizes: slim export BUNDLE --batch MIN,OPT,MAX --time MIN,OPT,MAX."
            )

    def _put_weights_back(self, onnx: bytes, logger: Any) -> None:
        refitter = self._trt.Refitter(self._engine, logger)
        parser = self._trt.OnnxParserRefitter(refitter, logger)
        if not parser.refit_from_bytes(onnx) or not refitter.refit_cuda_engine():
            raise ValueError(f"the weights do not go back into the engine: {_last_words(logger)}")


def _last_words(logger: Any) -> str:
    return " | ".join([words for _, words in logger.said][-2:]) or "no reason was given"
