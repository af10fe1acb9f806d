"""The little that is needed of a CUDA device: memory, copies, one stream. By ctypes, so that no torch is."""

import ctypes
import ctypes.util
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

UP, DOWN = 1, 2  # cudaMemcpyHostToDevice and back
RELAXED = 2  # cudaStreamCaptureModeRelaxed
MAJOR, MINOR = 75, 76  # cudaDevAttrComputeCapabilityMajor and Minor


@runtime_checkable
class Device(Protocol):
    """Memory beside the host's, and one queue of work; what CUDA is, and what stands in for it in a test."""

    stream: int

    def allocate(self, size: int) -> int:
        """Take `size` bytes, zeroed; answers their address."""
        ...

    def up(self, address: int, values: np.ndarray) -> None:
        """Queue a copy of an array to an address."""
        ...

    def down(self, values: np.ndarray, address: int) -> None:
        """Queue a copy from an address into an array."""
        ...

    def wait(self) -> None:
        """Wait for all that was queued."""
        ...

    def recorded(self, work: Callable[[], object]) -> Callable[[], object]:
        """Record what queues work on the stream, and answer what queues all of it at once."""
        ...


class CudaDevice:
    """The first CUDA device, through CUDA's own runtime library. Its memory is given back with the process."""

    def __init__(self) -> None:
        """Make a stream.

        Raises:
            ValueError: there is no CUDA library, or no device.
        """
        self._cuda = _library()
        handle = ctypes.c_void_p()
        self._do("cudaStreamCreate", ctypes.byref(handle))
        self.stream = int(handle.value or 0)

    def allocate(self, size: int) -> int:
        """Take `size` bytes, zeroed; answers their address."""
        address = ctypes.c_void_p()
        self._do("cudaMalloc", ctypes.byref(address), ctypes.c_size_t(size))
        self._do("cudaMemset", address, 0, ctypes.c_size_t(size))
        return int(address.value or 0)

    def up(self, address: int, values: np.ndarray) -> None:
        """Queue a copy of an array to an address."""
        self._copy(address, values.ctypes.data, values.nbytes, UP)

    def down(self, values: np.ndarray, address: int) -> None:
        """Queue a copy from an address into an array."""
        self._copy(values.ctypes.data, address, values.nbytes, DOWN)

    def wait(self) -> None:
        """Wait for all that was queued."""
        self._do("cudaStreamSynchronize", ctypes.c_void_p(self.stream))

    def recorded(self, work: Callable[[], object]) -> Callable[[], object]:
        """Record a CUDA graph: a small net's many launches then cost one."""
        stream, graph, ready = ctypes.c_void_p(self.stream), ctypes.c_void_p(), ctypes.c_void_p()
        self._do("cudaStreamBeginCapture", stream, RELAXED)
        try:
            work()
        finally:
            self._do("cudaStreamEndCapture", stream, ctypes.byref(graph))
        self._do("cudaGraphInstantiate", ctypes.byref(ready), graph, ctypes.c_ulonglong(0))
        return lambda: self._do("cudaGraphLaunch", ready, stream)

    def _copy(self, target: int, source: int, size: int, way: int) -> None:
        there, here = ctypes.c_void_p(target), ctypes.c_void_p(source)
        self._do("cudaMemcpyAsync", there, here, ctypes.c_size_t(size), way, ctypes.c_void_p(self.stream))

    def _do(self, name: str, *given: Any) -> None:
        if fault := getattr(self._cuda, name)(*given):
            raise ValueError(f"{name} failed with CUDA error {fault}")


def capability() -> str | None:
    """Compute capability of the first CUDA device, e.g. `8.9`; None where there is no device.

    >>> capability() is None or "." in capability()
    True
    """
    try:
        cuda = _library()
    except ValueError:
        return None
    parts = []
    for attribute in (MAJOR, MINOR):
        found = ctypes.c_int()
        if cuda.cudaDeviceGetAttribute(ctypes.byref(found), attribute, 0):
            return None
        parts.append(found.value)
    return "{}.{}".format(*parts)


@functools.cache
def _library() -> Any:
    """Load CUDA's runtime library: the system's, or one that pip put beside this package.

    Raises:
        ValueError: there is none.
    """
    names = [name for name in (ctypes.util.find_library("cudart"),) if name]
    for folder in map(Path, sys.path):
        names += [str(file) for file in sorted(folder.glob("nvidia/*/lib/libcudart.so.1[23]*"))]
    for name in [*names, "libcudart.so.13", "libcudart.so.12"]:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise ValueError("CUDA's runtime library is missing: install a driver, and pip install nvidia-cuda-runtime")
