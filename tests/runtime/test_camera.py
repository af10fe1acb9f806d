"""A camera is read as it comes: what is late is dropped, and the newest picture is what counts."""

import csv
import threading

import numpy as np
import pytest
from typer.testing import CliRunner

from slimaffect.cli import app
from slimaffect.errors import BundleError, VideoError
from slimaffect.runtime import Predictor, camera
from slimaffect.runtime.camera import Newest, Shot, watch
from slimaffect.runtime.diary import Diary, kept
from slimaffect.video.detect import detector
from slimaffect.video.settings import FaceSettings

SETTINGS = FaceSettings()


class Simulated:
    """A camera of a list of pictures; with a gate it gives the next one only when it is told to."""

    def __init__(self, images, gate=None):
        self.images, self.gate, self.closed = list(images), gate, False

    def read(self):
        if self.gate is not None:
            self.gate.acquire(timeout=10)
        return self.images.pop(0) if self.images else None

    def close(self):
        self.closed = True


class Timed:
    """Pictures with the times at which they were taken; an answer takes `busy_s`, in which others are overtaken."""

    def __init__(self, shots, busy_s=0.0):
        self.shots, self.busy_s, self.now, self.dropped = list(shots), busy_s, 0.0, 0

    def take(self):
        self.now += self.busy_s
        while len(self.shots) > 1 and self.shots[1].time_s <= self.now:
            self.shots.pop(0)
            self.dropped += 1
        if not self.shots:
            return None
        self.now = max(self.now, self.shots[0].time_s)
        return self.shots.pop(0)

    def clock(self):
        return self.now


@pytest.fixture(scope="module")
def predictor(shipped):
    """The bundle, opened."""
    return Predictor.load(shipped, runtime="onnxruntime")


def shots(images, rate=25.0):
    return [Shot(index / rate, image) for index, image in enumerate(images)]


def read(predictor, pictures):
    finder = detector("haar", SETTINGS)
    return list(watch(predictor, pictures, finder, SETTINGS, clock=pictures.clock))


def test_every_tick_of_the_models_clock_is_read_once(films, predictor):
    """Two seconds at 25 pictures a second: 25 answers, each with a face, none late and none missed."""
    told = read(predictor, Timed(shots([films.face()] * 50)))
    assert [live.time_s for live in told] == pytest.approx(np.arange(25) / 12.5)
    assert all(live.affect is not None and live.latency_s == 0 and live.missed == 0 for live in told)


def test_a_slow_reader_drops_pictures_and_does_not_lag(films, predictor):
    """Answers that take a fifth of a second skip what was taken meanwhile: the last is as late as the first."""
    told = read(predictor, Timed(shots([films.face()] * 75), busy_s=0.2))
    assert 10 < len(told) < 20
    assert told[-1].dropped > 40
    assert told[-1].missed > 15
    assert told[-1].time_s > 2.5
    assert all(live.latency_s < 0.05 for live in told)  # younger than one picture's time: the newest was read


def test_who_leaves_is_marked(films, predictor):
    """Nobody is told of after `hold_s` without a face, and the stream goes on."""
    told = read(predictor, Timed(shots([films.face()] * 50 + [films.still()] * 75)))
    assert told[0].affect is not None
    assert told[-1].affect is None
    assert np.isnan(told[-1].score)


def test_the_newest_picture_is_kept_and_older_ones_counted(films):
    """Three pictures come while nobody looks: the third is taken, two are counted as overtaken."""
    gate = threading.Semaphore(0)
    images = [films.still((grey,) * 3) for grey in (10, 20, 30)]
    source = Simulated(images, gate)
    newest = Newest(source)
    for _ in range(3):
        gate.release()
    while newest.seen < 3:
        pass
    shot = newest.take()
    assert shot.image[0, 0, 0] == 30
    assert newest.dropped == 2
    gate.release()
    assert newest.take() is None
    newest.close()
    assert source.closed


def test_the_diary_writes_as_it_goes(films, predictor, tmp_path):
    """A row for each answer, private, and a sentence at the end; `seconds` ends it."""
    diary, pictures = Diary(), Timed(shots([films.face()] * 50 + [films.still()] * 50))
    lines = list(kept(predictor, pictures, detector("haar", SETTINGS), SETTINGS, diary, seconds=3.5, out=tmp_path))
    file = tmp_path / "camera.affect.csv"
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert len(rows) == len(lines) == 44
    assert (rows[0]["valid"], rows[-1]["valid"]) == ("1", "0")
    assert rows[-1]["valence"] == ""
    assert file.stat().st_mode & 0o777 == 0o600
    assert "44 answers" in diary.summary()
    assert Diary().summary() == "The camera gave no picture."


def test_the_command_reads_a_camera(films, shipped, monkeypatch):
    """`slim predict BUNDLE --camera 0` shows its latency; a camera that is not there is an error of ours."""
    monkeypatch.setattr(camera, "CvCamera", lambda _: Simulated([films.face()] * 3))
    told = CliRunner().invoke(app, ["predict", str(shipped), "--camera", "0", "--runtime", "onnxruntime"])
    assert told.exit_code == 0, told.output
    assert "from picture to answer" in told.output
    monkeypatch.undo()
    refused = CliRunner().invoke(app, ["predict", str(shipped), "--camera", "97", "--runtime", "onnxruntime"])
    assert isinstance(refused.exception, VideoError)
    both = CliRunner().invoke(app, ["predict", str(shipped), "a.mp4", "--camera", "0"])
    assert isinstance(both.exception, BundleError)
