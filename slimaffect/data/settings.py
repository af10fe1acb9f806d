"""What a recipe can say about its data."""

from typing import Annotated, Literal

from pydantic import Field

from slimaffect.data.synthetic.settings import SyntheticSettings
from slimaffect.settings import Settings
from slimaffect.video.settings import DetectorName, FaceSettings

SYNTHETIC: Literal["synthetic"] = "synthetic"


class ClipSettings(Settings):
    """How recordings are cut into clips."""

    frames: Annotated[int, Field(ge=1, le=10_000)] = 40
    """Frames of a clip."""
    stride: Annotated[int, Field(ge=1, le=10_000)] = 10
    """Frames from the beginning of one clip to that of the next."""


class DataSettings(Settings):
    """Which dataset, and how its videos become clips of faces."""

    source: Annotated[str, Field(min_length=1)] = SYNTHETIC
    """`synthetic`, or the folder of a dataset with its dataset.yaml."""
    unlabelled: Annotated[str, Field(min_length=1)] | None = None
    """Folder of a dataset that is read without labels, whatever annotations it has: `distill` may learn from it."""
    rate: Annotated[float, Field(gt=0, le=120)] = 12.5
    """Face crops per second, whatever the videos' own rates."""
    pixels: Annotated[int, Field(ge=16, le=512)] = 48
    """Side of the square face crops."""
    detector: DetectorName = "haar"
    """`haar` and `yunet` find faces, `boxes` reads <recording>.boxes.csv, `none` takes the whole picture."""
    faces: FaceSettings = FaceSettings()
    """How faces are followed and framed."""
    clip: ClipSettings = ClipSettings()
    """How recordings are cut into clips."""
    synthetic: SyntheticSettings = SyntheticSettings()
    """The people to draw when the source is `synthetic`."""

    @property
    def reading(self) -> dict:
        """The settings that decide what a prepared recording holds, as plain values."""
        plain = self.model_dump(mode="json", include={"rate", "pixels", "detector", "faces"})
        plain["faces"] = {name: value for name, value in plain["faces"].items() if not self._beside(name, value)}
        return plain

    @staticmethod
    def _beside(name: str, value: object) -> bool:
        """Whether a setting changes no crop: where a model lies, and newer settings that stay as things were before."""
        return name == "model" or (name in {"prefer", "align", "sha256"} and value == getattr(FaceSettings(), name))
