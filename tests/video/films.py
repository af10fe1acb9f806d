"""Small videos for tests, drawn and encoded on the spot: a face that Haar finds, or plain colours."""

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

CODECS = {".mp4": "libx264", ".mkv": "libx264", ".mov": "mpeg4", ".avi": "mpeg4", ".webm": "libvpx"}


def face(width: int = 160, height: int = 120, x: float = 80, y: float = 60, size: float = 80) -> np.ndarray:
    """An RGB picture of a face about (x, y), `size` pixels from forehead to chin."""
    image = np.full((height, width, 3), (70, 90, 110), np.uint8)

    def oval(across, down, wide, high, colour):
        centre = (round(16 * (x + across * size)), round(16 * (y + down * size)))
        axes = (max(1, round(16 * wide * size)), max(1, round(16 * high * size)))
        cv2.ellipse(image, centre, axes, 0, 0, 360, colour, -1, cv2.LINE_AA, 4)

    oval(0, 0, 0.42, 0.56, (215, 175, 150))
    for side in (-1, 1):
        oval(side * 0.18, -0.10, 0.13, 0.08, (150, 110, 95))
        oval(side * 0.18, -0.08, 0.09, 0.045, (60, 45, 40))
        oval(side * 0.18, -0.19, 0.11, 0.025, (70, 50, 40))
    oval(0, 0.08, 0.05, 0.12, (235, 200, 175))
    oval(0, 0.17, 0.09, 0.025, (150, 105, 90))
    oval(0, 0.32, 0.15, 0.045, (150, 70, 70))
    return image


def still(colour: tuple[int, int, int] = (70, 90, 110), width: int = 160, height: int = 120) -> np.ndarray:
    """A picture of one colour: nobody is there."""
    return np.full((height, width, 3), colour, np.uint8)


def film(
    path: Path,
    images: Sequence[np.ndarray] | Callable[[int], np.ndarray],
    *,
    count: int | None = None,
    rate: Fraction | int = 25,
    codec: str | None = None,
    pixel_format: str = "yuv420p",
    times: Sequence[float] | None = None,
    options: dict[str, str] | None = None,
    sound: bool = False,
) -> Path:
    """Encode pictures; `times` (seconds) makes the frame rate variable."""
    drawn = [images(i) for i in range(count)] if callable(images) else list(images)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", container_options=options or {}) as container:
        stream = container.add_stream(codec or CODECS[path.suffix], rate=rate)
        stream.height, stream.width = drawn[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.thread_count = 1
        if codec != "ffv1":
            stream.bit_rate = 2_000_000
        voice = container.add_stream("aac" if path.suffix != ".webm" else "libvorbis", rate=16000) if sound else None
        if times is not None:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for index, image in enumerate(drawn):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24" if image.shape[2] == 3 else "rgba")
            frame.pts = index if times is None else round(times[index] * 1000)
            frame.time_base = Fraction(1, 1) / rate if times is None else Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if voice is not None:
            container.mux(voice.encode(_noise()))
            container.mux(voice.encode(None))
    return path


def _noise() -> av.AudioFrame:
    samples = np.zeros((1, 1024), np.float32)
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
    frame.sample_rate = 16000
    return frame


def audio(path: Path) -> Path:
    """A file with sound and nothing to see."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        voice = container.add_stream("aac", rate=16000)
        container.mux(voice.encode(_noise()))
        container.mux(voice.encode(None))
    return path


def turned(path: Path, height: int) -> Path:
    """Mark an mp4 as filmed with a telephone on its side: to be shown turned by 90 degrees clockwise."""
    data = bytearray(path.read_bytes())
    one = 1 << 16
    matrix = struct.pack(">9i", 0, one, 0, -one, 0, 0, height * one, 0, 1 << 30)
    at = data.index(b"tkhd") + 4 + 4 + 20 + 16  # type, version and flags, times and duration, layer and volume
    data[at : at + 36] = matrix
    path.write_bytes(bytes(data))
    return path


def labels(path: Path, seconds: float, *, rate: float = 10.0, slope: tuple[float, float] = (0.01, -0.02)) -> Path:
    """Valence and arousal that rise and fall in straight lines from 0."""
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(0, seconds + 1e-9, 1 / rate)
    rows = [f"{t:.3f},{slope[0] * t:.6f},{slope[1] * t:.6f}" for t in times]
    path.write_text("time,valence,arousal\n" + "\n".join(rows) + "\n", "utf-8")
    return path
