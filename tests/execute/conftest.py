"""Clips of noise that any process can map, and tasks that train on them in moments."""

from pathlib import Path

import numpy as np
import pytest

from slimaffect.data.carry import keep_clips, kept_clips
from slimaffect.data.clips import Clips, Recording, cut
from slimaffect.execute.task import Task
from slimaffect.model.shapes import shape
from slimaffect.model.spec import Lstm
from slimaffect.steps.train import Train


class Silent:
    """A view that shows nothing."""

    def __getattr__(self, name):
        return lambda *_: None


@pytest.fixture(scope="session")
def silent() -> Silent:
    """A view that shows nothing."""
    return Silent()


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Clips:
    """What is trained on does not matter, that it is the same everywhere does."""
    chance, people = np.random.default_rng(0), []
    for site in ("S1", "S2"):
        frames = chance.integers(0, 255, (40, 3, 32, 32), dtype=np.uint8)
        affect = np.tanh(chance.normal(size=(40, 2)).cumsum(0) * 0.1)
        people.append(Recording(site, f"{site}P", "t", frames, affect, np.ones(40, bool), np.arange(40) / 5, site))
    folder = Path(tmp_path_factory.mktemp("clips"))
    return kept_clips(keep_clips(cut(people, length=16, stride=8, rate=5.0), folder))


@pytest.fixture(scope="session")
def training(clips):
    """Make the task that trains without `site`; without dropout, which every rank draws for itself."""
    spec = shape("micro").model_copy(update={"pixels": 32, "lstm": Lstm(hidden=8, dropout=0.0)})

    def make(site: str, *, epochs: int = 2, ranks: int = 1, **told) -> Task:
        stages = {"frames": {"share": 1, "steps": 8, "batch": 32}, "sequences": {"share": 0}}
        plain = {
            "epochs": epochs,
            **stages,
            "end_to_end": {"share": 0},
            "amp": "off",
            "ranks": {"sync_batch_norm": True},
        }
        return Task(spec, (Train.model_validate(plain),), site, 0, 1, clips.fingerprint, ranks=ranks, **told)

    return make
