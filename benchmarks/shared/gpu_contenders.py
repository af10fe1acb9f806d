"""The contenders of `gpu_engines.py`: torch in its ways of running, ONNX Runtime and TensorRT, behind one call.

Every contender takes uint8 frames from the host's memory and gives affect back to it, copies included; states stay on
the device. Nothing here needs more than numpy, torch and what a contender itself names.
"""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Read = Callable[[np.ndarray], np.ndarray]
"""uint8 frames [batch, time, 3, height, width] -> affect [batch, time, 2]; as a stream the state is carried on."""
CUDA, CPU, TENSORRT = "CUDAExecutionProvider", "CPUExecutionProvider", "TensorrtExecutionProvider"


class AbsentError(Exception):
    """A contender that cannot run here, and why."""


@dataclass(frozen=True)
class Task:
    """What is asked of every contender: sizes, and whether the state is carried from call to call."""

    name: str
    batch: int
    time: int
    carries: bool = False


@dataclass(frozen=True)
class Model:
    """One float32 pair of files with all that a contender may want to know of it."""

    name: str
    clip: Path
    stream: Path | None
    side: int
    layers: int
    hidden: int

    def file(self, task: Task) -> Path:
        """The graph for the task: the stream graph for single frames where there is one."""
        return self.stream if task.carries and self.stream else self.clip

    def state(self, batch: int) -> dict[str, np.ndarray]:
        """States before the first frame; nothing for a net without LSTM."""
        shape = (self.layers, batch, self.hidden)
        return {name: np.zeros(shape, np.float32) for name in "hc"} if self.layers else {}


def described(name: str, clip: Path, stream: Path | None) -> Model:
    """Read the sizes from the file's inputs."""
    session = ort_session(clip, [CPU])[0]
    shapes = {port.name: port.shape for port in session.get_inputs()}
    layers, _, hidden = shapes.get("h", [0, 0, 0])
    return Model(name, clip, stream, shapes["frames"][-1], layers, hidden)


# ---------------------------------------------------------------------------------------------------- torch


def torch_net(model: Model) -> Any:
    """Rebuild the net of an exported float32 file: its spec stands in the file, its weights are the file's."""
    import onnx
    import torch
    from onnx.numpy_helper import to_array

    net_of, spec_of = (importlib.import_module(f"slimaffect.model.{part}") for part in ("net", "spec"))
    proto = onnx.load(model.clip)
    labels = {entry.key: entry.value for entry in proto.metadata_props}
    net = net_of.AffectNet(spec_of.ModelSpec.model_validate_json(labels["slimaffect.spec"])).eval()
    given = {tensor.name: torch.from_numpy(to_array(tensor).copy()) for tensor in proto.graph.initializer}
    with torch.no_grad():
        scaled = not any(node.op_type == "Div" for node in proto.graph.node)  # the file divides by 255 in its weights
        _take_convolutions(net.cnn, proto, given, 255.0 if scaled else 1.0)
        net.bottleneck.weight.copy_(given["encoder.bottleneck.weight"])
        net.bottleneck.bias.copy_(given["encoder.bottleneck.bias"])
        head = [node.input[1] for node in proto.graph.node if node.op_type == "MatMul"][-1]
        net.head.weight.copy_(given[head].T)
        net.head.bias.copy_(given["reader.head.bias"])
        for layer in range(model.layers):
            _take_lstm(net.lstm, layer, given)
    return net


def _take_convolutions(cnn: Any, proto: Any, given: dict[str, Any], first: float) -> None:
    """Copy the convolutions, into which the exporter folded the batch norms; those become the identity."""
    import torch

    nodes = {node.input[1]: node for node in proto.graph.node if node.op_type == "Conv"}
    places = {module: (parent, name) for parent in cnn.modules() for name, module in parent.named_children()}
    convolutions = [(name, part) for name, part in cnn.named_modules() if isinstance(part, torch.nn.Conv2d)]
    for name, part in convolutions:
        node = nodes[f"encoder.cnn.{name}.weight"]
        part.weight.copy_(given[node.input[1]] * first)
        part.bias = torch.nn.Parameter(given[node.input[2]]) if len(node.input) > 2 else None
        first = 1.0
    for part in [part for part in cnn.modules() if isinstance(part, torch.nn.BatchNorm2d)]:
        parent, name = places[part]
        setattr(parent, name, torch.nn.Identity())


def _take_lstm(lstm: Any, layer: int, given: dict[str, Any]) -> None:
    """Copy a layer, from ONNX's order of gates (input, output, forget, cell) to torch's."""
    import torch

    w, r, b = (given[f"reader.lstm.{part}{layer}"][0] for part in "wrb")
    parts = {"weight_ih": w, "weight_hh": r, "bias_ih": b[: len(b) // 2], "bias_hh": b[len(b) // 2 :]}
    for name, values in parts.items():
        i, o, f, g = values.chunk(4)
        getattr(lstm, f"{name}_l{layer}").copy_(torch.cat([i, f, g, o]))


class TorchReader:
    """The net on a device in a number format: eager, compiled, or recorded once as a CUDA graph."""

    def __init__(self, net: Any, model: Model, task: Task, device: str, number: Any, how: str) -> None:
        import copy

        import torch

        self.task, self.number, self.device = task, number, torch.device(device)
        self.net = copy.deepcopy(net).to(self.device, number)
        if self.net.lstm is not None:
            self.net.lstm.flatten_parameters()
        shape = (task.batch, task.time, 3, model.side, model.side)
        pinned = self.device.type == "cuda"
        self.host = torch.zeros(shape, dtype=torch.uint8, pin_memory=pinned)
        self.frames = torch.zeros(shape, dtype=torch.uint8, device=self.device)
        self.rest = tuple(torch.from_numpy(part).to(self.device, number) for part in model.state(task.batch).values())
        self.state = tuple(part.clone() for part in self.rest)
        self.body = torch.compile(self._body, dynamic=False) if how == "compile" else self._body
        self.graph = self._recorded() if how == "CUDA graph" else None

    def _body(self, frames: Any, state: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        answer = self.net(frames.to(self.number) / 255, state or None)
        return answer.affect.float(), tuple(answer.state or ())

    def _recorded(self) -> Any:
        """Record one call; the state is written back where it was read, so a replay goes on from it."""
        import torch

        side_stream = torch.cuda.Stream()
        side_stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side_stream):  # pyright: ignore[reportArgumentType]
            for _ in range(3):
                self._body(self.frames, self.state)
        torch.cuda.current_stream().wait_stream(side_stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.affect, after = self._body(self.frames, self.state)
            for kept, new in zip(self.state, after if self.task.carries else (), strict=False):
                kept.copy_(new)
        return graph

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Copy in, compute, copy out; the copy out waits for all of it."""
        import torch

        with torch.inference_mode() if self.graph is None else torch.no_grad():
            self.host.copy_(torch.from_numpy(frames))
            self.frames.copy_(self.host, non_blocking=True)
            if self.graph is not None:
                self.graph.replay()
                return self.affect.cpu().numpy()
            affect, after = self.body(self.frames, self.state)
            if self.task.carries:
                self.state = after
            return affect.cpu().numpy()


def torch_contender(net: Any, model: Model, task: Task, device: str, number: str, how: str) -> Read:
    """Open torch in one of its ways.

    Raises:
        AbsentError: a CUDA graph is asked for without CUDA.
    """
    import torch

    if how == "CUDA graph" and device == "cpu":
        raise AbsentError("CUDA graphs need a CUDA device")
    with torch.no_grad():
        return TorchReader(net, model, task, device, getattr(torch, number), how)


# ---------------------------------------------------------------------------------------------- ONNX Runtime


def ort_session(file: Path, providers: list[Any], sizes: dict[str, int] | None = None) -> tuple[Any, dict[str, int]]:
    """Open a file; what comes with it counts the nodes of each provider, because a fallback is silent.

    With `sizes` for its free axes all that computes shapes is folded away, which a CUDA graph needs.
    """
    import onnxruntime

    if hasattr(onnxruntime, "preload_dlls") and providers[0] != CPU:
        onnxruntime.preload_dlls()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    for axis, size in (sizes or {}).items():
        options.add_free_dimension_override_by_name(axis, size)
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    session = onnxruntime.InferenceSession(str(file), options, providers=providers)
    wanted = providers[0] if isinstance(providers[0], str) else providers[0][0]
    if session.get_providers()[0] != wanted:
        raise AbsentError(f"{wanted} could not be loaded; ONNX Runtime offered {', '.join(session.get_providers())}")
    counts: dict[str, int] = {}
    if hasattr(session, "get_provider_graph_assignment_info"):
        for part in session.get_provider_graph_assignment_info():
            counts[part.ep_name] = counts.get(part.ep_name, 0) + len(part.get_nodes())
    return session, counts


class OrtReader:
    """A file in ONNX Runtime with inputs and outputs bound to the device; states go to and fro between two places."""

    def __init__(self, file: Path, model: Model, task: Task, providers: list[Any], device: str, *, graph: bool) -> None:
        import onnxruntime
        from onnxruntime import OrtValue

        self.session, self.nodes = ort_session(file, providers, {"batch": task.batch, "time": task.time})
        self.frames = OrtValue.ortvalue_from_numpy(
            np.zeros((task.batch, task.time, 3, model.side, model.side), np.uint8), device, 0
        )
        self.affect = OrtValue.ortvalue_from_numpy(np.zeros((task.batch, task.time, 2), np.float32), device, 0)
        states = [model.state(task.batch) for _ in range(2)]
        places = [{n: OrtValue.ortvalue_from_numpy(v, device, 0) for n, v in state.items()} for state in states]
        ways = [(places[0], places[1]), (places[1], places[0])] if task.carries else [(places[0], places[1])]
        self.ways = []
        for number, (here, there) in enumerate(ways, start=1):
            options = onnxruntime.RunOptions()  # pyright: ignore[reportAttributeAccessIssue]
            if graph:
                options.add_run_config_entry("gpu_graph_id", str(number))
            self.ways.append((self._bound(here, there), options))
        self.count = 0

    def _bound(self, here: dict[str, Any], there: dict[str, Any]) -> Any:
        binding = self.session.io_binding()
        for name, value in {"frames": self.frames, **here}.items():
            binding.bind_ortvalue_input(name, value)
        for name, value in {"affect": self.affect, **{f"{name}_out": part for name, part in there.items()}}.items():
            binding.bind_ortvalue_output(name, value)
        return binding

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Copy in, compute, copy out."""
        self.frames.update_inplace(frames)
        binding, options = self.ways[self.count % len(self.ways)]
        self.session.run_with_iobinding(binding, options)
        self.count += 1
        return self.affect.numpy()


def ort_contender(file: Path, model: Model, task: Task, provider: str, *, graph: bool = False, tf32: bool) -> OrtReader:
    """Open a file with a provider, its memory bound.

    Raises:
        AbsentError: the provider did not load, or nodes that compute fell back to the CPU.
    """
    if provider == CPU:
        return OrtReader(file, model, task, [CPU], "cpu", graph=False)
    options: dict[str, str] = {}
    if provider == CUDA:
        options = {"use_tf32": str(int(tf32)), "enable_cuda_graph": str(int(graph))}
        options["cudnn_conv_algo_search"] = "HEURISTIC"  # a search of seconds for each size is not part of this
    try:
        return OrtReader(file, model, task, [(provider, options), CPU], "cuda", graph=graph)
    except AbsentError:
        raise
    except Exception as fault:
        raise AbsentError(f"{provider}: {str(fault).strip().splitlines()[-1][:300]}") from fault


def ort_by_hand(file: Path, model: Model, task: Task, provider: str) -> Read:
    """Feed arrays and take arrays, as the runtime's first example does; states come back to the host."""
    session, _ = ort_session(file, [provider] if provider == CPU else [(provider, {"use_tf32": "0"}), CPU])
    state: dict[str, np.ndarray] = model.state(task.batch)

    def read(frames: np.ndarray) -> np.ndarray:
        affect, *after = session.run(None, {"frames": frames, **state})
        if task.carries:
            state.update(zip("hc", after, strict=False))
        return affect

    return read


# -------------------------------------------------------------------------------------------------- TensorRT


class TensorRtReader:
    """An engine of full TensorRT, built here and now for one set of sizes, its memory held by torch."""

    def __init__(self, file: Path, model: Model, task: Task, trt: Any) -> None:
        import torch

        logger = trt.Logger(trt.Logger.ERROR)
        builder = trt.Builder(logger)
        network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
        parser = trt.OnnxParser(network, logger)
        if not parser.parse(file.read_bytes()):
            raise AbsentError(f"TensorRT {trt.__version__} cannot read {file.name}: {parser.get_error(0).desc()[:200]}")
        config, profile = builder.create_builder_config(), builder.create_optimization_profile()
        state = model.state(task.batch)
        feed = {"frames": np.zeros((task.batch, task.time, 3, model.side, model.side), np.uint8), **state}
        for name, values in feed.items():
            profile.set_shape(name, *[values.shape] * 3)
        config.add_optimization_profile(profile)
        plan = builder.build_serialized_network(network, config)
        if plan is None:
            raise AbsentError(f"TensorRT {trt.__version__} built no engine of {file.name}")
        self.engine = trt.Runtime(logger).deserialize_cuda_engine(plan)
        self.context, self.task = self.engine.create_execution_context(), task
        self.inputs = {name: torch.from_numpy(values).cuda() for name, values in feed.items()}
        self.affect = torch.zeros((task.batch, task.time, 2), device="cuda")
        self.after = {name: torch.zeros_like(self.inputs[name]) for name in state}
        for name, tensor in self.inputs.items():
            self.context.set_input_shape(name, tuple(tensor.shape))
        outputs = {"affect": self.affect, **{f"{name}_out": part for name, part in self.after.items()}}
        for name, tensor in {**self.inputs, **outputs}.items():
            self.context.set_tensor_address(name, tensor.data_ptr())
        self.stream = torch.cuda.Stream()

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Copy in, compute, carry the state, copy out."""
        import torch

        with torch.cuda.stream(self.stream):  # pyright: ignore[reportArgumentType]
            self.inputs["frames"].copy_(torch.from_numpy(frames))
            self.context.execute_async_v3(self.stream.cuda_stream)
            if self.task.carries:
                for name, part in self.after.items():
                    self.inputs[name].copy_(part)
            return self.affect.cpu().numpy()


def tensorrt_contender(file: Path, model: Model, task: Task) -> Read:
    """Build and open an engine of full TensorRT.

    Raises:
        AbsentError: the package is missing, or refuses the file.
    """
    if importlib.util.find_spec("tensorrt") is None:
        raise AbsentError("tensorrt is not installed")
    return TensorRtReader(file, model, task, importlib.import_module("tensorrt"))
