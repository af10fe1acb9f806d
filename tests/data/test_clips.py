"""Promises of clips: windows point into recordings, choosing never copies a frame, and equal clips are known as equal."""

from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

from slimaffect.data import Recording, cut


def recording(site, subject, frames, *, valid=None, name="one"):
    """A recording of black pictures."""
    return Recording(
        site=site,
        subject=subject,
        name=name,
        frames=np.zeros((frames, 3, 4, 4), np.uint8),
        affect=np.zeros((frames, 2)),
        valid=np.ones(frames, bool) if valid is None else valid,
        times=np.arange(frames) / 10,
        digest=f"{site}{subject}{name}",
    )


@pytest.fixture
def clips():
    """Two sites, three subjects."""
    return cut(
        [recording("A", "a1", 10), recording("A", "a2", 7), recording("B", "b1", 10)], length=4, stride=3, rate=10.0
    )


def test_windows_lie_inside_their_recordings(clips):
    """One window every `stride` frames, each whole."""
    assert clips.windows.tolist() == [[0, 0], [0, 3], [0, 6], [1, 0], [1, 3], [2, 0], [2, 3], [2, 6]]


def test_windows_without_anything_valid_and_short_recordings_yield_none():
    """Nothing can be learnt from a window that shows nobody."""
    valid = np.zeros(10, bool)
    valid[5] = True
    made = cut([recording("A", "a1", 10, valid=valid), recording("A", "a2", 3)], length=4, stride=3, rate=10.0)
    assert made.windows.tolist() == [[0, 3]]


def test_choosing_keeps_frames_where_they_are(clips):
    """Subjects, sites and indices are picked by moving windows only."""
    chosen = clips.of_subjects(["b1", "a2"])
    assert chosen.subjects == ("a2", "b1")
    assert chosen.windows.tolist() == [[0, 0], [0, 3], [1, 0], [1, 3], [1, 6]]
    assert chosen.recordings[1].frames is clips.recordings[2].frames
    assert clips.of_sites(["B"]).sites == ("B",)
    assert clips.pick([7, 0]).windows.tolist() == [[2, 6], [0, 0]]
    assert len(clips) == 8


def test_fingerprints_tell_clips_apart(clips):
    """Equal clips have one fingerprint; other windows, recordings or rates have another."""
    again = cut(clips.recordings, length=4, stride=3, rate=10.0)
    assert again.fingerprint == clips.fingerprint
    others = [clips.pick([0]), clips.of_sites(["A"]), cut(clips.recordings, length=4, stride=3, rate=5.0)]
    assert len({clips.fingerprint, *(other.fingerprint for other in others)}) == 4


def test_mapped_frames_are_sent_by_their_path(tmp_path, sent):
    """Another process maps the same file again; nothing is copied."""
    frames = np.random.default_rng(0).integers(0, 255, (500, 3, 16, 16), np.uint8)
    np.save(tmp_path / "frames.npy", frames)
    made = recording("A", "a1", 500)
    made.__dict__["frames"] = np.load(tmp_path / "frames.npy", mmap_mode="r")
    assert len(ForkingPickler.dumps(made)) < 50_000
    assert (sent(made).frames == frames).all()
    assert (sent(recording("A", "a1", 5)).frames == 0).all()
