"""The four recording sites: camera, light, and how their annotators label."""

from dataclasses import dataclass, fields, replace
from typing import Any

from slimaffect.data.synthetic.settings import SyntheticSettings


@dataclass(frozen=True)
class Site:
    """One site. Its first six fields are its own whatever the shift; the others move away from the neutral defaults."""

    name: str
    width: int  # pixels
    height: int
    rate: float  # video frames per second
    scale: float  # pixels of the video per 1/64 head unit
    background: str
    white: tuple[float, float, float] = (1.0, 1.0, 1.0)  # gain of blue, green, red
    gamma: float = 1.0
    noise: float = 3.0  # sd of the sensor noise in grey levels
    blur: float = 0.0  # sd of the lens in pixels
    crf: float = 23.0  # x264 quality; higher is worse
    light: tuple[float, float, float] = (0.05, -0.45, 0.9)  # towards the lamp: right, down, towards the camera
    ambient: float = 0.55
    angle: tuple[float, float] = (0.0, 0.0)  # yaw, pitch of the face as the camera sees it, degrees
    saturation: float = 1.0
    squint: float = 0.0  # lids lowered by the light
    expressivity: float = 1.0
    label_lag_s: float = 0.1
    label_bias: tuple[float, float] = (0.0, 0.0)  # valence, arousal
    label_gain: tuple[float, float] = (1.0, 1.0)


_OWN = 6  # name, width, height, rate, scale, background
_LABELS = ("label_lag_s", "label_bias", "label_gain")

# Biases sum to about 0 over the sites, so that no model can be right everywhere by leaning one way.
_RAW = (
    Site(
        "S1", 240, 180, 12.5, 1.18, "office",
        light=(0.1, -0.5, 0.85), squint=-0.12, expressivity=1.15,
        label_lag_s=0.0, label_bias=(0.20, -0.10), label_gain=(1.05, 0.95),
    ),
    Site(
        "S2", 224, 168, 15.0, 1.12, "laboratory",
        white=(0.78, 0.97, 1.15), gamma=1.30, noise=5.0, blur=0.3, crf=25.0,
        light=(-0.75, -0.35, 0.55), ambient=0.35, angle=(-12.0, -10.0), saturation=1.1,
        squint=0.12, expressivity=0.85,
        label_lag_s=0.35, label_bias=(-0.18, 0.16), label_gain=(0.85, 1.1),
    ),
    Site(
        "S3", 192, 144, 12.5, 0.96, "plain",
        white=(1.12, 1.05, 0.86), gamma=0.80, blur=0.5, crf=28.0,
        light=(0.2, -0.9, 0.4), ambient=0.50, angle=(4.0, 13.0), saturation=0.85,
        squint=-0.05, expressivity=1.1,
        label_lag_s=0.1, label_bias=(0.14, 0.12), label_gain=(1.1, 0.9),
    ),
    Site(
        "S4", 240, 180, 15.0, 1.08, "window",
        white=(1.05, 0.98, 0.95), gamma=1.10, noise=4.0, blur=0.4, crf=27.0,
        light=(0.85, -0.2, 0.45), ambient=0.40, angle=(16.0, 3.0), saturation=0.45,
        squint=0.15, expressivity=0.9,
        label_lag_s=0.5, label_bias=(-0.16, -0.18), label_gain=(0.95, 1.05),
    ),
)  # fmt: skip
SITES = {site.name: site for site in _RAW}


def shifted(site: Site, settings: SyntheticSettings) -> Site:
    """Move a site from neutral towards its own character: neutral + shift (raw - neutral)."""
    moved = {}
    for field in fields(Site)[_OWN:]:
        share = settings.shift * (settings.label_shift if field.name in _LABELS else 1.0)
        moved[field.name] = _between(field.default, getattr(site, field.name), share)
    return replace(site, **moved)


def _between(neutral: Any, raw: Any, share: float) -> Any:
    """Between two numbers, or number by number between two tuples."""
    if isinstance(neutral, tuple):
        return tuple(_between(n, r, share) for n, r in zip(neutral, raw, strict=True))
    return neutral + share * (raw - neutral)
