"""Damage done to one recording at random, and what preparing it must still keep to."""

import importlib.util
import random
import shutil
import struct
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

from slimaffect.data import ClipSettings, DatasetFacts, DataSettings, prepare, write_dataset_yaml
from slimaffect.errors import SlimError


def _load(path: Path):
    spec = importlib.util.spec_from_file_location(f"damage_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


films = _load(Path(__file__).parents[1] / "video" / "films.py")
mutations = _load(Path(__file__).parent / "importers" / "mutations.py")

KINDS = {  # file name -> codec and what is special about it
    "h264.mp4": {},
    "sound.mp4": {"sound": True},
    "fast.mp4": {"options": {"movflags": "faststart"}},
    "fragmented.mp4": {"options": {"movflags": "frag_keyframe+empty_moov"}},
    "h264.mkv": {},
    "variable.mkv": {"times": [0, 0.04, 0.1, 0.3, 0.33, 0.4, 0.7, 0.71, 0.8, 0.95, 1.0, 1.1]},
    "ffv1.mkv": {"codec": "ffv1"},
    "mpeg4.mov": {"rate": Fraction(30000, 1001)},
    "mjpeg.mov": {"codec": "mjpeg", "pixel_format": "yuvj420p"},
    "mpeg4.avi": {},
    "mjpeg.avi": {"codec": "mjpeg", "pixel_format": "yuvj420p"},
    "vp8.webm": {},
    "vp9.webm": {"codec": "libvpx-vp9"},
}
DETECTORS = ("none", "none", "none", "haar", "boxes")
BOXES = "time,x,y,width,height,score\n" + "".join(f"{i / 5},20,10,30,30,0.9\n" for i in range(6))
WORDS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
LONGEST_S = 10.0  # of CPU: others may share the machine; who waits without working is ended by a test's time limit


def good_films(folder: Path) -> list[Path]:
    """One sound film of each codec and container: a dozen frames of a face that sways."""
    images = [films.face(80, 64, x=40 + i % 5, y=32, size=50) for i in range(12)]
    return [films.film(folder / name, images, **{"rate": 10, **how}) for name, how in KINDS.items()]


def case(film: Path, seed: int, sandbox: Path) -> str:
    """Damage one recording of a dataset, prepare it, and check the promises; returns how it ended.

    Raises:
        AssertionError: a promise is broken.
    """
    rng = random.Random(f"{film.name} {seed}")
    lab, outside = sandbox / "lab", sandbox / "outside"
    settings = _dataset(lab, film, rng)
    outside.mkdir()
    shutil.copyfile(film, outside / "secret.mp4")
    for _ in range(rng.choice([1, 1, 2, 3])):
        _damage(lab, outside, rng)
    before, begun = mutations.snapshot(lab) | mutations.snapshot(outside), time.process_time()
    try:
        ended, said = _ending(prepare(settings, sandbox / "cache")), "in full"
    except SlimError as error:
        ended, said = type(error).__name__, str(error)
    assert said, "an error without words"
    assert time.process_time() - begun < LONGEST_S, "a preparation that hangs"
    assert mutations.snapshot(lab) | mutations.snapshot(outside) == before, "a file outside the cache was touched"
    assert {path.name for path in sandbox.iterdir()} <= {"lab", "outside", "cache"}, "something was left beside it"
    return ended


def _dataset(lab: Path, film: Path, rng: random.Random) -> DataSettings:
    folder = lab / "S" / "p"
    films.labels(folder / "task.csv", 1.2)
    shutil.copyfile(film, folder / f"task{film.suffix}")
    (folder / "task.boxes.csv").write_text(BOXES)
    write_dataset_yaml(lab, DatasetFacts(name="lab"))
    return DataSettings(
        source=str(lab), rate=rng.choice([5, 12.5, 30]), pixels=16, detector=rng.choice(DETECTORS),
        clip=ClipSettings(frames=2, stride=2),
    )  # fmt: skip


def _ending(prepared) -> str:
    """What was prepared holds together: crops for every time, affect in its range, and every problem in words."""
    for recording in prepared.clips.recordings:
        assert len(recording.frames) == len(recording.times) == len(recording.affect)
        assert recording.frames.shape[1:] == (3, 16, 16)
        assert recording.valid.any()
        assert (np.abs(recording.affect[recording.valid]) <= 1).all()
        assert (np.diff(recording.times) > 0).all()
    assert all(problem.what and problem.next for problem in prepared.problems)
    return "prepared, with problems" if prepared.problems else "prepared"


def _damage(lab: Path, outside: Path, rng: random.Random) -> None:
    """Do one kind of damage to the video, or to one of its tables."""
    left = sorted(path for path in (lab / "S" / "p").glob("task.*") if path.is_file() and not path.is_symlink())
    videos, tables = ([path for path in left if (path.suffix == ".csv") is is_table] for is_table in (False, True))
    crude = rng.random() < 0.25  # most of it ends before a frame is decoded
    if videos and rng.random() < 0.75:
        kind = rng.choice(CRUDE if crude else (bits, bits, word, word, word, chunk, graft))
        kind(videos[0], lab, outside, rng)
    elif tables:
        kind = rng.choice(CRUDE if crude else (mutations.cell, mutations.line, mutations.rows))
        kind(rng.choice(tables), lab, outside, rng)


CRUDE = (
    mutations.flip,
    mutations.cut,
    mutations.nul,
    mutations.delete,
    mutations.link,
    mutations.pipe,
    mutations.folder,
)


def bits(path: Path, _lab: Path, _outside: Path, rng: random.Random) -> None:
    """Change bytes near the beginning or the end, where containers keep their tables."""
    raw = bytearray(path.read_bytes() or b"x")
    for _ in range(rng.randint(1, 30)):
        raw[_at(raw, rng)] = rng.randrange(256)
    path.write_bytes(raw)


def word(path: Path, _lab: Path, _outside: Path, rng: random.Random) -> None:
    """Put an extreme number where a size, a count, a time or an offset may stand."""
    raw = bytearray(path.read_bytes() or b"x")
    for _ in range(rng.randint(1, 3)):
        at, form = _at(raw, rng), rng.choice([">I", "<I", ">H", "<H", ">Q"])
        put = struct.pack(form, rng.choice(WORDS) & (0xFFFF if form[1] == "H" else 0xFFFFFFFFFFFFFFFF))
        raw[at : at + len(put)] = put
    path.write_bytes(raw)


def chunk(path: Path, _lab: Path, _outside: Path, rng: random.Random) -> None:
    """Drop a piece, repeat it, or move it elsewhere."""
    raw = path.read_bytes()
    first, last = sorted(rng.randint(0, len(raw)) for _ in range(2))
    piece, rest = raw[first:last], raw[:first] + raw[last:]
    at = rng.randint(0, len(rest))
    path.write_bytes(rest[:at] + piece * rng.randint(0, 2) + rest[at:])


def graft(path: Path, _lab: Path, outside: Path, rng: random.Random) -> None:
    """Put the head of one file on the body of another."""
    raw, other = path.read_bytes(), (outside / "secret.mp4").read_bytes()
    path.write_bytes(raw[: rng.randint(0, len(raw))] + other[rng.randint(0, len(other)) :])


def _at(raw: bytearray, rng: random.Random) -> int:
    near = rng.randrange(min(len(raw), 1500))
    return rng.choice([near, len(raw) - 1 - near, rng.randrange(len(raw))])
