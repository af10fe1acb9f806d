"""The energy counter of NVIDIA GPUs, and what must be known about it before its joules are believed."""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from slimaffect.meter.counter import Provenance, Scope

PART_TIME = ("A100", "A800", "H100", "H200", "H800", "H20", "GH200")
"""GPUs whose power sensor looks at about 25 of each 100 ms (A100 and H100 PCIe: Yang et al., SC24,
https://arxiv.org/abs/2312.02741; the others are of the same families and taken to be alike)."""


class NoGpu(Exception):  # noqa: N818  no error of the user's: the reason why a back-end is not there
    """There is no GPU to read, why, and what would cure it."""

    def __init__(self, why: str, cure: str) -> None:
        super().__init__(why)
        self.why, self.cure = why, cure


class Nvml:
    """The energy counter of one NVIDIA GPU (Volta and later), in millijoules since its driver was loaded."""

    source = "nvml"
    provenance: Provenance = "measured"
    update_s = 0.1  # until it is measured: 20 ms on Volta, 100 ms on most
    rel_sys = 0.05  # of 70 GPUs against a meter most were 2 to 6 % low (Yang et al.)

    def __init__(self, index: int | str = 0, *, nvml: Any = None) -> None:
        """Open a GPU by NVML's number (the PCI order, which need not be CUDA's) or by UUID.

        Raises:
            pynvml.NVMLError: there is no driver, no such GPU, or no counter on it.
        """
        self._nvml = nvml if nvml is not None else _pynvml()
        self._nvml.nvmlInit()
        handle, sliced = _handle(self._nvml, index)
        self._handle = handle
        self.index: int = self._nvml.nvmlDeviceGetIndex(handle)
        self.domain = f"gpu:{self.index}"
        self.name = _text(self._nvml.nvmlDeviceGetName(handle))
        sliced = sliced or _mig(self._nvml, handle)
        self.scope: Scope = "whole_gpu" if sliced else "device"
        part_time = not set(PART_TIME).isdisjoint(re.split(r"[\s-]", self.name))
        self.flags: tuple[str, ...] = ("mig_whole_gpu",) * sliced + ("part_time_sensor",) * part_time
        self.read_j()

    def read_j(self) -> float:
        """Joules of the whole GPU, whoever uses it."""
        return self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle) / 1e3

    def power_w(self) -> float:
        """Watts: the mean of the last second on Ampere and later (but GA100), the instant before."""
        return self._nvml.nvmlDeviceGetPowerUsage(self._handle) / 1e3

    def users(self) -> int | None:
        """Count the processes that compute on this GPU; inside a container their numbers are the host's."""
        with suppress(self._nvml.NVMLError):
            return len(self._nvml.nvmlDeviceGetComputeRunningProcesses(self._handle))
        return None

    def facts(self) -> dict[str, Any]:
        """What the record says of the GPU: name, driver, power limit, clocks, temperature, why it is throttled."""
        nvml, handle = self._nvml, self._handle
        asked = {
            "gpu": lambda: self.name,
            "driver": lambda: _text(nvml.nvmlSystemGetDriverVersion()),
            "power_limit_w": lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1e3,
            "clock_mhz": lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM),
            "memory_clock_mhz": lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM),
            "temp_c": lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU),
            "throttle_reasons": lambda: nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle),
            "compute_processes": self.users,
        }
        return {name: _or_none(nvml, ask) for name, ask in asked.items()}


def nvml_counters(environ: Mapping[str, str] = os.environ, nvml: Any = None) -> list[Nvml]:
    """Open the GPUs that this process may use.

    Raises:
        NoGpu: there is none, with the reason and its cure; never an empty list, which would read as 0 J.
    """
    if nvml is None:
        try:
            nvml = _pynvml()
        except ImportError:
            raise NoGpu("nvidia-ml-py is not installed", "pip install nvidia-ml-py") from None
    try:
        nvml.nvmlInit()
        found = [Nvml(which, nvml=nvml) for which in visible(environ, nvml.nvmlDeviceGetCount())]
    except nvml.NVMLError as fault:
        raise NoGpu(str(fault), _cure(str(fault))) from None
    if not found:
        raise NoGpu("the driver is there, and lists no GPU", "give the container a GPU: docker run --gpus all ...")
    return found


def visible(environ: Mapping[str, str], count: int) -> list[int | str]:
    """List the GPUs that CUDA_VISIBLE_DEVICES leaves, by number or UUID.

    Raises:
        NoGpu: it hides all of them.

    >>> visible({}, 2), visible({"CUDA_VISIBLE_DEVICES": "1"}, 2), visible({"CUDA_VISIBLE_DEVICES": "GPU-ab12"}, 2)
    ([0, 1], [1], ['GPU-ab12'])
    """
    if (said := environ.get("CUDA_VISIBLE_DEVICES")) is None:
        return list(range(count))
    kept: list[int | str] = []
    for word in said.split(","):
        number = word.strip()
        if not number.isdigit() and not number.startswith(("GPU-", "MIG-")):
            break  # CUDA too ignores all that follows a word it does not know
        if number.isdigit() and int(number) >= count:
            break
        kept.append(int(number) if number.isdigit() else number)
    if not kept:
        raise NoGpu(f"CUDA_VISIBLE_DEVICES={said!r} hides every GPU", "unset CUDA_VISIBLE_DEVICES, or name one in it")
    return kept


def _pynvml() -> Any:
    import pynvml

    return pynvml


def _handle(nvml: Any, index: int | str) -> tuple[Any, bool]:
    """Open a GPU; of a MIG slice the GPU it lies on, because a slice has no counter."""
    if isinstance(index, int):
        return nvml.nvmlDeviceGetHandleByIndex(index), False
    handle = nvml.nvmlDeviceGetHandleByUUID(index)
    if index.startswith("MIG-"):
        return nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle), True
    return handle, False


def _mig(nvml: Any, handle: Any) -> bool:
    try:
        return bool(nvml.nvmlDeviceGetMigMode(handle)[0])
    except nvml.NVMLError:  # a GPU that cannot be sliced says so
        return False


def _or_none(nvml: Any, ask: Any) -> Any:
    try:
        return ask()
    except (nvml.NVMLError, AttributeError):  # not told by this GPU, or unknown to this version of nvidia-ml-py
        return None


def _text(said: str | bytes) -> str:
    return said.decode() if isinstance(said, bytes) else said


def _cure(fault: str) -> str:
    low = fault.lower()
    if "library" in low or "driver" in low:
        return "install NVIDIA's driver, or start the container with the GPU (docker run --gpus all ...)"
    if "permission" in low:
        return "ask for access to /dev/nvidia*, or for the administrator's restriction on counters to be lifted"
    if "support" in low:
        return "this GPU has no energy counter (Volta and later have one)"
    return "see what nvidia-smi says"
