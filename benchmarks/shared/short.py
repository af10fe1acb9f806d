"""Trainings of seconds, for `--quick`: they prove that a benchmark runs, and learn next to nothing."""

from typing import Any

SHORT: dict[str, Any] = {
    "epochs": 2,
    "frames": {"steps": 2, "batch": 32},
    "sequences": {"steps": 2, "batch": 4, "frames": 40},
    "end_to_end": {"share": 0},
}
