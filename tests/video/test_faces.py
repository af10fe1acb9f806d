"""Promises of the way in: a video file becomes face crops on an even clock, on real encoded files."""

import numpy as np
import pytest

from slimaffect.errors import VideoError
from slimaffect.video.detect import detector
from slimaffect.video.faces import faces
from slimaffect.video.settings import FaceSettings


def read(path, name="haar", rate=12.5, **more):
    """All faces of a video with the default settings."""
    return list(faces(path, detector(name, FaceSettings()), FaceSettings(), rate=rate, pixels=48, **more))


def test_a_moving_face_stays_in_the_crop(films, tmp_path):
    """The crop follows the face: the skin stays in its middle while the face walks through the picture."""
    path = films.film(tmp_path / "a.mp4", lambda i: films.face(240, 120, 60 + i, 60, 80), count=100)
    seen = read(path)
    assert len(seen) == 50
    assert all(face.box is not None for face in seen)
    assert seen[-1].box.x - seen[0].box.x == pytest.approx(98, abs=60)  # smoothing lags behind a steady walk
    middle = np.array([face.crop[:, 20:28, 20:28].mean(axis=(1, 2)) for face in seen[:12]])
    assert (middle[:, 0] > middle[:, 2] + 20).all()


@pytest.mark.parametrize(("suffix", "codec"), [(".mkv", "libx264"), (".webm", "libvpx-vp9"), (".mov", "mpeg4")])
def test_the_container_does_not_change_the_crop(films, tmp_path, suffix, codec):
    """The same film in other containers and codecs gives the same crops but for coding noise."""
    reference = read(films.film(tmp_path / "a.mp4", lambda i: films.face(x=70 + 0.2 * i), count=30))
    other = read(films.film(tmp_path / f"b{suffix}", lambda i: films.face(x=70 + 0.2 * i), count=30, codec=codec))
    assert len(reference) == len(other) == 15
    difference = np.abs(reference[7].crop.astype(int) - other[7].crop)
    assert difference.mean() < 8


def test_a_turned_telephone_shows_upright_faces(films, tmp_path):
    """Haar finds upright faces only: with the rotation honoured it finds this one."""
    lying = np.ascontiguousarray(np.rot90(films.face(120, 160, 60, 80, 80), 1))
    path = films.turned(films.film(tmp_path / "a.mp4", [lying] * 30), 120)
    seen = read(path)
    assert all(face.box is not None for face in seen)
    assert seen[0].box.y + seen[0].box.size / 2 == pytest.approx(85, abs=12)


def test_a_face_that_leaves_is_masked_and_comes_back(films, tmp_path):
    """Six seconds, away from second 2 to second 5: masked in between, with zeros for crops."""
    path = films.film(tmp_path / "a.mp4", lambda i: films.still() if 20 <= i < 50 else films.face(), count=70, rate=10)
    seen = read(path, rate=10.0)
    there = np.array([face.box is not None for face in seen])
    assert there[:20].all()
    assert there[51:].all()
    assert not there[31:40].any()
    assert (seen[35].crop == 0).all()


def test_no_face_at_all(films, tmp_path):
    """A video of nobody has no box and no crop."""
    assert all(face.box is None for face in read(films.film(tmp_path / "a.mp4", [films.still()] * 50)))


def test_the_whole_frame_needs_no_face(films, tmp_path):
    """With detector none the whole picture is the crop."""
    seen = read(films.film(tmp_path / "a.mp4", [films.still((10, 200, 30), 64, 64)] * 20), "none")
    assert all(face.box is not None and face.box.size == 64 for face in seen)
    assert seen[3].crop.mean(axis=(1, 2)) == pytest.approx([10, 200, 30], abs=5)


def test_two_readings_are_the_same(films, tmp_path):
    """Decoding, detection and cropping have no chance in them."""
    path = films.film(tmp_path / "a.mp4", lambda i: films.face(x=60 + i), count=50)
    one, other = read(path), read(path)
    assert all((a.crop == b.crop).all() and a.box == b.box for a, b in zip(one, other, strict=True))


def test_a_bad_file_is_a_video_error(tmp_path):
    """The reason comes through to whoever asked for faces."""
    (tmp_path / "a.mp4").touch()
    with pytest.raises(VideoError, match="0 bytes"):
        read(tmp_path / "a.mp4")
