"""The journal of a training: what passed, how far it is, and where its checkpoint lies.

Whoever runs a task opens one around it; without one, training runs silently and keeps no checkpoint.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar


class Leaving(Exception):  # noqa: N818  (it is no error: the training has kept its state)
    """A training was asked to stop, and kept its last step."""


@dataclass
class Journal:
    """What one task's trainings report, and what they are told. Derive from it to show the epochs.

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

    def may_write(self) -> None:
        """Object, by raising, to a write of a process that has lost its task to another."""

    def leaving(self) -> bool:
        """Tell whether the training should keep its state and stop; asked after every step."""
        return False

    def report(self, sentence: str) -> None:
        """Hear of something that went wrong and was mended."""


_open: ContextVar[Journal] = ContextVar("journal")


def journal() -> Journal:
    """Answer the open journal, or a fresh silent one."""
    return _open.get(None) or Journal()


Kept = TypeVar("Kept", bound=Journal)


@contextmanager
def keeping(opened: Kept) -> Iterator[Kept]:
    """Open a journal for the trainings inside the block."""
    token = _open.set(opened)
    try:
        yield opened
    finally:
        _open.reset(token)
