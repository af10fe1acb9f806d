"""Promises of the search for copies: equal files and near-identical faces are found, people who differ are not."""

from pathlib import Path

import numpy as np
import pytest

from slimaffect.data.check.twins import portrait, same_faces, same_files
from slimaffect.data.clips import Recording
from slimaffect.data.layout import Source


def recording(subject, face, seed=0, gain=1.0, site="S1"):
    """Fifty crops of a face with noise, brightness and contrast of their own."""
    random = np.random.default_rng(seed)
    frames = np.clip(20 + gain * face + random.normal(0, 6, (50, 3, 48, 48)), 0, 255).astype(np.uint8)
    return Recording(site, subject, "task", frames, np.zeros((50, 2)), np.ones(50, bool), np.arange(50) / 10, "")


def person(seed):
    """A smooth random pattern, as different from another as two people's crops are."""
    import cv2

    pattern = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(48, 48)), (0, 0), 5)
    return cv2.normalize(pattern, None, 30, 200, cv2.NORM_MINMAX)


def test_a_copy_under_another_name_is_a_leak():
    """Other noise and brightness do not hide it; the others are left alone."""
    people = [recording(f"p{n}", person(n)) for n in range(4)]
    copy = recording("p9", person(2), seed=1, gain=0.8, site="S2")
    (twins,) = same_faces([*people, copy])
    assert (twins.one, twins.other, twins.how, twins.leak) == ("S1/p2/task", "S2/p9/task", "same face", True)
    assert twins.likeness == pytest.approx(1, abs=0.015)


def test_one_subject_may_look_like_themselves():
    """Two recordings of a person under one name are as they should be."""
    assert same_faces([recording("p1", person(1)), recording("p1", person(1), seed=1)]) == []


def test_equal_files_are_found_by_their_hash():
    """Under two subjects it is a leak, under one it is not."""
    sources = [Source("S1", s, n, Path(s), Path(s)) for s, n in (("a", "x"), ("a", "y"), ("b", "x"), ("c", "x"))]
    hashes = dict(zip(sources, ["1", "1", "1", "2"], strict=True))
    found = [(twins.one, twins.other, twins.leak) for twins in same_files(sources, hashes)]
    assert found == [("S1/a/x", "S1/a/y", False), ("S1/a/y", "S1/b/x", True)]


def test_a_blank_crop_is_like_nobody():
    """Pictures of one colour have no face to compare."""
    blank = recording("p1", person(1))
    blank.frames[:] = 90
    assert portrait(blank) is None
    blank.valid[:] = False
    assert portrait(blank) is None
