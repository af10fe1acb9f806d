"""From clips to units."""

from dataclasses import replace

import numpy as np

from slimaffect.data.clips import Clips
from slimaffect.select.units import apart, labelled, mean_labels, subjects


def test_units_share_no_frame(clips: Clips) -> None:
    """Every recording is covered but for less than a clip at either end."""
    for seed in range(8):
        units = clips.pick(apart(clips, seed))
        for number in range(4):
            starts = np.sort(units.windows[units.windows[:, 0] == number, 1])
            assert (np.diff(starts) >= clips.length).all()
            assert (np.diff(starts) < clips.length + 3).all()
            assert starts[0] < clips.length
            assert starts[-1] + clips.length > 120 - 2 * clips.length


def test_the_first_clip_is_drawn(clips: Clips) -> None:
    """Over seeds every phase comes up, and a seed decides."""
    firsts = {int(clips.windows[apart(clips, seed)[0], 1]) for seed in range(40)}
    assert firsts == {0, 3, 6, 9}
    assert np.array_equal(apart(clips, 5), apart(clips, 5))


def test_the_order_of_clips_is_no_matter(clips: Clips) -> None:
    """Shuffled clips give the same windows."""
    mixed = clips.pick(np.random.default_rng(0).permutation(len(clips)))
    assert np.array_equal(mixed.windows[apart(mixed, 1)], clips.windows[apart(clips, 1)])


def test_no_clip_no_unit(clips: Clips) -> None:
    """Nothing in, nothing out."""
    assert len(apart(clips.pick([]), 0)) == 0


def test_labels_are_means_of_what_is_labelled(clips: Clips) -> None:
    """As a loop says; missing labels do not count."""
    for (number, start), mean in zip(clips.windows.tolist(), mean_labels(clips), strict=True):
        recording = clips.recordings[number]
        here = recording.affect[start : start + 10][recording.valid[start : start + 10]]
        np.testing.assert_allclose(mean, here.mean(0), atol=1e-6)


def test_frames_are_counted_once(clips: Clips) -> None:
    """However many clips lie over them, and only those with a label."""
    seen = {(n, at) for n, start in clips.windows.tolist() for at in range(start, start + 10)}
    assert labelled(clips) == sum(bool(clips.recordings[n].valid[at]) for n, at in seen)
    assert (
        labelled(replace(clips, windows=np.repeat(clips.windows[:1], 2, axis=0)))
        == clips.recordings[0].valid[:10].sum()
    )


def test_subjects_of_one_name_at_two_sites_are_two(clips: Clips) -> None:
    """The site is part of who somebody is."""
    twice = replace(clips, recordings=tuple(replace(r, subject="x") for r in clips.recordings))
    assert np.unique(subjects(twice)).tolist() == [0, 1]
    assert np.unique(subjects(clips)).tolist() == [0, 1, 2, 3]
