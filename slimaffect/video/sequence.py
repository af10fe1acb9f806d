"""Images as a video: an index `<recording>.frames` (CSV: time,path,bytes) read on the same clock as a video file."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path
from statistics import median_low
from typing import cast

import av
import yaml
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

from slimaffect.callbacks import Complain, ignore
from slimaffect.errors import VideoError
from slimaffect.video.decode import ROUNDING_S, Frame, VideoFacts, turns
from slimaffect.video.picture import Picture, picture

CODECS = {".jpg": "mjpeg", ".jpeg": "mjpeg", ".png": "png"}
LARGEST_INDEX = 64 << 20  # bytes; a million images need some 40 MB
LARGEST_IMAGE = 64 << 20  # bytes of a file
MOST_PIXELS = 1 << 26  # of an image: 8192 x 8192; a decompression bomb has more
LONGEST_HOLD_S = 3600.0  # a longer gap between two images is a broken time
STILL_S = 0.04  # what a single image lasts


@dataclass(frozen=True)
class Image:
    """One line of the index: seconds from the first image, the file, and its size in bytes when it was indexed."""

    time_s: float
    path: Path
    bytes: int


def probe_sequence(path: Path) -> VideoFacts:
    """Tell a sequence's facts from its index and first readable image.

    Raises:
        VideoError: the index is damaged, points outside the media folder, or no image can be read.
    """
    images = read_index(path)
    step_s = _step_s(images)
    shown = next((shown for image in images if (shown := _read(image, ignore)) is not None), None)
    if shown is None:
        raise VideoError(f"{path}: none of its {len(images)} images can be read. Import the dataset again.")
    codec = CODECS[images[0].path.suffix.casefold()]
    return VideoFacts(images[-1].time_s + step_s, 1 / step_s, shown.width, shown.height, 0, codec, len(images))


def sequence_frames(path: Path, *, rate: float, complain: Complain) -> Iterator[Frame]:
    """Yield what the sequence shows at 0, 1/rate, 2/rate, ... seconds: the latest image that can be read.

    Where images are missing the one before them is held; the annotation has no row there, so it is not used.

    Raises:
        VideoError: the index is damaged, points outside the media folder, or no image can be read.
    """
    images = read_index(path)
    ends = [image.time_s for image in images[1:]] + [images[-1].time_s + _step_s(images)]
    tick, shown, unread = 0, None, []
    for image, end_s in zip(images, ends, strict=True):
        until = ceil((end_s - ROUNDING_S) * rate)
        if tick >= until:
            continue  # no tick falls on this image: it is not even read
        shown = _read(image, unread.append) or shown
        if shown is not None:
            for now in range(tick, until):
                yield Frame(now / rate, shown)
        tick = until
    if shown is None:
        raise VideoError(f"{path}: none of its {len(images)} images can be read. Import the dataset again.")
    if unread:
        complain(f"{len(unread)} images cannot be read (first: {unread[0]}): the ones before them stand in")


def read_index(path: Path) -> list[Image]:
    """Read and check an index; every path is confined to the media folder that dataset.yaml declares.

    Raises:
        VideoError: the index is missing or damaged, or points outside the media folder.
    """
    media = _media(path)
    images = [_image(path, media, line, row) for line, row in _rows(path)]
    if not images:
        raise VideoError(f"{path}: lists no image. Import the dataset again, or write lines time,path,bytes.")
    if images[0].time_s != 0:
        raise VideoError(
            f"{path}: its first image is at {images[0].time_s:g} s and must be at 0. "
            "Take that much from all times, here and in the annotation."
        )
    for before, after in pairwise(images):
        if not 0 < after.time_s - before.time_s <= LONGEST_HOLD_S:
            raise VideoError(
                f"{path}: {after.time_s:g} s follows {before.time_s:g} s. "
                f"Times must increase, by at most {LONGEST_HOLD_S:g} s; import the dataset again."
            )
    return images


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    if not path.is_file():
        raise VideoError(f"{path}: there is no such file. Check the path.")
    if path.stat().st_size > LARGEST_INDEX:
        raise VideoError(f"{path}: has {path.stat().st_size} bytes, an index at most {LARGEST_INDEX}. Import it again.")
    try:
        reader = csv.reader(io.StringIO(path.read_text("utf-8")))
        rows = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise VideoError(f"{path}: is no index of images ({error}). Import the dataset again.") from error
    if not rows or rows[0][1] != ["time", "path", "bytes"]:
        raise VideoError(f"{path}: does not begin with time,path,bytes. Import the dataset again.")
    yield from rows[1:]


def _image(index: Path, media: Path, line: int, row: list[str]) -> Image:
    try:
        time_s, name, size = float(row[0]), row[1], int(row[2])
        file = (media / name).resolve()
        inside = file.is_relative_to(media)
    except (ValueError, IndexError, OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        raise VideoError(f"{index}: line {line} is no time,path,bytes: {row}. Import the dataset again.") from error
    if not inside:
        raise VideoError(f"{index}: line {line} leaves the media folder {media}, to {file}. Correct its path.")
    if file.suffix.casefold() not in CODECS:
        raise VideoError(f"{index}: line {line} names {name}, which is no jpg or png. Convert the images.")
    return Image(time_s, file, size)


def _media(index: Path) -> Path:
    """The media folder that the dataset.yaml three folders up declares; the dataset itself where it declares none."""
    root = index.absolute().parents[2] if len(index.absolute().parents) > 2 else index.absolute().parent
    try:
        declared = yaml.safe_load((root / "dataset.yaml").read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise VideoError(f"{index}: no dataset.yaml can be read in {root}. Keep it in a dataset's folder.") from error
    media = declared.get("media") if isinstance(declared, dict) else None
    return (root / str(media or ".")).resolve()


def _read(image: Image, complain: Complain) -> Picture | None:
    """Decode one image; None where that cannot be done, after saying so."""
    try:
        return _decode(_bytes(image), CODECS[image.path.suffix.casefold()])
    except (OSError, ValueError, FFmpegError) as error:
        complain(f"{image.path.name}, {getattr(error, 'strerror', None) or error}")
        return None


def _bytes(image: Image) -> bytes:
    size = image.path.stat().st_size
    if size != image.bytes:
        raise ValueError(f"{size} bytes where {image.bytes} were indexed")
    if not image.path.is_file() or size > LARGEST_IMAGE:
        raise ValueError(f"no file of at most {LARGEST_IMAGE} bytes")
    return image.path.read_bytes()


def _decode(raw: bytes, codec: str) -> Picture:
    """One image, decoded without threads and never to more than MOST_PIXELS.

    Raises:
        ValueError, FFmpegError: it is damaged, too large, or no picture.
    """
    context = cast("VideoCodecContext", av.CodecContext.create(codec, "r"))
    context.options = {"max_pixels": str(MOST_PIXELS)}
    context.thread_count = 1
    frame = next(iter([*context.decode(av.Packet(raw)), *context.decode(None)]), None)
    if frame is None:
        raise ValueError("holds no picture")
    return picture(frame, turns=turns(frame))


def _step_s(images: list[Image]) -> float:
    """The usual time between two images."""
    return (
        median_low(after.time_s - before.time_s for before, after in pairwise(images)) if len(images) > 1 else STILL_S
    )
