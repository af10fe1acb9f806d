"""The energy counters of Intel and AMD CPUs under Linux's powercap: zones by name, wraps counted, each read once."""

import threading
from collections.abc import Iterator
from pathlib import Path

from slimaffect.meter.counter import Counter, Provenance, Scope

POWERCAP = Path("/sys/class/powercap")
CURE = "run as root, or let your group read it: sudo chmod g+r /sys/class/powercap/intel-rapl:*/energy_uj (a udev rule)"


class Rapl:
    """A zone of Linux powercap, in microjoules; counts its wraps."""

    source = "rapl"
    provenance: Provenance = "measured"
    scope: Scope = "package"
    update_s = 0.001  # the register is renewed every millisecond
    rel_sys = 0.05
    flags: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        """Open a zone.

        Raises:
            OSError: the counter cannot be read (root, or a udev rule on energy_uj, cures that).
        """
        kind = (folder / "name").read_text().strip()
        self.domain = f"cpu:{kind}" if kind.startswith("package") else f"{kind}:{folder.name}"
        self._file = folder / "energy_uj"
        self._range = int((folder / "max_energy_range_uj").read_text())
        self._lock, self._last, self._wraps = threading.Lock(), self._now(), 0

    def read_j(self) -> float:
        """Joules, monotone across wraps."""
        with self._lock:
            now = self._now()
            self._wraps += now < self._last
            self._last = now
            return (now + self._wraps * self._range) / 1e6

    def _now(self) -> int:
        return int(self._file.read_text())


def rapl_counters(powercap: Path = POWERCAP) -> tuple[list[Counter], list[str]]:
    """Open the zones `package-*` and `dram`, and say why others of them could not be read.

    Core and uncore lie inside package and psys holds it again, so they are never read; and a zone that is reached
    by two paths is read by one.
    """
    found: list[Counter] = []
    faults: list[str] = []
    for folder in _zones(powercap):
        try:
            found += [Rapl(folder)]
        except OSError as fault:
            faults.append(f"{folder.name}: {fault.strerror or fault}")
    return found, faults


def _zones(powercap: Path) -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in sorted(powercap.glob("intel-rapl:*")):
        try:
            kind = (folder / "name").read_text().strip()
        except OSError:
            continue
        if (kind.startswith("package") or kind == "dram") and folder.resolve() not in seen:
            seen.add(folder.resolve())
            yield folder
