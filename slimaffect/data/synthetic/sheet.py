"""A contact sheet of the drawn people, one row per site: `python -m slimaffect.data.synthetic.sheet PICTURE.png`."""

import sys
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import UInt8

from slimaffect.data.synthetic.behaviour import Behaviour
from slimaffect.data.synthetic.camera import set_up
from slimaffect.data.synthetic.cast import Take, streams
from slimaffect.data.synthetic.drawing import draw
from slimaffect.data.synthetic.identity import draw_identity
from slimaffect.data.synthetic.settings import SyntheticSettings
from slimaffect.data.synthetic.sites import SITES, shifted

Image = UInt8[np.ndarray, "height width 3"]

POSES: dict[str, dict[str, float]] = {
    "at rest": {},
    "smile": {"au12": 0.9, "au6": 0.8},
    "laughter": {"au12": 1.4, "au6": 1.1, "au26": 0.4},
    "anger": {"au4": 1.0, "au15": 0.8, "au24": 0.4},
    "surprise": {"au1": 0.8, "au2": 0.9, "au5": 1.1, "au26": 0.5},
    "drowsiness": {"droop": 1.0},
    "blink": {"blink": 1.0},
    "hand": {"hand": 1.0, "look_x": -0.6},
    "turned": {"yaw": 15.0, "roll": 5.0, "look_x": 0.6},
}
CELL = 144, 108  # pixels; every site's picture has this shape
PEOPLE = (("S1", 11), ("S2", 1), ("S3", 8), ("S4", 4))  # various hair, with and without glasses


def contact_sheet(people: tuple[tuple[str, int], ...] = PEOPLE, settings: SyntheticSettings | None = None) -> Image:
    """Draw each person (site, number) in every pose, blue-green-red; one row per person."""
    settings = settings or SyntheticSettings()
    return np.vstack([_row(Take(site, number, 1), settings) for site, number in people])


def _row(take: Take, settings: SyntheticSettings) -> Image:
    site = replace(shifted(SITES[take.site], settings), noise=0.0)  # noise does not compress
    random = streams(settings.seed, take)
    person, camera = draw_identity(random.identity, settings.identity_spread), set_up(site, random.camera)
    images = draw(person, _posed(), camera, site.background, random.picture)
    return np.hstack([cv2.resize(image, CELL, interpolation=cv2.INTER_AREA) for image in images])


def _posed() -> Behaviour:
    neutral = dict.fromkeys(Behaviour._fields, 0.0) | {"light": 1.0}
    rows = [neutral | pose for pose in POSES.values()]
    return Behaviour(**{name: np.array([row[name] for row in rows]) for name in neutral})


if __name__ == "__main__":
    cv2.imwrite(sys.argv[1], contact_sheet(), [cv2.IMWRITE_PNG_COMPRESSION, 9])
