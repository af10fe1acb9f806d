"""Whether other work held the machine while we measured: it is flagged, and not hidden."""

import time
from dataclasses import dataclass
from pathlib import Path

from slimaffect.meter.cpu import PROC, TICKS_PER_S

WAITED, STOLEN, PRESSED = 0.05, 0.01, 0.1  # shares of the time from which a figure is flagged


@dataclass(frozen=True)
class Load:
    """What the system counted so far; None where it does not tell.

    Attributes:
        waited_s: this process was ready and no core was free.
        stolen_s: the host gave a virtual core to others, over all cores.
        pressed_s: some process of the machine waited for a core.
        switches: times this process was put off a core.
    """

    wall_s: float
    cpu_s: float
    waited_s: float | None
    stolen_s: float | None
    pressed_s: float | None
    switches: int | None


def load_now(proc: Path = PROC) -> Load:
    """Read the counts."""
    return Load(time.perf_counter(), time.process_time(), _waited(proc), _stolen(proc), _pressed(proc), _switches(proc))


def contention(before: Load, after: Load, *, paced: bool = False) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """Tell the shares of the time between, and the flags they raise.

    Args:
        before: the counts at the start.
        after: the counts at the end.
        paced: the work waits on purpose, so that its CPU time says nothing.
    """
    wall = max(after.wall_s - before.wall_s, 1e-9)
    parts = {
        "cpu_per_wall": (after.cpu_s - before.cpu_s) / wall,
        "waited": _share(before.waited_s, after.waited_s, wall),
        "stolen": _share(before.stolen_s, after.stolen_s, wall),
        "pressed": _share(before.pressed_s, after.pressed_s, wall),
        "switches_per_s": _share(before.switches, after.switches, wall),
    }
    waits = (parts["waited"] or 0) > WAITED or (parts["pressed"] or 0) > PRESSED
    flags = {
        "contended": waits or (not paced and (parts["cpu_per_wall"] or 0) < 1 - PRESSED),
        "cpu_stolen": (parts["stolen"] or 0) > STOLEN,
    }
    return parts, tuple(name for name, raised in flags.items() if raised)


def _share(before: float | None, after: float | None, wall: float) -> float | None:
    return None if before is None or after is None else (after - before) / wall


def _waited(proc: Path) -> float | None:
    told = _text(proc / "self/schedstat").split()
    return int(told[1]) / 1e9 if len(told) > 1 else None


def _stolen(proc: Path) -> float | None:
    lines = _text(proc / "stat").splitlines()
    numbers = lines[0].split()[1:] if lines else []
    return int(numbers[7]) / TICKS_PER_S if len(numbers) > 7 else None


def _pressed(proc: Path) -> float | None:
    some = next((line for line in _text(proc / "pressure/cpu").splitlines() if line.startswith("some")), "")
    return int(some.rpartition("total=")[2]) / 1e6 if "total=" in some else None


def _switches(proc: Path) -> int | None:
    told = _text(proc / "self/status").partition("nonvoluntary_ctxt_switches:")[2].split()
    return int(told[0]) if told else None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
