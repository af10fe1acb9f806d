"""Every error a user can meet. Each says what happened, where, and what to do next."""

from dataclasses import dataclass


class SlimError(Exception):
    """An error whose message is written for the user: shown as it is, without a traceback."""

    exit_code = 1


class DataError(SlimError):
    """A dataset that cannot be used, or whose problems `--strict` refuses."""

    exit_code = 3


class VideoError(SlimError):
    """A video that cannot be decoded."""


class ModelError(SlimError):
    """A model spec, checkpoint or weights file that does not fit."""


class ExportError(SlimError):
    """An exported file that would not answer as the model does, or that a target refuses."""


class BundleError(SlimError):
    """A bundle that is incomplete, altered, or not runnable here."""


class RunError(SlimError):
    """A task that failed while a recipe was running."""


class NoNumberError(RunError):
    """A training whose loss or gradient is no number any more."""


class LeaseError(RunError):
    """A process that would write for a task which another has taken over."""


class StoppedError(SlimError):
    """A run that was asked to leave, and left what it had in order; a scheduler may queue it again."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: try again later


class ResultError(SlimError):
    """A result.json that is missing, damaged, of another version, or not comparable with its neighbour."""


class EnergyError(SlimError):
    """An energy figure, a power or a region that cannot be used."""


class NotComparable(EnergyError):  # noqa: N818  the name says what is wrong
    """Two figures of different origin, scope, source or scenario: their ratio would mean nothing."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a recipe: where it stands, what is wrong, and what would be right."""

    where: str  # "recipes/distill.yaml:12"
    what: str
    next: str = ""


class RecipeError(SlimError):
    """A recipe with faults; all of them at once."""

    exit_code = 2

    def __init__(self, faults: list[Fault]) -> None:
        """Keep the faults and join them into one message."""
        self.faults = faults
        super().__init__("\n".join(f"{f.where}: {f.what}{'. ' + f.next if f.next else ''}" for f in faults))
