"""Images as a video: the clock, the gaps, and the folder that no path may leave."""

import cv2
import numpy as np
import pytest

from slimaffect.errors import VideoError
from slimaffect.video.decode import frames, probe
from slimaffect.video.sequence import read_index


@pytest.fixture
def index(tmp_path):
    """Write images and an index of them in a dataset whose media folder is beside it."""
    media = tmp_path / "media"
    media.mkdir()
    folder = tmp_path / "dataset" / "all" / "p1"
    folder.mkdir(parents=True)
    (tmp_path / "dataset" / "dataset.yaml").write_text(f"name: x\nmedia: {media}\n")

    def write(times, *, images=True, suffix=".png", channels=3, lines=None):
        rows = []
        for k, time_s in enumerate(times):
            file = media / f"{k}{suffix}"
            if images:
                cv2.imwrite(str(file), np.full((20, 30, channels), 40 * k, np.uint8))
            rows.append(f"{time_s},{file.name},{file.stat().st_size if file.exists() else 1}")
        path = folder / "walk.v1.frames"
        path.write_text("\n".join(["time,path,bytes", *(rows if lines is None else lines)]) + "\n")
        return path

    return write


def levels(path, rate, **how):
    """Time and grey level of every frame."""
    return [(round(f.time_s, 3), int(f.picture.rgb().mean().round(-1))) for f in frames(path, rate=rate, **how)]


def test_each_tick_shows_the_latest_image(index):
    """At twice the rate images repeat, at half of it some are left out, and the last lasts as long as the others."""
    path = index([0, 0.1, 0.2, 0.3])
    assert levels(path, 20) == [
        (0, 0),
        (0.05, 0),
        (0.1, 40),
        (0.15, 40),
        (0.2, 80),
        (0.25, 80),
        (0.3, 120),
        (0.35, 120),
    ]
    assert levels(path, 5) == [(0, 0), (0.2, 80)]


def test_a_gap_holds_the_image_before_it(index):
    """Missing images do not shift those that follow."""
    assert levels(index([0, 0.1, 0.5]), 10) == [(0, 0), (0.1, 40), (0.2, 40), (0.3, 40), (0.4, 40), (0.5, 80)]


def test_probe_tells_the_facts(index):
    """Length, rate, size, codec and number of images."""
    facts = probe(index([0, 0.04, 0.08]))
    assert (facts.width, facts.height, facts.codec, facts.frames) == (30, 20, "png", 3)
    assert facts.rate == pytest.approx(25)
    assert facts.duration_s == pytest.approx(0.12)


@pytest.mark.parametrize(("suffix", "channels"), [(".png", 4), (".png", 1), (".jpg", 3), (".jpg", 1)])
def test_alpha_and_grey_images_are_read(index, suffix, channels):
    """RGBA png, grey png and jpg come out as three colours."""
    path = index([0, 0.1], suffix=suffix, channels=channels)
    assert [f.picture.rgb().shape for f in frames(path, rate=10)] == [(20, 30, 3)] * 2


def test_images_that_cannot_be_read_are_counted(index, tmp_path):
    """The image before stands in, and a sentence tells how many are missing."""
    path, said = index([0, 0.1, 0.2]), []
    (tmp_path / "media" / "1.png").write_bytes(b"no picture")
    assert levels(path, 10, complain=said.append) == [(0, 0), (0.1, 0), (0.2, 80)]
    assert len(said) == 1
    assert "1 images cannot be read (first: 1.png, 10 bytes where" in said[0]


def test_a_decompression_bomb_is_refused(index, tmp_path):
    """A small file that claims gigapixels is no picture."""
    path = index([0])
    raw = bytearray((tmp_path / "media" / "0.png").read_bytes())
    raw[16:24] = (60000).to_bytes(4, "big") * 2
    (tmp_path / "media" / "0.png").write_bytes(raw)
    with pytest.raises(VideoError, match="none of its 1 images can be read"):
        list(frames(path, rate=10))


@pytest.mark.parametrize("name", ["../secret.png", "/etc/secret.png", "link.png"])
def test_no_path_leaves_the_media_folder(index, tmp_path, name):
    """Neither upwards, absolute, nor by a link."""
    (tmp_path / "secret.png").write_bytes(b"x")
    path = index([0], lines=[f"0,{name},1"])
    (tmp_path / "media" / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(VideoError, match=r"line 2 leaves the media folder"):
        read_index(path)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "lists no image"),
        (["0.5,0.png,1"], "its first image is at 0.5 s and must be at 0"),
        (["0,0.png,1", "0,0.png,1"], "0 s follows 0 s"),
        (["0,0.png,1", "1e9,0.png,1"], r"1e\+09 s follows 0 s"),
        (["0,0.png"], "line 2 is no time,path,bytes"),
        (["nan,0.png,1"], "first image is at nan s"),
        (["0,0.gif,1"], "no jpg or png"),
        (['0,"' + "x" * 200_000 + '",1'], "no index of images"),
    ],
)
def test_a_damaged_index_is_refused_in_words(index, lines, message):
    """Each fault has its own sentence."""
    with pytest.raises(VideoError, match=message):
        read_index(index([0], lines=lines))


def test_an_index_outside_a_dataset_is_refused(tmp_path):
    """Without dataset.yaml there is no folder that paths may point into."""
    (tmp_path / "a.frames").write_text("time,path,bytes\n0,a.png,1\n")
    with pytest.raises(VideoError, match=r"no dataset.yaml can be read"):
        probe(tmp_path / "a.frames")


def test_an_index_with_another_header_is_refused(index):
    """The columns are fixed."""
    path = index([0])
    path.write_text("path,time\n")
    with pytest.raises(VideoError, match="does not begin with time,path,bytes"):
        read_index(path)
