"""Prepared clips in a folder of a few megabytes, for a machine that has neither the videos nor PyAV.

A recording is one H.264 file of its face crops, about 1/80 of their size, beside its times, affect and mask. What is
packed is other data than what it was packed from: some 5 of 255 levels (root mean square) are lost. So whoever reports
scores on packed clips trains and tests on packed clips, and says so.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from slimaffect.callbacks import Watch, ignore
from slimaffect.data import Clips, DataSettings, Recording, prepare
from slimaffect.data.synthetic import SyntheticSettings, synthesise
from slimaffect.run.places import Places

INDEX, QUALITY = "clips.json", 22  # libx264's crf


def pack(clips: Clips, folder: Path, watch: Watch = ignore) -> None:
    """Write the clips; those of videos without labels go into a folder of their own inside."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, recording in enumerate(clips.recordings, start=1):
        _write(recording, clips.rate, *_files(folder, recording.site, recording.subject, recording.name))
        watch(f"pack {folder.name}", number, len(clips.recordings))
    index = {
        "length": clips.length,
        "rate": clips.rate,
        "windows": clips.windows.tolist(),
        "recordings": [{"site": r.site, "subject": r.subject, "name": r.name} for r in clips.recordings],
    }
    (folder / INDEX).write_text(json.dumps(index))
    if clips.unlabelled is not None:
        pack(clips.unlabelled, folder / "unlabelled", watch)


def unpack(folder: Path, into: Path, watch: Watch = ignore) -> Clips:
    """Read packed clips; their crops are decoded once into `into` and mapped into memory from there.

    OpenCV decodes, because PyAV need not be installed where this is read.
    """
    index: dict[str, Any] = json.loads((folder / INDEX).read_text())
    recordings = []
    for number, told in enumerate(index["recordings"], start=1):
        recordings.append(_read(told, folder, into))
        watch(f"unpack {folder.name}", number, len(index["recordings"]))
    inside = folder / "unlabelled"
    strangers = unpack(inside, into / inside.name, watch) if (inside / INDEX).exists() else None
    windows = np.asarray(index["windows"], np.int64).reshape(-1, 2)
    return Clips(tuple(recordings), windows, index["length"], index["rate"], unlabelled=strangers)


def packed_or_prepared(folder: Path | None, settings: DataSettings, workers: int, watch: Watch = ignore) -> Clips:
    """Read packed clips where a folder of them is given, else prepare the data."""
    cache = Places.choose().cache
    if folder:
        return unpack(folder, cache / "unpacked", watch)
    return prepare(settings, cache, workers=workers, watch=watch).clips


def strangers(people: SyntheticSettings, times: int, workers: int, watch: Watch = ignore) -> Path:
    """Draw `times` as many other people by the same generator, unless they are there; answers their folder."""
    drawn = people.model_copy(update={"seed": people.seed + 1, "subjects": times * people.subjects})
    name = f"strangers-{drawn.subjects}-{drawn.seconds:g}-{len(drawn.sites)}-{drawn.seed}"
    folder = Places.choose().cache / "datasets" / name
    if not (folder / ".complete").exists():
        synthesise(folder, drawn, workers=workers, watch=watch)
        (folder / ".complete").touch()
    return folder


def megabytes(files: Iterable[Path]) -> float:
    """Add up the files' sizes, in 1e6 bytes."""
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def _files(folder: Path, site: str, subject: str, name: str) -> tuple[Path, Path]:
    stem = f"{site}.{subject}.{name}"
    return folder / f"{stem}.mp4", folder / f"{stem}.npz"


def _write(recording: Recording, rate: float, video: Path, rest: Path) -> None:
    import av

    side = recording.frames.shape[-1]
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=round(rate), options={"preset": "slow", "crf": str(QUALITY)})
        stream.width = stream.height = side
        stream.pix_fmt, stream.codec_context.thread_count = "yuv420p", 1
        for planes in recording.frames:
            image = np.ascontiguousarray(np.asarray(planes).transpose(1, 2, 0))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    affect = recording.affect.astype(np.float32)
    np.savez_compressed(rest, affect=affect, valid=recording.valid, times=recording.times)


def _read(told: dict[str, str], folder: Path, into: Path) -> Recording:
    video, rest = _files(folder, **told)
    digest = hashlib.sha256(video.read_bytes() + rest.read_bytes()).hexdigest()
    crops = into / f"{digest[:32]}.npy"
    with np.load(rest, allow_pickle=False) as kept:
        affect, valid, times = kept["affect"], kept["valid"], kept["times"]
    if not crops.exists():
        into.mkdir(parents=True, exist_ok=True)
        part = crops.with_suffix(".part.npy")
        np.save(part, _decoded(video, len(valid)))
        part.replace(crops)
    frames = np.load(crops, mmap_mode="r", allow_pickle=False)
    return Recording(told["site"], told["subject"], told["name"], frames, affect, valid, times, digest)


def _decoded(file: Path, frames: int) -> np.ndarray:
    import cv2

    cv2.setNumThreads(1)
    opened, found = cv2.VideoCapture(str(file)), []
    while (read := opened.read())[0]:
        found.append(read[1][:, :, ::-1].transpose(2, 0, 1))
    if len(found) != frames:
        raise ValueError(f"{file}: {len(found)} frames were decoded and {frames} are wanted. Pack the clips again.")
    return np.stack(found)
