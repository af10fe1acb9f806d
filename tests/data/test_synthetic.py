"""Promises of the synthetic dataset as a whole: real files that are read as any lab's are."""

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from slimaffect.data.layout import read_dataset
from slimaffect.data.synthetic import SyntheticSettings, synthesise
from slimaffect.data.synthetic.cast import Take, streams, takes
from slimaffect.data.synthetic.sites import SITES, shifted
from slimaffect.data.synthetic.write import live
from slimaffect.errors import DataError

SMALL = SyntheticSettings(sites=("S1", "S2"), subjects=4, seconds=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two sites, two people each, four seconds."""
    target = tmp_path_factory.mktemp("synthetic") / "data"
    synthesise(target, SMALL, workers=1, watch=lambda *_: None)
    return target


def hashes(folder: Path) -> dict[str, str]:
    """sha256 of every visible file."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def table(path: Path) -> list[list[str]]:
    """Every row of an annotation."""
    return [line.split(",") for line in path.read_text().splitlines()]


def pictures(path: Path) -> list[np.ndarray]:
    """Every frame of a video in grey."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


def test_it_is_read_like_any_dataset(folder):
    """The generic layout is understood without a problem."""
    dataset = read_dataset(folder)
    assert dataset.problems == ()
    assert dataset.name == "synthetic"
    assert [source.where for source in dataset.sources] == [
        "S1/S1P01/session01",
        "S1/S1P02/session01",
        "S2/S2P01/session01",
        "S2/S2P02/session01",
    ]


@pytest.mark.parametrize("site", ["S1", "S2"])
def test_videos_are_what_the_site_films(folder, site):
    """H.264 at the site's size and rate, with one row of labels per frame, on the frame's own time."""
    path = folder / site / f"{site}P01" / "session01"
    with av.open(str(path.with_suffix(".mp4"))) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert (stream.width, stream.height) == (SITES[site].width, SITES[site].height)
        assert stream.average_rate == Fraction(SITES[site].rate)
        times = [frame.time for frame in container.decode(stream)]
    rows = table(path.with_suffix(".csv"))[1:]
    assert len(rows) == len(times) == round(4 * SITES[site].rate)
    np.testing.assert_allclose([float(row[0]) for row in rows], times, atol=1e-3)


def test_annotations_hold_gold_and_traces(folder):
    """Gold standard and five annotators, all in [-1, 1]; the gold standard lies among them."""
    rows = table(folder / "S1/S1P01/session01.csv")
    assert rows[0] == ["time", "valence", "arousal", *(f"a{k}{axis}" for k in range(1, 6) for axis in "va")]
    values = np.array(rows[1:], dtype=float)[:, 1:]
    assert np.abs(values).max() <= 1
    np.testing.assert_allclose(values[:, 0], values[:, 2::2].mean(axis=1), atol=0.02)


def test_a_detector_finds_the_faces(folder):
    """OpenCV's Haar cascade sees a face in at least 90 % of the decoded frames."""
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt2.xml")
    seen = [frame for path in folder.rglob("*.mp4") for frame in pictures(path)[::5]]
    found = [len(cascade.detectMultiScale(frame, 1.15, 3, minSize=(60, 60))) > 0 for frame in seen]
    assert len(seen) > 30
    assert np.mean(found) >= 0.9


def test_the_same_seed_draws_the_same_files_with_any_number_of_workers(folder, tmp_path):
    """Two processes write byte for byte what one does."""
    synthesise(tmp_path / "again", SMALL, workers=2, watch=lambda *_: None)
    assert hashes(tmp_path / "again") == hashes(folder)


def test_finished_recordings_are_kept_and_missing_ones_are_drawn(tmp_path):
    """After a kill, only what has no annotation yet is drawn again, and the result is the same."""
    settings = SyntheticSettings(sites=("S1",), subjects=2, seconds=1)
    synthesise(tmp_path, settings)
    before = hashes(tmp_path)
    kept = tmp_path / "S1/S1P01/session01.mp4"
    stamp = kept.stat().st_mtime_ns
    (tmp_path / "S1/S1P02/session01.csv").unlink()
    (tmp_path / "S1/S1P02/session01.mp4").write_bytes(b"half")
    calls = []
    synthesise(tmp_path, settings, watch=lambda *call: calls.append(call))
    assert calls == [("draw", 1, 2), ("draw", 2, 2)]
    assert hashes(tmp_path) == before
    assert kept.stat().st_mtime_ns == stamp


def test_more_people_change_no_earlier_one(tmp_path):
    """A dataset can grow: the people that are there stay, the new ones come after them."""
    settings = SyntheticSettings(sites=("S1", "S2"), subjects=2, seconds=1)
    synthesise(tmp_path, settings)
    before = hashes(tmp_path)
    synthesise(tmp_path, settings.model_copy(update={"subjects": 3}))
    after = hashes(tmp_path)
    assert before.items() <= after.items()
    assert set(after) - set(before) == {"S2/S2P02/session01.mp4", "S2/S2P02/session01.csv"}


def test_forty_five_people_over_four_sites():
    """The default is 11, 12, 11 and 11 people with names of their own; the first 45 of 60 are the same."""
    cast = takes(SyntheticSettings())
    assert [sum(take.site == site for take in cast) for site in SITES] == [11, 12, 11, 11]
    assert len({take.subject for take in cast}) == 45
    assert set(cast) < set(takes(SyntheticSettings(subjects=60)))


def test_one_seed_one_life():
    """The same seed lives the same life; another seed, person or recording another one."""
    settings = SyntheticSettings(seconds=2)

    def gold(seed=0, number=1, recording=1):
        return live(streams(seed, Take("S1", number, recording)), settings, shifted(SITES["S1"], settings))[1]

    np.testing.assert_array_equal(gold(), gold())
    for other in (gold(seed=1), gold(number=2), gold(recording=2)):
        assert np.abs(other - gold()).max() > 0.01


def test_a_person_keeps_their_face_between_recordings():
    """Identity belongs to the person, behaviour to the recording."""
    first, second = streams(0, Take("S1", 1, 1)), streams(0, Take("S1", 1, 2))
    assert first.identity.random() == second.identity.random()
    assert first.behaviour.random() != second.behaviour.random()


def test_the_camera_does_not_change_the_labels():
    """Streams are separate: using one leaves the numbers of the others as they are."""
    used, fresh = streams(0, Take("S1", 1, 1)), streams(0, Take("S1", 1, 1))
    used.camera.random(1000)
    used.picture.random(1000)
    assert used.labels.random() == fresh.labels.random()


def test_other_settings_are_refused(folder):
    """Data drawn with one seed are not mixed with data of another, and the message says what differs."""
    with pytest.raises(DataError, match=r"other settings \(seed: 0 there, 7 wanted\)"):
        synthesise(folder, SMALL.model_copy(update={"seed": 7}))


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    """Nothing is written into a folder that holds other files."""
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(DataError, match="was not drawn by slim"):
        synthesise(tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_sites_are_named_once():
    """A site cannot be asked for twice, nor none at all."""
    for sites in (("S1", "S1"), ()):
        with pytest.raises(ValidationError, match="name one or more of S1, S2, S3, S4"):
            SyntheticSettings(sites=sites)


def test_no_half_written_file_is_left(folder):
    """Only finished files lie in the dataset."""
    hidden = {path.name for path in folder.rglob(".*")}
    assert hidden == {".synthetic.json"}
