"""Promises of YuNet: what OpenCV's FaceDetectorYN finds is framed and aligned, and only the declared file is run.

The published network is no part of this repository: OpenCV runs one here that finds red squares.
"""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from slimaffect.errors import ModelError
from slimaffect.video.decode import Frame
from slimaffect.video.detect import detector
from slimaffect.video.faces import faces
from slimaffect.video.picture import Picture
from slimaffect.video.settings import FaceSettings
from slimaffect.video.yunet import PUBLISHED

_spec = importlib.util.spec_from_file_location("networks", Path(__file__).with_name("networks.py"))
networks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)


def settings(path, **more):
    """Settings that run this file and frame its boxes as they are."""
    declared = hashlib.sha256(path.read_bytes()).hexdigest()
    return FaceSettings(**{"model": str(path), "sha256": declared, "grow": 1, "drop": 0, **more})


def scene(*squares, width=640, height=384):
    """Red squares of 64 pixels about these centres (64 in the half-size picture that the network sees)."""
    image = np.zeros((height, width, 3), np.uint8)
    for x, y in squares:
        image[y - 32 : y + 32, x - 32 : x + 32] = (250, 10, 0)
    return image


@pytest.fixture(scope="module")
def red(tmp_path_factory):
    """The file of the network."""
    return networks.red_finder(tmp_path_factory.mktemp("yunet") / "red.onnx")


def see(chosen, image):
    """What YuNet with these settings sees in an RGB picture."""
    return detector("yunet", chosen).see(Frame(0.0, Picture.of_rgb(image)))


def test_a_face_is_found_in_shown_pixels(red):
    """A cell of the half-size picture about (352, 224): the box of 64 there is one of 128 in the picture shown."""
    (box,) = see(settings(red, align=False), scene((352, 224)))
    assert box.centre == pytest.approx((352, 224))
    assert box.size == pytest.approx(128)
    assert box.angle == 0
    assert 0.7 < box.score <= 1


def test_colour_is_what_it_sees(red):
    """Red is found and blue is not: the picture reaches the network in its colours."""
    assert see(settings(red), scene((352, 224))[..., ::-1]) == []


def test_growing_and_dropping_frame_the_box(red):
    """As with any detector, the crop is a multiple of the box, further down."""
    (box,) = see(settings(red, align=False, grow=1.5, drop=0.25), scene((352, 224)))
    assert box.centre == pytest.approx((352, 224 + 32))
    assert box.size == pytest.approx(192)


@pytest.mark.parametrize("lean", [-25, 0, 40])
def test_landmarks_turn_the_crop_with_the_face(tmp_path, lean):
    """A face that leans is cropped in a square that leans as much."""
    leaning = networks.red_finder(tmp_path / "leaning.onnx", lean=lean)
    (box,) = see(settings(leaning), scene((352, 224)))
    assert box.angle == pytest.approx(lean, abs=0.5)
    assert box.centre == pytest.approx((352, 224), abs=12)


def test_small_faces_are_left_out(red):
    """A face below the smallest share of the picture is somebody in the background."""
    assert len(see(settings(red, align=False, smallest=0.3), scene((352, 224)))) == 1
    assert see(settings(red, align=False, smallest=0.4), scene((352, 224))) == []


def test_a_video_is_read_with_it(red, films, tmp_path):
    """From the file to the crops: two people, and the one on the right is wished for."""
    path = films.film(tmp_path / "a.mp4", [scene((160, 224), (480, 224))] * 30)
    chosen = settings(red, prefer="right", align=False)
    seen = list(faces(path, detector("yunet", chosen), chosen, rate=12.5, pixels=32))
    assert len(seen) == 15
    assert all(face.box is not None and face.box.centre[0] > 400 for face in seen)


@pytest.mark.parametrize(("given", "missing"), [({}, "model and faces.sha256"), ({"model": "a.onnx"}, "faces.sha256")])
def test_without_a_declared_file_it_tells_where_to_get_one(given, missing):
    """Name, address and hash of the published file, and what works without one."""
    with pytest.raises(ModelError, match=missing) as caught:
        detector("yunet", FaceSettings(**given))
    assert "opencv_zoo" in str(caught.value)
    assert PUBLISHED in str(caught.value)
    assert "haar" in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    """The path as it was written."""
    with pytest.raises(ModelError, match=r"gone\.onnx: there is no such file"):
        detector("yunet", FaceSettings(model=str(tmp_path / "gone.onnx"), sha256="0" * 64))


def test_another_file_is_never_run(red):
    """Both hashes are told."""
    found = hashlib.sha256(red.read_bytes()).hexdigest()
    with pytest.raises(ModelError, match=f"its sha256 is {found}, but data.faces.sha256 declares {'1' * 64}"):
        detector("yunet", settings(red, sha256="1" * 64))


def test_a_file_that_is_no_yunet_is_refused(tmp_path):
    """OpenCV's reason in a sentence, before any video is opened."""
    path = tmp_path / "noise.onnx"
    path.write_bytes(b"no network" * 10)
    with pytest.raises(ModelError, match="cannot run it as YuNet"):
        detector("yunet", settings(path))
