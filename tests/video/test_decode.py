"""Promises of decoding: frames come by presentation time, upright, and bad files say what is wrong with them."""

from fractions import Fraction

import av
import numpy as np
import pytest

from slimaffect.errors import VideoError
from slimaffect.video.decode import frames, probe


def shades(path, rate, **more):
    """The grey level of every sampled frame: the tests draw frame i in the grey of 4 i + 20."""
    return [round((f.picture.rgb().mean() - 20) / 4) for f in frames(path, rate=float(rate), **more)]


def shade(films, count):
    """Still pictures that count upwards in grey."""
    return [films.still((20 + 4 * i,) * 3, 64, 48) for i in range(count)]


FILES = [
    ("a.mp4", "libx264", "yuv420p"),
    ("a.mkv", "libx264", "yuv420p"),
    ("a.mov", "mpeg4", "yuv420p"),
    ("a.avi", "mpeg4", "yuv420p"),
    ("a.webm", "libvpx", "yuv420p"),
    ("nine.webm", "libvpx-vp9", "yuv420p"),
    ("alpha.webm", "libvpx-vp9", "yuva420p"),
    ("ten.mp4", "libx264", "yuv420p10le"),
    ("fine.mp4", "libx264", "yuv444p"),
    ("studio.mov", "prores_ks", "yuva444p10le"),
    ("grey.mkv", "ffv1", "gray"),
    ("grey10.mkv", "ffv1", "gray10le"),
    ("packed.mkv", "ffv1", "bgr0"),
    ("full.avi", "mjpeg", "yuvj420p"),
]


@pytest.mark.parametrize(("name", "codec", "pixel_format"), FILES)
def test_every_container_codec_and_pixel_format_gives_the_same_frames(films, tmp_path, name, codec, pixel_format):
    """Frames are found by their time whatever they are packed in; 10 bits, alpha and full range change no grey."""
    path = films.film(tmp_path / name, shade(films, 40), codec=codec, pixel_format=pixel_format)
    assert shades(path, 12.5) == list(range(0, 40, 2))
    facts = probe(path)
    assert (facts.width, facts.height, facts.rotation) == (64, 48, 0)
    assert facts.rate == pytest.approx(25)
    assert facts.duration_s == pytest.approx(1.6, abs=0.05)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "yuvj420p", "yuv444p"])
def test_colours_survive(films, tmp_path, pixel_format):
    """Red is red: planes are turned into RGB by the equations of their own range and standard."""
    codec = "mjpeg" if pixel_format == "yuvj420p" else "libx264"
    path = films.film(tmp_path / "a.mkv", [films.still((200, 60, 30))] * 3, codec=codec, pixel_format=pixel_format)
    seen = next(frames(path, rate=5.0)).picture.rgb().mean(axis=(0, 1))
    assert seen == pytest.approx([200, 60, 30], abs=4)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_film_rate_is_sampled_by_time(films, tmp_path, suffix):
    """At 23.976 frames a second, second 2 shows frame 47, and not frame 50 as counting two of three would have it."""
    path = films.film(tmp_path / f"a{suffix}", shade(films, 50), rate=Fraction(24000, 1001))
    expected = [int(tick / 12.5 * 24000 / 1001 + 0.03) for tick in range(27)]
    assert shades(path, 12.5) == expected
    assert probe(path).rate == pytest.approx(23.976, abs=0.001)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_rate_equal_to_the_files_gives_every_frame_once(films, tmp_path, suffix):
    """Times that Matroska rounded to milliseconds neither repeat nor drop a frame."""
    path = films.film(tmp_path / f"a{suffix}", shade(films, 30), rate=30)
    assert shades(path, 30) == list(range(30))


def test_a_higher_rate_repeats_the_frame_that_is_shown(films, tmp_path):
    """At twice the file's rate every frame is shown twice."""
    path = films.film(tmp_path / "a.mp4", shade(films, 6), rate=10)
    assert shades(path, 20) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_variable_frame_rate_holds_a_frame_for_as_long_as_it_is_shown(films, tmp_path):
    """A gap of half a second is filled by the frame before it, as a player would."""
    times = [0.0, 0.1, 0.2, 0.7, 0.75, 1.2]
    path = films.film(tmp_path / "a.mkv", shade(films, 6), rate=25, times=times)
    assert shades(path, 10)[:12] == [0, 1, 2, 2, 2, 2, 2, 3, 4, 4, 4, 4]


def test_time_begins_at_the_first_frame(films, tmp_path):
    """A video whose first time stamp is 3 s starts at 0 s all the same."""
    path = films.film(tmp_path / "a.mkv", shade(films, 5), times=[3.0, 3.1, 3.2, 3.3, 3.4])
    seen = list(frames(path, rate=10.0))
    assert seen[0].time_s == 0
    assert shades(path, 10)[:5] == [0, 1, 2, 3, 4]


def test_a_time_stamp_that_jumps_ends_the_video(films, tmp_path):
    """A broken clock makes a complaint, and not an hour of one repeated frame."""
    path = films.film(tmp_path / "a.mkv", shade(films, 4), times=[0.0, 0.1, 0.2, 4000.0])
    complaints = []
    assert len(shades(path, 10, complain=complaints.append)) <= 4
    assert "jump from 0.2 s to 4000.0 s" in complaints[0]


def test_a_last_frame_that_claims_an_hour_is_shown_a_minute(films, tmp_path):
    """A broken duration makes a complaint, and not an hour of one repeated frame."""
    path = tmp_path / "a.mp4"
    with (
        av.open(str(films.film(tmp_path / "b.mp4", shade(films, 4), rate=10, codec="mpeg4"))) as source,
        av.open(str(path), "w") as target,
    ):
        written = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.dts is not None]
        packets[-1].duration = round(3600 / packets[-1].time_base)
        for packet in packets:
            packet.stream = written
            target.mux(packet)
    complaints = []
    assert len(shades(path, 1, complain=complaints.append)) == 61
    assert "its last frame claims to last 3600 s: 60 s of it are used" in complaints[0]


def test_a_turned_telephone_is_shown_upright(films, tmp_path):
    """Rotation metadata is honoured: width and height change places and the left edge comes to the top."""
    image = films.still((20, 20, 20), 64, 48)
    image[:, :16] = 220  # a white left edge, which a quarter turn clockwise brings to the top
    path = films.turned(films.film(tmp_path / "a.mp4", [image] * 5), 48)
    facts = probe(path)
    assert (facts.rotation, facts.width, facts.height) == (90, 48, 64)
    shown = next(frames(path, rate=5.0)).picture.rgb()
    assert shown.shape == (64, 48, 3)
    assert shown[:12].mean() > 180
    assert shown[20:].mean() < 60


def test_odd_sizes_are_read_whole(films, tmp_path):
    """No row or column is lost where chroma planes do not divide evenly."""
    path = films.film(tmp_path / "a.mkv", [films.face(161, 121)] * 3, codec="ffv1")
    shown = next(frames(path, rate=5.0)).picture.rgb()
    assert shown.shape == (121, 161, 3)
    assert np.abs(shown.astype(int) - films.face(161, 121)).mean() < 3


def test_sound_is_no_hindrance(films, tmp_path):
    """A video with a sound track gives its frames and no complaint."""
    path, complaints = films.film(tmp_path / "a.mp4", shade(films, 10), sound=True), []
    assert shades(path, 25, complain=complaints.append) == list(range(10))
    assert complaints == []


def cut_short(path, share):
    """Keep the first part of a file."""
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


@pytest.mark.parametrize(("name", "options"), [("a.mkv", {}), ("a.avi", {}), ("a.mp4", {"movflags": "faststart"})])
def test_a_file_cut_in_the_middle_yields_its_good_frames_and_says_so(films, tmp_path, name, options):
    """What was copied in full is used; the complaint names where it breaks off."""
    noise = np.random.default_rng(0)
    images = [noise.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(100)]
    path = cut_short(films.film(tmp_path / name, images, options=options), 0.6)
    complaints = []
    count = len(list(frames(path, rate=25.0, complain=complaints.append)))
    assert 20 < count < 90
    assert any("breaks off" in complaint and "4.0 s" in complaint for complaint in complaints)


def test_damage_in_the_middle_is_passed_over(films, tmp_path):
    """A run of overwritten bytes costs some frames, not the recording."""
    path = films.film(tmp_path / "a.avi", lambda i: films.face(64, 48, 25 + i % 9, 24, 30), count=100)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 400] = bytes(400)
    path.write_bytes(bytes(data))
    assert len(list(frames(path, rate=25.0, complain=lambda _: None))) > 50


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda _, path: path, "no such file"),
        (lambda _, path: path.touch() or path, "empty (0 bytes)"),
        (lambda _, path: path.write_text("#EXTM3U\n/etc/passwd\n") and path, "cannot be opened as mp4"),
        (lambda _, path: path.write_bytes(bytes(range(256)) * 40) and path, "cannot be opened as mp4"),
        (lambda films, path: cut_short(films.film(path, [films.still()] * 20), 0.5), "breaks off before its index"),
        (lambda films, path: films.audio(path), "has no video stream, it holds audio"),
    ],
    ids=["missing", "empty", "playlist", "noise", "no index", "audio only"],
)
def test_an_unusable_file_is_refused_with_its_reason(films, tmp_path, make, reason):
    """Both ways in raise a VideoError that names the file, the reason and what to do."""
    path = make(films, tmp_path / "a.mp4")
    for enter in (probe, lambda p: list(frames(p, rate=10.0))):
        with pytest.raises(VideoError, match=r"a\.mp4: ") as caught:
            enter(path)
        assert reason in str(caught.value)


def test_a_file_without_a_single_frame_is_refused(films, tmp_path):
    """A header and damaged packets are no video."""
    path = films.film(tmp_path / "a.avi", [films.face(64, 48)] * 3)
    data = bytearray(path.read_bytes())
    first, last = data.index(b"movi") + 12, data.index(b"idx1")
    data[first:last] = bytes(last - first)
    path.write_bytes(bytes(data))
    with pytest.raises(VideoError, match="no frame can be decoded"):
        list(frames(path, rate=10.0))


def test_names_that_mean_something_to_ffmpeg_are_plain_names(films, tmp_path, monkeypatch):
    """Colons, percent signs, blanks, dots and other scripts in a name open that very file."""
    monkeypatch.chdir(tmp_path)
    for name in ("concat:a|b.mp4", "img%03d.mp4", "día 1.v2 видео.mp4"):
        made = films.film(tmp_path / "a.mp4", shade(films, 3))
        path = made.rename(tmp_path / name).relative_to(tmp_path)
        assert shades(path, 25) == [0, 1, 2]
