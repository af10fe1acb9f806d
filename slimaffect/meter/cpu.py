"""CPU-seconds, which are measured everywhere, and the model that turns them into joules where no counter is."""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from slimaffect.errors import EnergyError
from slimaffect.meter.counter import Provenance, Scope

PROC = Path("/proc")
WATTS_PER_THREAD = 4.0  # a busy hardware thread of a server; published constants span 1 ... 30 W
BAND = (0.4, 2.5)  # the factor by which that constant may be wrong on bare metal; more on a virtual machine
CALIBRATED = (0.8, 1.2)  # after calibrating on the same machine: 7 to 18 % off at a point
VARIABLE = "SLIMAFFECT_WATTS_PER_THREAD"
TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class CpuPower:
    """Watts of one busy thread, the factors by which that may be wrong, and who says so."""

    watts: float = WATTS_PER_THREAD
    band: tuple[float, float] = BAND
    origin: str = "constant"


CONSTANT = CpuPower()


class CpuModel:
    """CPU-seconds of this process times the power of a busy thread, in the shape of a counter: modelled, not measured.

    No idle power and no memory: a constant for memory would turn joules into seconds.
    """

    domain, source = "cpu:modelled", "cpu_seconds_model"
    provenance: Provenance = "modelled"
    scope: Scope = "process_tree"
    update_s, rel_sys = 0.0, 1.0
    flags: tuple[str, ...] = ()

    def __init__(self, power: CpuPower, cpu_clock: Callable[[], float] = time.process_time) -> None:
        """Take the power, and the clock whose seconds it is drawn for."""
        self.power, self._cpu_clock = power, cpu_clock

    def read_j(self) -> float:
        """Joules since the process began, by the model."""
        return self.power.watts * self._cpu_clock()


def cpu_power(environ: Mapping[str, str] = os.environ, calibration: Path | None = None) -> CpuPower:
    """Take the user's figure, or the machine's calibration file, or the constant.

    Raises:
        EnergyError: the user's figure or the file says no power.
    """
    if said := environ.get(VARIABLE):
        return CpuPower(_watts(said, VARIABLE), CALIBRATED, VARIABLE)
    file = calibration or calibration_file()
    try:
        told = json.loads(file.read_text())
    except FileNotFoundError:
        return CpuPower()
    except (OSError, ValueError) as fault:
        raise EnergyError(f"{file} cannot be read ({fault}). Mend it, or delete it to use the constant.") from None
    watts = _watts(told.get("watts_per_thread") if isinstance(told, dict) else None, str(file))
    return CpuPower(watts, CALIBRATED, str(told.get("how") or "calibration file"))


def calibration_file() -> Path:
    """Where the machine's own figure is looked for: `{"watts_per_thread": 6.2, "how": "wall meter, idle to busy"}`."""
    from platformdirs import user_config_path

    return user_config_path("slimaffect") / "power.json"


def _watts(said: object, where: str) -> float:
    try:
        watts = float(said)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        watts = 0.0
    if not 0 < watts < 1000:
        raise EnergyError(f"{where} says {said!r}; the watts of one busy thread lie between 0 and 1000, e.g. 6.2.")
    return watts


def tree_cpu_s(proc: Path = PROC) -> float:
    """CPU-seconds of this process, its ended children, and its live descendants (in ticks of 10 ms)."""
    ended = os.times()
    return time.process_time() + ended.children_user + ended.children_system + _descendants_cpu_s(proc, os.getpid())


def _descendants_cpu_s(proc: Path, root: int) -> float:
    children: dict[int, list[tuple[int, float]]] = {}
    for file in proc.glob("[0-9]*/stat"):
        try:
            numbers = file.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile, and now counts among the ended children
            continue
        ticks = sum(map(int, numbers[11:15]))  # user and system time, its own and of its ended children
        children.setdefault(int(numbers[1]), []).append((int(file.parent.name), ticks / TICKS_PER_S))
    total, waiting = 0.0, [root]
    while waiting:
        for pid, seconds in children.get(waiting.pop(), []):
            total += seconds
            waiting.append(pid)
    return total


def machine_cpu_s(proc: Path = PROC) -> float:
    """CPU-seconds that all processes of this machine used since it started; 0 where that cannot be read."""
    try:
        numbers = (proc / "stat").read_text().splitlines()[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _, _, irq, softirq = map(int, numbers[:7])
    return (user + nice + system + irq + softirq) / TICKS_PER_S


def peak_mb() -> float | None:
    """Peak resident memory of this process in 1e6 bytes; None where the system keeps no such mark (it is Linux's).

    Of the program itself: `ru_maxrss` would begin at that of the process it was forked from.
    """
    try:
        told = (PROC / "self/status").read_text()
    except OSError:
        return None
    return int(told.split("VmHWM:")[1].split()[0]) * 1024 / 1e6 if "VmHWM:" in told else None
