"""Promises of preparing with other detectors: their files decide what is prepared, and a missing one is told."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from slimaffect.data import DataSettings, prepare
from slimaffect.errors import ModelError
from slimaffect.video.settings import FaceSettings

PLACES = ("A/a1", "A/a2", "B/b1", "B/b2")


@pytest.fixture
def boxed(dataset, settings):
    """The small dataset with a table of boxes beside every video."""
    for place in PLACES:
        (dataset / place / "task.boxes.csv").write_text(
            "time,x,y,width,height\n0,40,20,80,80\n1,40,20,80,80\n", "utf-8"
        )
    return settings.model_copy(update={"detector": "boxes", "faces": FaceSettings(grow=1, drop=0)})


def boxes(prepared):
    """The box of the first recording's first frame."""
    folder = Path(prepared.clips.recordings[0].frames.filename).parent
    with np.load(folder / "index.npz") as index:
        return index["box"][0].tolist()


def test_boxes_are_prepared_and_prepared_again_when_they_change(boxed, dataset, tmp_path):
    """A corrected table is another content: that recording, and no other, is prepared again."""
    first = prepare(boxed, tmp_path / "cache")
    assert boxes(first) == [40, 20, 80]
    told = []
    (dataset / "A/a1/task.boxes.csv").write_text("time,x,y,width,height\n0,20,20,60,60\n1,20,20,60,60\n", "utf-8")
    second = prepare(boxed, tmp_path / "cache", watch=lambda *news: told.append(news))
    assert [what for what, *_ in told] == ["preparing recordings", "prepared A/a1/task"]
    assert boxes(second) == [20, 20, 60]
    assert first.fingerprint != second.fingerprint


@pytest.mark.parametrize(
    ("content", "what"),
    [(None, "has no task.boxes.csv beside it"), ("time,x\n0,0\n", "has no column y, width, height")],
)
def test_a_recording_without_usable_boxes_is_set_aside(boxed, dataset, tmp_path, content, what):
    """It is one recording less, at its file, with its reason."""
    path = dataset / "A/a1/task.boxes.csv"
    path.unlink() if content is None else path.write_text(content, "utf-8")
    prepared = prepare(boxed, tmp_path / "cache")
    (problem,) = prepared.problems
    assert problem.where == ("A/a1/task.mp4" if content is None else "A/a1/task.boxes.csv")
    assert what in problem.what
    assert prepared.clips.subjects == ("a2", "b1", "b2")


def test_a_missing_network_stops_before_the_first_video(settings, tmp_path):
    """It would fail on every recording: one error, not four problems."""
    with pytest.raises(ModelError, match=r"needs faces\.model and faces\.sha256"):
        prepare(settings.model_copy(update={"detector": "yunet"}), tmp_path / "cache")


def test_a_network_counts_by_its_content_not_by_its_place():
    """Moving the file prepares nothing again; another file does."""
    content = [hashlib.sha256(name).hexdigest() for name in (b"one", b"other")]
    one, moved, other = (
        DataSettings(detector="yunet", faces=FaceSettings(model=path, sha256=sha256)).reading
        for path, sha256 in (("a.onnx", content[0]), ("b.onnx", content[0]), ("a.onnx", content[1]))
    )
    assert one == moved != other


def test_newer_settings_leave_what_was_prepared_before_them_valid():
    """At their defaults they change no crop, so they do not enter the content; set otherwise, they do."""
    assert not {"prefer", "align", "model", "sha256"} & DataSettings().reading["faces"].keys()
    assert DataSettings(faces=FaceSettings(prefer="left")).reading["faces"]["prefer"] == "left"
    assert DataSettings(faces=FaceSettings(align=False)).reading["faces"]["align"] is False
