"""Promises of showing: one recording becomes one picture, prepared if need be, and faces stay where they belong."""

import stat

import cv2
import numpy as np
import pytest

from slimaffect.data import prepare
from slimaffect.data.show import COLUMNS, GAP, ROWS, TILE, prepared_recording, sheet, show_recording
from slimaffect.errors import DataError


def test_a_recording_becomes_a_picture_for_its_owner_alone(settings, tmp_path):
    """A PNG of some size that nobody else may read, even where a file stood before."""
    target = tmp_path / "a1.png"
    target.touch(0o644)
    assert show_recording(settings, tmp_path / "cache", "A/a1/task", target) == target
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    image = cv2.imread(str(target))
    assert image.shape[1] > 1000
    assert image.std() > 10


def test_only_that_recording_is_prepared(settings, tmp_path):
    """Looking at one does not decode the others, and a later run finds it."""
    one = prepared_recording(settings, tmp_path / "cache", "B/b1/task")
    assert [path.parent.parent.name for path in tmp_path.rglob("task/meta.json")] == ["b1"]
    digest = {r.subject: r.digest for r in prepare(settings, tmp_path / "cache").clips.recordings}
    assert digest["b1"] == one.digest


def test_the_sheet_shows_first_and_last_and_greys_what_is_masked(settings, tmp_path):
    """Each tile is its crop; where there is no face the field is grey."""
    recording = prepared_recording(settings, tmp_path / "cache", "A/a1/task")
    frames = np.array(recording.frames)
    frames[-1] = 0
    object.__setattr__(recording, "frames", frames)
    image = sheet(recording)
    cell = TILE + GAP
    first = image[GAP : GAP + TILE, GAP : GAP + TILE]
    assert first.mean() == pytest.approx(frames[0].mean(), abs=2)
    assert (image[(ROWS - 1) * cell + GAP : ROWS * cell, (COLUMNS - 1) * cell + GAP : COLUMNS * cell] == 200).all()


@pytest.mark.parametrize("name", ["results/a.png", "results/deep/a.png", "a.html"])
def test_faces_never_go_under_results(settings, tmp_path, name):
    """Results are made to be shared."""
    with pytest.raises(DataError, match="shows faces"):
        show_recording(settings, tmp_path / "cache", "A/a1/task", tmp_path / name)
    assert not (tmp_path / "cache").exists()


def test_an_unknown_recording_is_told_with_those_near_it(settings, tmp_path):
    """A slip of the pen is met with a proposal."""
    with pytest.raises(DataError, match=r"no usable recording A/a1/tusk.*A/a1/task"):
        prepared_recording(settings, tmp_path / "cache", "A/a1/tusk")


def test_a_broken_recording_tells_its_reason(settings, dataset, tmp_path):
    """The same words as in the list of problems."""
    (dataset / "A/a1/task.mp4").write_bytes(b"")
    with pytest.raises(DataError, match="0 bytes"):
        prepared_recording(settings, tmp_path / "cache", "A/a1/task")
