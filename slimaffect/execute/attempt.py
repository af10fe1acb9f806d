"""What each try at a task cost, on disk after every epoch: a killed try is billed too."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from slimaffect.execute.cache import write_json
from slimaffect.meter import meter_of
from slimaffect.train.device import device
from slimaffect.train.journal import Journal

Ended = Literal["finished", "stopped", "failed"]


class Attempt:
    """One try at a task. Its number is one more than that of the tries before it, whatever became of them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._file = folder / f"{len(list(folder.glob('*.json')))}.json"
        self._folder = folder
        self._meter = meter_of(str(device())).start()
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._reports: list[str] = []

    @property
    def number(self) -> int:
        """Count the tries before this one."""
        return int(self._file.stem)

    def report(self, sentence: str) -> None:
        """Keep a sentence about something that went wrong and was mended."""
        self._reports.append(sentence)

    def note(self, journal: Journal, *, ended: Ended | None = None) -> float | None:
        """Write the cost so far and how the try ended; answer the joules."""
        spent = self._meter.read()
        cost = {name: getattr(spent, name) for name in ("seconds", "cpu_s", "gpu_seconds", "joules", "provenance")}
        done = {"examples": journal.examples, "trainings": journal.trainings}
        told = {"started": self._started, "finished": ended == "finished", "ended": ended, "pid": os.getpid()}
        write_json(self._file, told | done | cost | ({"reports": self._reports} if self._reports else {}))
        return spent.joules

    def all(self) -> list[dict[str, Any]]:
        """Read every try, the oldest first; one that a crash left unreadable is billed as unknown."""
        files = sorted(self._folder.glob("*.json"), key=lambda file: int(file.stem))
        return [_read(file) for file in files]


def _read(file: Path) -> dict[str, Any]:
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        names = ("started", "examples", "trainings", "seconds", "cpu_s", "gpu_seconds", "joules")
        return dict.fromkeys(names) | {"finished": False, "ended": None, "provenance": "missing"}


def total(costs: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up costs; a sum with a missing part is missing, and joules of several origins are called by the weakest."""
    names = ("seconds", "cpu_s", "joules", "examples", "trainings")
    sums = {name: _sum([cost[name] for cost in costs]) for name in names}
    sums["gpu_seconds"] = _sum([cost.get("gpu_seconds", 0.0) for cost in costs])  # earlier versions used no GPU
    origins = [cost["provenance"] for cost in costs]
    weakest = next(
        (origin for origin in ("missing", "modelled", "sampled", "measured") if origin in origins), "missing"
    )
    return sums | {"provenance": weakest}


def _sum(values: list[float | None]) -> float | None:
    return None if any(value is None for value in values) else sum(value for value in values if value is not None)
