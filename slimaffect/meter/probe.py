"""Every back-end of the meter: found, or why not and what to do."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slimaffect.meter import zeus
from slimaffect.meter.counter import Counter, Provenance
from slimaffect.meter.cpu import VARIABLE, calibration_file, cpu_power
from slimaffect.meter.nvml import NoGpu, nvml_counters
from slimaffect.meter.rapl import CURE, POWERCAP, rapl_counters


@dataclass(frozen=True)
class Backend:
    """One way to know joules.

    Attributes:
        name: as a person knows it.
        provenance: what its joules are called.
        counters: what it reads here; none: it is not here, `why` says why and `cure` what to do.
        note: what must be known of its figures.
        found: it can be used here.
    """

    name: str
    provenance: Provenance
    counters: tuple[Counter, ...] = ()
    why: str = ""
    cure: str = ""
    note: str = ""
    found: bool = False


def backends(
    environ: Mapping[str, str] = os.environ, powercap: Path = POWERCAP, nvml: Any = None, device: Any = None
) -> list[Backend]:
    """Ask every back-end, the best first."""
    return [_nvml(environ, nvml), _rapl(powercap), _zeus(device), _model(environ)]


def _nvml(environ: Mapping[str, str], nvml: Any) -> Backend:
    name = "NVML (NVIDIA GPUs)"
    try:
        found = nvml_counters(environ, nvml)
    except NoGpu as reason:
        return Backend(name, "missing", why=reason.why, cure=reason.cure)
    told = [f"{one.domain}: {one.name}{_in_words(one.flags)}" for one in found]
    return Backend(name, "measured", tuple(found), note="; ".join(told), found=True)


def _in_words(flags: tuple[str, ...]) -> str:
    words = {
        "mig_whole_gpu": "a MIG slice has no counter: it bills the whole GPU",
        "part_time_sensor": "its sensor looks at a part of the time",
    }
    return f" ({'; '.join(words[flag] for flag in flags)})" if flags else ""


def _rapl(powercap: Path) -> Backend:
    name = "RAPL (package and memory)"
    found, faults = rapl_counters(powercap)
    if found:
        note = "; ".join([", ".join(one.domain for one in found), *faults])
        return Backend(name, "measured", tuple(found), note=note, cure=CURE if faults else "", found=True)
    if faults:
        return Backend(name, "missing", why="; ".join(faults), cure=CURE)
    return Backend(
        name,
        "missing",
        why=f"{powercap} lists no intel-rapl zone: a virtual machine, a container, or another kind of CPU",
        cure="run on the machine itself, or bind-mount its /sys/class/powercap",
    )


def _zeus(device: Any) -> Backend:
    name = "zeus (AMD GPUs, Apple, Jetson)"
    found, why = zeus.zeus_counters(device)
    if found:
        note = ", ".join(one.source for one in found)
        return Backend(name, found[0].provenance, tuple(found), note=note, found=True)
    missing = why == "zeus is not installed"
    return Backend(name, "missing", why=why, cure=zeus.CURE if missing else "nothing, if this machine has none of them")


def _model(environ: Mapping[str, str]) -> Backend:
    power = cpu_power(environ)
    low, high = power.band
    cure = f"measure it at the wall and set {VARIABLE}, or write {calibration_file()}"
    return Backend(
        "CPU-seconds model",
        "modelled",
        found=True,
        note=f"{power.watts:g} W for each busy thread ({power.origin}), wrong by a factor of {low:g} to {high:g}",
        cure=cure if power.origin == "constant" else "",
    )
