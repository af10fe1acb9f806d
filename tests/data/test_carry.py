"""Promises of carrying clips: what is read back elsewhere is what was written here, its fingerprint included."""

from dataclasses import replace

import numpy as np

from slimaffect.data import Recording, cut
from slimaffect.data.carry import keep_clips, kept_clips


def test_clips_come_back_as_they_were(tmp_path):
    """The share that a subset kept, and the odds at which easy stretches are left out, decide what a training sees."""
    frames, affect = np.zeros((6, 3, 4, 4), np.uint8), np.zeros((6, 2), np.float32)
    one = Recording("A", "a1", "talk", frames, affect, np.ones(6, bool), np.arange(6) / 2, "digest")
    clips = replace(cut([one], length=4, stride=1, rate=2.0), share=0.5, spared=0.7)
    found = kept_clips(keep_clips(clips, tmp_path))
    assert (found.share, found.spared) == (0.5, 0.7)
    assert found.fingerprint == clips.fingerprint
