"""The middle of every recording: what a trial of a search trains on."""

import numpy as np
import pytest

from slimaffect.data.clips import Clips, Recording, cut
from slimaffect.select.thin import middle


def clips_of(*lengths: int) -> Clips:
    """Clips of 10 frames, one every 5."""
    recordings = [
        Recording(
            "S1", "a", "r", np.zeros((n, 3, 4, 4), np.uint8), np.zeros((n, 2)), np.ones(n, bool), np.arange(n) / 10, ""
        )
        for n in lengths
    ]
    return cut(recordings, length=10, stride=5, rate=10)


def test_it_keeps_neighbours_and_shortens_the_epoch() -> None:
    """A quarter of 80 frames are the clips from 30 to 50; a recording too short for that keeps its middle clip."""
    clips = clips_of(80, 12)
    kept = middle(clips, 0.25)
    assert kept.windows[kept.windows[:, 0] == 0, 1].tolist() == [30, 35, 40]
    assert kept.windows[kept.windows[:, 0] == 1, 1].tolist() == [0]
    frames = [int(clips.covered(n).sum()) for n in (0, 1)]
    assert kept.share == pytest.approx(clips.share * 30 / sum(frames))


def test_all_of_it_is_everything() -> None:
    """Nothing is lost by asking for all."""
    clips = clips_of(80, 12)
    kept = middle(clips, 1.0)
    assert np.array_equal(kept.windows, clips.windows)
    assert kept.share == clips.share
