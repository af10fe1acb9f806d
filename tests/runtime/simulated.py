"""What stands in for a GPU in tests: a TensorRT whose engines are ONNX files, and a device whose memory is the host's.

Everything that the runtime does with TensorRT is really done; only the arithmetic is ONNX Runtime's on the CPU.
"""

import ctypes
from types import ModuleType, SimpleNamespace

import numpy as np

from slimaffect.runtime.session import open_model

HEADER = b"simulated plan\n"


class HostDevice:
    """Memory of the host that is reached by address alone, as a device's is."""

    stream = 7
    capability = "8.9"

    def __init__(self):
        self.kept, self.waited, self.recordings = [], 0, 0

    def allocate(self, size):
        self.kept.append(ctypes.create_string_buffer(max(size, 1)))
        return ctypes.addressof(self.kept[-1])

    def up(self, address, values):
        ctypes.memmove(address, values.ctypes.data, values.nbytes)

    def down(self, values, address):
        ctypes.memmove(values.ctypes.data, address, values.nbytes)

    def wait(self):
        self.waited += 1

    def recorded(self, work):
        self.recordings += 1
        return work


class Context:
    """Answers by the ONNX file that the plan holds."""

    def __init__(self, session):
        self.session, self.addresses, self.shapes = session, {}, {}

    def set_tensor_address(self, name, address):
        self.addresses[name] = address

    def set_input_shape(self, name, shape):
        self.shapes[name] = shape

    def execute_async_v3(self, stream):
        assert stream == HostDevice.stream
        frames = self._read("frames", np.uint8)
        state = (self._read("h", np.float32), self._read("c", np.float32)) if "h" in self.shapes else None
        affect, after = self.session.clip(frames, state)
        answers = {"affect": affect, **dict(zip(("h_out", "c_out"), after or (), strict=False))}
        for name, values in answers.items():
            held = np.ascontiguousarray(values, np.float32)
            ctypes.memmove(self.addresses[name], held.ctypes.data, held.nbytes)
        return True

    def _read(self, name, kind):
        shape = self.shapes[name]
        held = np.empty(shape, kind)
        ctypes.memmove(held.ctypes.data, self.addresses[name], held.nbytes)
        return held


class Engine:
    """Tells the ports of a small model's clip graph, with batch and time free from 1 to 4 and 64."""

    def __init__(self, session, fixed):
        self.session, self.fixed = session, fixed
        self.names = ["frames", *("hc" if session.ports.layers else "")]
        self.num_io_tensors = len(self.names)

    def get_tensor_name(self, index):
        return self.names[index]

    def get_tensor_mode(self, _):
        return "input"

    def get_tensor_shape(self, name):
        batch, time = (1, 1) if self.fixed else (-1, -1)
        side, layers, hidden = self.session.ports
        return (batch, time, 3, side, side) if name == "frames" else (layers, batch, hidden)

    def get_tensor_profile_shape(self, _name, _profile):
        return ((1, 1), (1, 1), (1, 1)) if self.fixed else ((1, 1), (1, 16), (4, 64))

    def create_execution_context(self, settings=None):
        if settings is not None:
            assert settings.cuda_graph_strategy == "whole"
        return Context(self.session)

    def create_runtime_config(self):
        return Settings()


class Settings:
    """As TensorRT-RTX's IRuntimeConfig: its cache tells what it was given, and what it would keep."""

    given = b""

    def create_runtime_cache(self):
        return SimpleNamespace(deserialize=self.take, serialize=lambda: b"kernels of this GPU")

    def take(self, content):
        Settings.given = content

    def set_runtime_cache(self, cache):
        self.cache = cache


class Runtime:
    """Opens plans of the simulated TensorRT; answers None to anything else, as the real one does."""

    def __init__(self, logger):
        self.logger = logger

    def deserialize_cuda_engine(self, plan):
        if not plan.startswith(HEADER):
            self.logger.said.append((True, "the plan is not of this version"))
            return None
        file = plan.removeprefix(HEADER).decode()
        return Engine(open_model(file, runtime="onnxruntime"), fixed="stream" in file)


def tensorrt(version="11.5.0", name="tensorrt"):
    """The module, as far as opening needs it."""
    module = ModuleType(name)
    if name == "tensorrt_rtx":
        module.CudaGraphStrategy = SimpleNamespace(WHOLE_GRAPH_CAPTURE="whole")
    module.__version__, module.Runtime = version, Runtime
    levels = {"INTERNAL_ERROR": 0, "ERROR": 1, "WARNING": 2, "INFO": 3}
    module.ILogger = type("ILogger", (), levels | {"__init__": lambda _: None})
    module.TensorIOMode = SimpleNamespace(INPUT="input")
    return module
