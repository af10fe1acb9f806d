"""A video is read as preparation reads it, whatever its rate, rotation and people."""

import csv
from fractions import Fraction

import numpy as np
import pytest

from slimaffect.runtime import Predictor
from slimaffect.runtime.job import How, Job, do
from slimaffect.runtime.reading import read_video
from slimaffect.video.detect import detector
from slimaffect.video.faces import faces
from slimaffect.video.settings import FaceSettings


@pytest.fixture(scope="module")
def predictor(shipped):
    """The bundle, opened."""
    return Predictor.load(shipped)


def rows(path, shipped, **how):
    """Read a video through the files that a user gets."""
    job = Job(path, path.with_name(f"{path.name}.affect.csv"), How(shipped, "onnxruntime", **how))
    outcome = do(job)
    assert not outcome.why_not
    with job.table.open() as file:
        return outcome, list(csv.DictReader(file))


@pytest.mark.parametrize("rate", [1, 24, Fraction(24000, 1001), 60])
def test_any_rate_gives_rows_at_the_models_rate(films, tmp_path, shipped, rate):
    """Three seconds at 1, 24, 23.976 and 60 frames a second: a row every 0.08 s, all with a face."""
    path = films.film(tmp_path / "a.mp4", [films.face()] * round(3 * rate), rate=rate)
    outcome, read = rows(path, shipped)
    assert len(read) in {37, 38}  # 72 frames at 23.976 last 3.003 s
    assert [float(row["time"]) for row in read] == pytest.approx(np.arange(len(read)) / 12.5, abs=1e-4)
    assert {row["valid"] for row in read} == {"1"}
    assert all(0 < float(row["face_score"]) <= 1 for row in read)
    assert all(abs(float(row[name])) <= 1 for row in read for name in ("valence", "arousal"))
    assert outcome.video_s == pytest.approx(3, abs=0.1)


def test_answers_are_those_of_prepared_frames(films, tmp_path, shipped, predictor):
    """The table holds what the model says to the crops that preparation would have kept, to the last digit written."""
    path = films.film(
        tmp_path / "a.mp4", lambda i: films.still() if 50 <= i < 150 else films.face(x=60 + i / 5), count=200
    )
    settings = FaceSettings()
    crops = np.stack([f.crop for f in faces(path, detector("haar", settings), settings, rate=12.5, pixels=16)])
    truth, (_, read) = predictor.clip(crops), rows(path, shipped)
    assert len(read) == len(truth) == 100
    seen = np.array([row["valid"] == "1" for row in read])
    assert 0.3 < seen.mean() < 0.9
    told = np.array([[float(row["valence"]), float(row["arousal"])] for row in read if row["valid"] == "1"])
    np.testing.assert_allclose(told, truth[seen], atol=1e-6)


def test_without_a_face_nothing_is_told(films, tmp_path, shipped):
    """A video of nobody has all its rows, each marked invalid, with empty cells for what was not measured."""
    outcome, read = rows(films.film(tmp_path / "a.mp4", [films.still()] * 50), shipped)
    assert (outcome.ticks, outcome.faces) == (25, 0)
    assert {(row["valence"], row["arousal"], row["face_score"], row["valid"]) for row in read} == {("", "", "", "0")}


def test_a_face_that_leaves_is_marked_and_comes_back(films, tmp_path, shipped):
    """Away from second 2 to second 6 of 8: valid at both ends, not in the middle."""
    path = films.film(tmp_path / "a.mp4", lambda i: films.still() if 20 <= i < 60 else films.face(), count=80, rate=10)
    _, read = rows(path, shipped)
    there = {float(row["time"]): row["valid"] == "1" for row in read}
    assert all(valid for time_s, valid in there.items() if time_s < 1.9 or time_s > 6.1)
    assert not any(valid for time_s, valid in there.items() if 3.2 < time_s < 4.8)


def test_a_turned_telephone_and_two_people(films, tmp_path, predictor):
    """A lying film is read upright; of two people one is followed throughout."""
    lying = np.ascontiguousarray(np.rot90(films.face(120, 160, 60, 80, 80), 1))
    turned = films.turned(films.film(tmp_path / "turned.mp4", [lying] * 30), 120)
    assert read_video(predictor, turned, FaceSettings()).valid.all()
    both = np.hstack([films.face(160, 120, 80, 60, 85), films.face(160, 120, 80, 60, 70)])
    centres = []
    pair = films.film(tmp_path / "pair.mp4", [both] * 50)
    read = read_video(predictor, pair, FaceSettings(), sinks=[lambda face, _: centres.append(face.box.centre[0])])
    assert read.valid.all()
    assert max(centres) < 160


def test_time_is_billed_to_the_stages(films, tmp_path, predictor):
    """Decode, faces, crop and model have each taken some time, and together no more than all of it."""
    read = read_video(predictor, films.film(tmp_path / "a.mp4", [films.face()] * 50), FaceSettings())
    assert all(read.stages[stage] > 0 for stage in ("decode", "faces", "crop", "model"))
    assert sum(read.stages.values()) <= read.wall_s
    assert read.video_s == 2.0


def test_a_damaged_end_is_noted(films, tmp_path, shipped):
    """What can be read of a film that breaks off is read, and the outcome says so."""
    path = films.film(tmp_path / "a.mkv", lambda i: films.face(x=60 + i / 5), count=150)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    outcome, read = rows(path, shipped)
    assert 0 < len(read) < 75
    assert "breaks off" in outcome.notes[0]


def test_overlay_and_plot(films, tmp_path, shipped):
    """The overlay has a picture for each row and is private; the plot is a PNG; nothing unfinished is left."""
    import av

    path = films.film(tmp_path / "b.mp4", [films.face(162, 122)] * 50)
    _, read = rows(path, shipped, plot=True, overlay=True)
    overlay = tmp_path / "b.mp4.affect.mp4"
    with av.open(str(overlay)) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(read)
    assert overlay.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "b.mp4.affect.png").read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob(".*"))
