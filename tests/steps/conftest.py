"""A small candidate whose training takes a second."""

import numpy as np
import pytest
import torch

from slimaffect.data.clips import Recording, cut
from slimaffect.model.losses import LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn
from slimaffect.train.candidate import Candidate, Precision

# All three stages, one short epoch each.
QUICK = {
    "epochs": 3,
    "frames": {"share": 0.34, "steps": 3, "batch": 16},
    "sequences": {"share": 0.34, "steps": 3, "batch": 4, "frames": 16, "unscored": 4, "views": 1},
    "end_to_end": {"share": 0.34, "steps": 2, "batch": 3, "frames": 10, "unscored": 3},
}


@pytest.fixture(scope="session")
def quick() -> dict:
    """Settings of a training of a second."""
    return QUICK


@pytest.fixture
def candidate() -> Candidate:
    """Two sites of two subjects, 4 s each, and a fresh model."""
    random, recordings = np.random.default_rng(0), []
    for site, subject in [("S1", "a"), ("S1", "b"), ("S2", "c"), ("S2", "d")]:
        affect = np.tanh(np.cumsum(random.normal(0, 0.2, (40, 2)), 0)).astype(np.float32)
        level = 110 + 80 * affect[:, :1, None, None] + random.normal(0, 5, (40, 3, 16, 16))
        frames = level.clip(0, 255).astype(np.uint8)
        recordings.append(Recording(site, subject, "r", frames, affect, np.ones(40, bool), np.arange(40) / 10, subject))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = AffectNet(ModelSpec(pixels=16, cnn=PlainCnn(widths=(8, 8)), features=6, lstm=Lstm(hidden=8)))
    return Candidate(net, cut(recordings, length=20, stride=10, rate=10), LabelLoss(), Precision(), seed=3)
