"""What a format is: how one published packaging of a dataset names its videos, people and labels."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from slimaffect.data.importers.source import Notes, Places, Rows, Still
from slimaffect.data.layout import Source
from slimaffect.settings import Settings


@dataclass(frozen=True, eq=False)
class Found:
    """One recording as an importer found it.

    Attributes:
        site: its site; None in a dataset that has none.
        subject: who must stay on one side of a split.
        name: of the recording, unique for this subject.
        medium: a video's path in the media folder, or the images of a sequence.
        rows: its labels, in [-1, 1], in order of time.
        where: what a problem with it is called by: its annotation.
        length_s: of the video, None where that is not known.
    """

    site: str | None
    subject: str
    name: str
    medium: str | tuple[Still, ...]
    rows: Rows
    where: str
    length_s: float | None = None


class Format(Settings, ABC):
    """One packaging of a dataset, and what can be set when it is imported.

    The class docstring's first line says what it reads; the field docstrings explain the options.
    """

    name: ClassVar[str]
    """The word on the command line, e.g. `afew-va`."""
    gap_s: ClassVar[float | None] = None
    """Longest gap between two rows that is read across, where the user sets none."""
    has_sites: ClassVar[bool] = False
    """Whether the format itself tells a site."""

    dataset: Annotated[str, Field(min_length=1)] | None = None
    """Name of the dataset in reports; without it, the format's."""
    licence: str = "unknown"
    """Under which terms it may be used."""
    media: Path | None = None
    """Folder that holds the videos or images; without it, SOURCE."""
    copy_media: bool = False
    """Copy videos and images into TARGET instead of linking to them."""
    delay_s: Annotated[float, Field(ge=0, le=20)] = 0.0
    """Seconds by which annotators lag behind what they see; applied to training labels."""
    label_gap_s: Annotated[float, Field(gt=0)] | None = None
    """Longest gap in seconds between two rows of labels that is read across; without it, what suits the format."""
    sites: Path | None = None
    """A CSV with the columns subject and site, for a dataset that names no sites."""

    @abstractmethod
    def find(self, places: Places, notes: Notes) -> Iterator[Found]:
        """Yield every recording that can be used; tell the notes about everything else."""

    def advice(self, recordings: tuple[Source, ...]) -> tuple[str, ...]:
        """What a reader should set in a recipe that uses what was imported."""
        del recordings
        return ()
