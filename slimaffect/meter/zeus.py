"""AMD GPUs, Apple and Jetson chips, read through `zeus.device`: the extra `energy`.

Its monitor is not used: zeus 0.16.0 there answers 0 J without a word where a GPU is hidden, loses wraps of short
windows and adds psys to package. Nothing of its carbon and price modules is used either: they ask the network.
"""

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

from slimaffect.meter.counter import Counter, Provenance, Scope

CURE = "pip install 'slimaffect[energy]'"


class ZeusGpu:
    """The energy counter of a GPU as zeus reads it, in millijoules."""

    provenance: Provenance = "measured"
    scope: Scope = "device"
    update_s = 0.1
    rel_sys = 0.05
    flags: tuple[str, ...] = ()

    def __init__(self, gpus: Any, index: int) -> None:
        """Open the GPU that zeus calls `index`."""
        self.domain, self._gpus, self._index = f"gpu:{index}", gpus, index
        self.source = "zeus.amd" if type(gpus).__name__.startswith("AMD") else "zeus.nvml"

    def read_j(self) -> float:
        """Joules of the whole GPU."""
        return self._gpus.get_total_energy_consumption(self._index) / 1e3


class ZeusSoc:
    """A whole chip: Apple's IOReport or a Jetson's power sensor, both integrated by zeus: sampled, not counted."""

    provenance: Provenance = "sampled"
    scope: Scope = "board"
    update_s = 0.1
    rel_sys = 0.1
    flags: tuple[str, ...] = ()

    def __init__(self, soc: Any) -> None:
        """Open what zeus found."""
        self.domain, self._soc = "soc", soc
        self.source = "zeus.jetson" if type(soc).__name__ == "Jetson" else "zeus.apple"

    def read_j(self) -> float:
        """Joules of all parts that the chip tells of."""
        return soc_mj(self._soc.get_total_energy_consumption()) / 1e3


def soc_mj(told: Any) -> float:
    """Take the chip's own total, or add up the parts that do not lie in each other.

    Raises:
        ValueError: it tells of none: that is missing, and not 0.
    """
    if (whole := getattr(told, "total_energy_mj", None)) is not None:
        return float(whole)
    parts = [getattr(told, name, None) for name in ("cpu_total_mj", "dram_mj", "gpu_mj", "gpu_sram_mj", "ane_mj")]
    if all(part is None for part in parts):
        raise ValueError("the chip tells of no energy")
    return float(sum(part for part in parts if part is not None))


def zeus_counters(device: Any = None) -> tuple[list[Counter], str]:
    """Open what zeus finds beside NVIDIA's GPUs, which NVML reads; or say why there is none."""
    if device is None:
        if importlib.util.find_spec("zeus") is None:
            return [], "zeus is not installed"
        device = importlib.import_module("zeus.device")
    found: list[Counter] = []
    whys = [_open(device, part, found) for part in (_amd, _soc)]
    return found, "" if found else "; ".join(why for why in whys if why)


def _open(device: Any, part: Callable[[Any], list[Counter]], found: list[Counter]) -> str:
    try:
        found += part(device)
    except Exception as fault:  # noqa: BLE001  each of zeus's back-ends raises classes of its own
        return str(fault) or type(fault).__name__
    return ""


def _amd(device: Any) -> list[Counter]:
    gpus = device.get_gpus()
    if not type(gpus).__name__.startswith("AMD"):
        return []
    return [ZeusGpu(gpus, index) for index in range(len(gpus)) if gpus.supports_get_total_energy_consumption(index)]


def _soc(device: Any) -> list[Counter]:
    soc = ZeusSoc(device.get_soc())
    soc.read_j()
    return [soc]
