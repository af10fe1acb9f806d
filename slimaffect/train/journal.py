"""The journal of a training: what passed, how far it is, and where its checkpoint lies.

Whoever runs a task opens one around it; without one, training runs silently and keeps no checkpoint.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Journal:
    """What one task's trainings report. Derive from it to show the epochs.

    Attributes:
        checkpoint: folder for the checkpoints of a training that is under way; None keeps none.
        examples: frames that passed through a CNN forwards and, where it learns, backwards.
        trainings: trainings that were started.
        figures: what a step found and wants kept with the task's record, as plain values by the step's name.
    """

    checkpoint: Path | None = None
    examples: int = 0
    trainings: int = 0
    figures: dict[str, Any] = field(default_factory=dict)

    def epoch(self, stage: str, done: int, total: int, **figures: float) -> None:
        """Hear that `done` of `total` epochs are over; figures are the mean loss and what else was measured."""


_open: ContextVar[Journal] = ContextVar("journal")


def journal() -> Journal:
    """Answer the open journal, or a fresh silent one."""
    return _open.get(None) or Journal()


@contextmanager
def keeping(opened: Journal) -> Iterator[Journal]:
    """Open a journal for the trainings inside the block."""
    token = _open.set(opened)
    try:
        yield opened
    finally:
        _open.reset(token)
