"""A site's camera: where it stands, and what lens, sensor and white balance do to the picture."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from slimaffect.data.synthetic.sites import Site

Image = UInt8[np.ndarray, "height width 3"]  # blue, green, red
_SLACK = 32  # pixels by which the noise tile is larger than the picture, so that its place can change every frame


@dataclass(frozen=True)
class Camera:
    """One camera as it stood for one recording."""

    width: int
    height: int
    unit: float  # pixels per head unit
    centre: tuple[float, float]  # pixels; where the head rests
    angle: tuple[float, float]  # yaw, pitch in degrees
    light: Float[np.ndarray, " 3"]
    ambient: float
    gain: Float[np.ndarray, " 3"]  # blue, green, red
    gamma: float
    blur: float
    colours: Float[np.ndarray, "3 3"]  # saturation, as a matrix
    grain: tuple[Image, Image]  # sensor noise to add and to take away
    random: np.random.Generator

    def film(self, image: Image, light: float) -> Image:
        """Turn a drawn picture into what the sensor saw, at this brightness of the room."""
        levels = np.arange(256)[:, None] / 255 * (self.gain * light)
        table = np.clip(255 * np.clip(levels, 0, 1) ** self.gamma + 0.5, 0, 255).astype(np.uint8)
        image = cv2.LUT(cv2.transform(image, self.colours), table[:, None, :])
        if self.blur > 0.15:  # less changes no grey level
            image = cv2.GaussianBlur(image, (5, 5), self.blur)
        x, y = self.random.integers(0, _SLACK, size=2)
        window = slice(y, y + self.height), slice(x, x + self.width)
        return cv2.subtract(cv2.add(image, self.grain[0][window]), self.grain[1][window])


def set_up(site: Site, random: np.random.Generator) -> Camera:
    """Put the camera of a site up for one recording, never twice in quite the same place and light."""
    unit = 64 * site.scale * random.normal(1, 0.05)
    place = random.normal(0, (0.04, 0.03)) * (site.width, site.height)
    noise = random.normal(0, site.noise, (site.height + _SLACK, site.width + _SLACK, 3))
    saturation = np.full((3, 3), (1 - site.saturation) / 3) + np.eye(3) * site.saturation
    return Camera(
        width=site.width,
        height=site.height,
        unit=unit,
        centre=(site.width / 2 + place[0], site.height / 2 + place[1]),
        angle=(site.angle[0] + random.normal(0, 4), site.angle[1] + random.normal(0, 3)),
        light=np.array(site.light) + random.normal(0, 0.08, 3),
        ambient=site.ambient + random.normal(0, 0.04),
        gain=np.array(site.white) * random.normal(1, 0.03, 3) * random.normal(1, 0.08),
        gamma=site.gamma * random.normal(1, 0.05),
        blur=site.blur,
        colours=saturation.astype(np.float32),
        grain=(np.rint(np.maximum(noise, 0)).astype(np.uint8), np.rint(np.maximum(-noise, 0)).astype(np.uint8)),
        random=random,
    )
