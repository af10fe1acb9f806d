"""Small clips whose faces really show affect, and a small model: trainings of a second."""

import numpy as np
import pytest

from slimaffect.data.clips import Clips, Recording, cut
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn
from slimaffect.train.settings import TrainSettings

PIXELS = 16


def easy_recording(site: str, subject: str, frames: int) -> Recording:
    """Draw valence as the brightness of the left half and arousal as that of the lower half, with some noise."""
    random = np.random.default_rng([len(site), *subject.encode()])
    steps = random.normal(0, 0.25, (frames, 2))
    affect = np.tanh(np.cumsum(steps, axis=0) * 0.6 - 0.5 * np.cumsum(steps, axis=0).mean(0))
    picture = np.full((frames, 3, PIXELS, PIXELS), 100.0) + random.normal(0, 8, (frames, 3, PIXELS, PIXELS))
    picture[..., : PIXELS // 2] += 60 * affect[:, 0, None, None, None]
    picture[..., PIXELS // 2 :, :] += 60 * affect[:, 1, None, None, None]
    valid = random.random(frames) > 0.1
    affect[~valid] = np.nan
    shown = picture.clip(0, 255).astype(np.uint8)
    return Recording(site, subject, "one", shown, affect.astype(np.float32), valid, np.arange(frames) / 10, subject)


@pytest.fixture(scope="session")
def clips() -> Clips:
    """Two sites of two subjects, 4 s each: as small as data may be."""
    recordings = [easy_recording(site, f"{site}{n}", 40) for site in ("S1", "S2") for n in range(2)]
    return cut(recordings, length=20, stride=10, rate=10)


@pytest.fixture(scope="session")
def more_clips() -> Clips:
    """Two sites of four subjects, 20 s each."""
    recordings = [easy_recording(site, f"{site}{n}", 200) for site in ("S1", "S2") for n in range(4)]
    return cut(recordings, length=20, stride=10, rate=10)


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    """A model of some two thousand parameters."""
    return ModelSpec(pixels=PIXELS, cnn=PlainCnn(widths=(8, 8)), features=6, dropout=0.1, lstm=Lstm(hidden=8))


@pytest.fixture(scope="session")
def quick() -> TrainSettings:
    """All three stages, two epochs each, of a few steps."""
    return TrainSettings.model_validate(
        {
            "epochs": 6,
            "frames": {"share": 0.34, "steps": 3, "batch": 16},
            "sequences": {"share": 0.34, "steps": 3, "batch": 4, "frames": 16, "unscored": 4, "views": 2},
            "end_to_end": {"share": 0.34, "steps": 2, "batch": 3, "frames": 10, "unscored": 3},
        }
    )
