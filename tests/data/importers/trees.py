"""Tiny trees in exactly the layouts in which datasets are published, drawn and encoded on the spot."""

import functools
import json
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np


@functools.cache
def video_bytes(suffix: str = ".mp4", rate: Fraction | int = 25, frames: int = 50, shade: int = 90) -> bytes:
    """Encode a video of 32 x 24 pixels that grows lighter."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"video{suffix}"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4" if suffix != ".webm" else "libvpx", rate=rate)
            stream.width, stream.height, stream.pix_fmt, stream.thread_count = 32, 24, "yuv420p", 1
            for index in range(frames):
                image = np.full((24, 32, 3), min(255, shade + index), np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode(None))
        return path.read_bytes()


def write_video(path: Path, **how) -> Path:
    """Write a video; the same settings give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(video_bytes(path.suffix, **how))
    return path


def write_image(path: Path, shade: int = 90, channels: int = 3) -> Path:
    """Write an image of 16 x 16 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_image_bytes(path.suffix, shade, channels))
    return path


@functools.cache
def _image_bytes(suffix: str, shade: int, channels: int) -> bytes:
    return cv2.imencode(suffix, np.full((16, 16, channels), shade, np.uint8))[1].tobytes()


def write_text(path: Path, *lines: str, end: str = "\n") -> Path:
    """Write lines of text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + end for line in lines), "utf-8")
    return path


def clip(
    folder: Path, name: str, actor: str, frames: int = 6, *, scale: float = 1.0, suffix: str = ".png", **changes
) -> None:
    """One AFEW-VA clip: images 00000 ... and a JSON of integers; `changes` drop an image or a frame of the JSON."""
    known = {
        f"{k:05d}": {"valence": (k - 2) * scale, "arousal": 3 * scale, "landmarks": [[1, 2]]} for k in range(frames)
    }
    known.pop(changes.get("without_frame"), None)
    write_text(folder / f"{name}.json", json.dumps({"actor": actor, "frames": known}))
    for k in range(frames):
        if f"{k:05d}" != changes.get("without_image"):
            write_image(folder / f"{k:05d}{suffix}", 60 + 10 * k)


def afew_va(root: Path) -> Path:
    """Flat and in parents, jpg and png, two clips of one actor, a divided one, an extra cropped folder, gaps."""
    clip(root / "001", "001", "Ann Actor")
    clip(root / "002", "002", "Ann Actor", suffix=".jpg")
    clip(root / "01" / "003", "003", "Ben Actor", without_image="00003")
    clip(root / "12" / "600", "600", "Cleo Actor", without_frame="00004")
    clip(root / "004", "004", "Dan Actor", scale=0.1)
    write_image(root / "001" / "cropped" / "00000.png")
    return root


def track(path: Path, count: int = 50, marked: dict[int, str] | None = None) -> Path:
    """An Aff-Wild2 VA file: a header and a row per video frame; `marked` replaces rows by frame number from 1."""
    rows = [(marked or {}).get(k, f"{k / 100:.2f},{-k / 200:.3f}") for k in range(1, count + 1)]
    return write_text(path, "valence,arousal", *rows)


def crops(folder: Path, frames: range, missing: tuple[int, ...] = ()) -> None:
    """Cropped frames, numbered from 1."""
    for k in frames:
        if k not in missing:
            write_image(folder / f"{k:05d}.jpg", 60 + k)


def aff_wild2(root: Path, *, cropped: str | None = None) -> Path:
    """Videos in batches, tracks of two packagings and the multi-task one, marks, two people in one video, dotted names."""
    va = root / "VA_Estimation_Challenge"
    track(va / "Train_Set" / "video1.txt", marked={3: "-5,-5", 4: "-5,0.1"})
    track(va / "Validation_Set" / "10-60-1280x720_right.txt")
    track(va / "Validation_Set" / "10-60-1280x720_left.txt")
    track(va / "Train_Set" / "clip.v1.2-final.txt", count=30)
    track(root / "VA_Set" / "Validation_Set" / "video1.txt")
    write_text(root / "EXPR_Set" / "video1.txt", "Neutral,Anger", "0", "1")
    rows = [f"video7/{k:05d}.jpg,{k / 100},0.5,4,{','.join('0' * 12)}" for k in range(1, 31)]
    write_text(root / "MTL_Challenge" / "train_set.txt", "image,valence,arousal,expression,aus", *rows)
    write_video(root / "batch1" / "video1.mp4")
    write_video(root / "batch2" / "10-60-1280x720.mp4")
    write_video(root / "batch3" / "clip.v1.2-final.avi", rate=Fraction(30000, 1001), frames=30)
    write_video(root / "batch1" / "video7.mp4", rate=Fraction(15, 2), frames=30)
    if cropped:
        crops(root / cropped / "video1", range(1, 51), missing=(1, 2, 20, 21, 22, 23, 24, 25, 26, 27, 28))
        crops(root / cropped / "10-60-1280x720_left", range(1, 51))
        crops(root / cropped / "10-60-1280x720_right", range(1, 51))
    return root


def ratings(count: int = 51, raters: int = 6, shift: float = 0.0) -> np.ndarray:
    """What raters said: the same curve, each with an offset."""
    curve = 0.3 * np.sin(np.arange(count) / 8) + shift
    return np.stack([curve + 0.02 * r for r in range(raters)], axis=1)


def recola(root: Path) -> Path:
    """Raw RECOLA: trailing blanks in the header, six raters, 25 rows a second."""
    for dimension, shift in (("arousal", 0.1), ("valence", -0.2)):
        for person in ("P16", "P17"):
            rows = [
                f"{i * 0.04:.2f};" + ";".join(f"{v:.3f}" for v in row) for i, row in enumerate(ratings(shift=shift))
            ]
            path = root / "RECOLA-Annotation" / "emotional_behaviour" / dimension / f"{person}.csv"
            write_text(path, "time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3 ", *rows)
    for person in ("P16", "P17"):
        write_video(root / "RECOLA-Video-recordings" / f"{person}.mp4")
    return root


def arff(path: Path, values: np.ndarray, *, comments: int = 0) -> Path:
    """A gold standard; the header is as long as it likes."""
    rows = [f"'{path.stem}',{i * 0.04:.2f},{value:.4f}" for i, value in enumerate(values)]
    attributes = ("@attribute name string", "@attribute frameTime numeric", "@attribute GoldStandard numeric")
    return write_text(path, "@relation gold", *["% a comment"] * comments, "", *attributes, "", "@data", "", *rows)


def avec_recola(root: Path) -> Path:
    """AVEC 2015/16: ARFF files with different header lengths, one recording with individual ratings only."""
    for dimension, shift in (("arousal", 0.1), ("valence", -0.2)):
        gold = ratings(shift=shift).mean(axis=1)
        folder = root / "ratings_gold_standard" / dimension
        arff(folder / "train_1.arff", gold)
        arff(folder / "dev_1.arff", gold, comments=4)
        arff(folder / "train_all.arff", gold)
        for name in ("train_1", "dev_2"):
            rows = [
                f"{i * 0.04:.2f};" + ";".join(f"{v:.3f}" for v in row) for i, row in enumerate(ratings(shift=shift))
            ]
            write_text(root / "ratings_individual" / dimension / f"{name}.csv", "time;FM1;FM2;FM3;FF1;FF2;FF3", *rows)
    for name in ("train_1", "dev_1", "dev_2", "test_1"):
        write_video(root / "recordings_video" / f"{name}.mp4")
    write_text(root / "features_audio" / "train_1.arff", "@relation x", "@data", "1")
    return root


def avec_sewa(root: Path) -> Path:
    """AVEC 2018: two cultures, no header, arousal first, quoted names, a test part without labels, unequal lengths."""
    for name, count in (("Train_DE_01", 21), ("Devel_DE_01", 21), ("Test_HU_01", 5), ("Train_HU_02", 60)):
        rows = [f"'{name}';{i / 10:.2f};{0.5 - i / 200:.3f};{-0.25 + i / 200:.3f};0.1" for i in range(count)]
        write_text(root / "labels" / f"{name}.csv", *rows)
        write_video(root / "video" / f"{name}.mp4")
    write_text(root / "labels" / "Test_HU_03.csv", *[f"'Test_HU_03';{i / 10:.1f}" for i in range(20)])
    write_video(root / "video" / "Test_HU_03.mp4")
    write_video(root / "video" / "Test_HU_04.avi")
    write_text(root / "turns" / "Train_DE_01.csv", "0.1;0.4")
    return root


def omg(root: Path) -> Path:
    """OMG-Emotion: both spellings of the vote, a missing medium, a negative arousal, a folder of images."""
    head = "link,start,end,video,utterance,arousal,valence,"
    write_text(
        root / "omg_TrainVideos.csv",
        f"{head}EmotionMaxVote",
        "https://x/a,0,2,aa.1,utterance_1.mp4,0.4,-0.3,4",
        "https://x/a,2,4,aa.1,utterance_2.mp4,-0.1,0.2,3",
        "https://x/b,0,2,-bb,utterance_1.mp4,0.9,0.8,3",
        "https://x/c,0,2,cc,utterance_3.mp4,0.5,0.1,1",
    )
    write_text(
        root / "omg_ValidationVideos.csv", f"{head}emotionMaxVote", "https://x/d,0,2,dd,utterance_1.mp4,0.2,0.1,2"
    )
    write_text(
        root / "omg_TestVideos_WithoutLabels.csv",
        "link,start,end,video,utterance",
        "https://x/e,0,2,ee,utterance_1.mp4",
    )
    write_text(root / "DetailedAnnotations" / "aa.csv", "video,utterance,arousal,valence", "aa,utterance_1.mp4,1,1")
    for place in ("aa.1/utterance_1", "aa.1/utterance_2", "dd/utterance_1"):
        write_video(root / "Train" / f"{place}.mp4")
    crops(root / "Train" / "-bb" / "video" / "utterance_1", range(1, 9))
    return root


def curve(path: Path, *rows: str, head: str = "time,valence,arousal") -> Path:
    """A continuous annotation."""
    return write_text(path, head, *(rows or [f"{i / 5:.1f},{i / 20:.2f},-0.1" for i in range(11)]))


def multisite(root: Path) -> Path:
    """Three sites: continuous, rated per task in a table of the site, rated in one table of all."""
    write_video(root / "north" / "p1" / "reading.mp4")
    curve(root / "north" / "p1" / "reading.csv")
    write_video(root / "north" / "p2" / "calls" / "front.mp4")
    rows = [f"{i / 5:.1f};{i / 20:.2f};-0,1".replace(".", ",") for i in range(11)]
    curve(root / "north" / "p2" / "calls" / "front.csv", *rows, head="Time ; Valence ; Arousal")
    write_video(root / "south" / "p3" / "reading.mp4")
    write_text(
        root / "south" / "ratings.csv", "subject,task,valence,arousal", "p3,reading,0.5,-0.25", "p3,writing,0.1,0.1"
    )
    write_video(root / "east" / "p4" / "reading.mov")
    write_text(
        root / "ratings.csv", "site;subject;task;valence;arousal", "east;p4;reading;0,5;-0,25", "north;p1;reading;0;0"
    )
    write_video(root / "east" / "p4" / "resting.mp4")
    return root


def manifest(root: Path) -> Path:
    """A manifest of recordings with labels of their own; a mark, an empty cell and a NaN in one of them."""
    rows = ["site;subject;path;labels"]
    for site, subject in (("rome", "a"), ("rome", "b"), ("oslo", "c")):
        write_video(root / "videos" / f"{subject}.mp4")
        curve(root / "labels" / f"{subject}.csv")
        rows.append(f"{site};{subject};videos/{subject}.mp4;labels/{subject}.csv")
    curve(
        root / "labels" / "a.csv", "0,0.1,0.1", "0.2,nan,0.1", "0.4,-999,0.3", "0.6,0.2,-2", "0.8,,0.1", "1.0,0.3,0.3"
    )
    write_text(root / "manifest.csv", *rows)
    return root


TREES = {
    "afew-va": afew_va,
    "aff-wild2": aff_wild2,
    "recola": recola,
    "avec-recola": avec_recola,
    "avec-sewa": avec_sewa,
    "omg": omg,
    "multisite": multisite,
    "manifest": manifest,
}
