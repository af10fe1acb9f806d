"""Settings of face finding; kept apart so that a recipe can be checked without loading OpenCV."""

from typing import Annotated, Literal

from pydantic import Field

from slimaffect.settings import Settings

Prefer = Literal["track", "left", "right", "centre", "largest"]
Share = Annotated[float, Field(gt=0, le=1)]


class FaceSettings(Settings):
    """How faces are found, followed and framed."""

    detect_hz: Annotated[float, Field(gt=0, le=60)] = 1.0
    """Detections per second; between two of them the box moves in a straight line."""
    grow: Annotated[float, Field(ge=0.5, le=3)] = 1.10
    """Side of the crop as a multiple of the detector's box: the Haar cascade's cuts mouths and chins."""
    drop: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.07
    """How far the crop stands below the detector's box, as a share of the box: Haar boxes sit high."""
    smallest: Share = 0.2
    """Smallest face looked for, as a share of the picture's shorter side."""
    centre_weight: Share = 0.6
    """Weight of a new detection in the smoothed centre; 1 does not smooth."""
    size_weight: Share = 0.2
    """Weight of a new detection in the smoothed size, which should hardly change within a recording."""
    hold_s: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Seconds for which a box stands before its first and after its last detection."""
    bridge_s: Annotated[float, Field(ge=0, le=10)] = 3.0
    """Longest gap in seconds between two detections of one face that is filled in a straight line."""
    prefer: Prefer = "track"
    """Which of several faces: the one followed so far, or always the one in this place, or the largest."""
    align: bool = True
    """Turn crops so that eyes are level, where the detector tells landmarks (yunet; boxes with x1 to y5)."""
    model: Annotated[str, Field(min_length=1)] | None = None
    """Path of the ONNX file that detector yunet runs."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """The sha256 that this file must have: crops depend on it, and what runs is what was declared."""


DetectorName = Literal["haar", "yunet", "boxes", "none"]
