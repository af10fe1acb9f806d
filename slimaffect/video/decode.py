"""Video files to frames on an even clock, by presentation time and never by counting frames."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from slimaffect.callbacks import Complain, ignore
from slimaffect.errors import VideoError
from slimaffect.video.picture import Picture, picture

# Playlists and other formats that name further files or addresses are refused before FFmpeg reads them.
OPENING = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi", "protocol_whitelist": "file"}
ROUNDING_S = 0.001  # Matroska rounds times to milliseconds: a frame may be announced that much late
LONGEST_HOLD_S = 60.0  # a longer jump between two frames is a broken time stamp, as is a longer last frame
SEQUENCE = ".frames"  # an index of images
MISSING_S = 0.5  # a video that ends this much before its declared end is incomplete


@dataclass(frozen=True)
class VideoFacts:
    """What a container says about its video, before decoding all of it.

    Attributes:
        duration_s: declared length, None where the container does not say.
        rate: average frames per second.
        width: width as shown, in pixels.
        height: height as shown, in pixels.
        rotation: degrees clockwise by which the stored frames are turned to be shown.
        codec: FFmpeg's name of the codec, e.g. `h264`.
        frames: declared number of frames, None where the container does not say.
    """

    duration_s: float | None
    rate: float
    width: int
    height: int
    rotation: int
    codec: str
    frames: int | None

    @property
    def length_s(self) -> float | None:
        """The declared length, or else that of the declared frames; None where the container says neither."""
        return self.duration_s or (self.frames / self.rate if self.frames else None)


@dataclass(frozen=True, eq=False)
class Frame:
    """What is shown at one tick of the clock."""

    time_s: float
    picture: Picture


def probe(path: Path) -> VideoFacts:
    """Read a video's facts from its header and first frame.

    Raises:
        VideoError: the file is missing, empty, no video, or breaks off before its first frame.
    """
    if path.suffix == SEQUENCE:
        from slimaffect.video.sequence import probe_sequence

        return probe_sequence(path)
    with _opened(path) as (container, stream):
        _, _, first = next(_decoded(path, container, stream, ignore))
        shown = _shown(first, float(stream.sample_aspect_ratio or 1))
        return VideoFacts(
            duration_s=_declared_s(container, stream),
            rate=_rate(stream),
            width=shown.width,
            height=shown.height,
            rotation=90 * turns(first),
            codec=stream.codec_context.name,
            frames=stream.frames or None,
        )


def frames(path: Path, *, rate: float, complain: Complain = ignore) -> Iterator[Frame]:
    """Yield what the video shows at 0, 1/rate, 2/rate, ... seconds after its first frame.

    Each tick shows the latest frame presented by then, as a player would: a rate above the file's repeats frames,
    one below it leaves frames out, and a gap in a file of variable rate holds the frame before it.
    The last tick lies before the end of the last frame.

    Args:
        path: an mp4, mov, mkv, webm or avi file, or an index of images (.frames).
        rate: ticks per second.
        complain: is told in one sentence which part of the video is missing or damaged.

    Raises:
        VideoError: the file is missing, empty, no video, or breaks off before its first frame.
    """
    if path.suffix == SEQUENCE:
        from slimaffect.video.sequence import sequence_frames

        yield from sequence_frames(path, rate=rate, complain=complain)
        return
    with _opened(path) as (container, stream):
        held: tuple[av.VideoFrame, Picture] | None = None
        aspect = 0.0
        for tick, frame in _at_ticks(_decoded(path, container, stream, complain), rate):
            if held is None or held[0] is not frame:
                aspect = aspect or float(stream.sample_aspect_ratio or 1)  # known for sure once a frame is decoded
                held = (frame, _shown(frame, aspect))
            yield Frame(tick / rate, held[1])


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a file for decoding on one thread (frame threads deadlock in worker processes, PyAV #1962)."""
    if not path.is_file():
        raise VideoError(f"{path}: there is no such file. Check the path.")
    if path.stat().st_size == 0:
        raise VideoError(f"{path}: the file is empty (0 bytes). Copy it again from its source.")
    try:
        # An absolute path, so that a name with a colon is no protocol to FFmpeg.
        container = av.open(str(path.absolute()), options=OPENING, metadata_errors="ignore")
    except (FFmpegError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise VideoError(
            f"{path}: cannot be opened as mp4, mov, mkv, webm or avi ({cause}). "
            "The file is damaged, breaks off before its index, or has another format; copy or convert it again."
        ) from error
    with container:
        stream = next((s for s in container.streams.video if not s.disposition & Disposition.attached_pic), None)
        if stream is None:
            kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
            raise VideoError(f"{path}: has no video stream, it holds {kinds}. Give the recording's video.")
        if stream.codec_context is None:  # PyAV has none where FFmpeg has no decoder
            raise VideoError(f"{path}: its codec is unknown. The file is damaged, or convert it, e.g. to H.264 in mp4.")
        stream.codec_context.thread_count = 1
        stream.codec_context.thread_type = "SLICE"
        yield container, stream


def _decoded(
    path: Path, container: InputContainer, stream: VideoStream, complain: Complain
) -> Iterator[tuple[float, float, av.VideoFrame]]:
    """Yield (seconds since the first frame, seconds it is held, frame) in order of presentation.

    Damaged packets are passed over.
    """
    first_s, last_s, held_s, damaged, wrong = None, 0.0, 0.0, [0], []
    usual_s, unit_s = 1 / _rate(stream), float(stream.time_base or 0)
    for frame in _readable(container, stream, damaged):
        stamp = frame.time if frame.time is not None else (first_s or 0.0) + last_s + usual_s
        first_s = stamp if first_s is None else first_s
        time_s = stamp - first_s
        if time_s > last_s + LONGEST_HOLD_S:
            wrong.append(f"its time stamps jump from {last_s:.1f} s to {time_s:.1f} s: only what comes before was read")
            break
        if time_s > last_s or last_s == 0:
            last_s, held_s = max(last_s, time_s), frame.duration * unit_s or usual_s
            yield time_s, held_s, frame
    if first_s is None:
        raise VideoError(f"{path}: no frame can be decoded. The file is damaged or breaks off; copy it again.")
    if damaged[0]:
        wrong.append(f"{damaged[0]} damaged packets could not be decoded")
    if held_s > LONGEST_HOLD_S:
        wrong.append(f"its last frame claims to last {held_s:.0f} s: {LONGEST_HOLD_S:.0f} s of it are used")
    declared_s = _declared_s(container, stream)
    if declared_s is not None and last_s + usual_s < declared_s - MISSING_S:
        wrong.append(f"it breaks off after {last_s:.1f} s although it declares {declared_s:.1f} s")
    if wrong:
        complain("; ".join(wrong))


def _readable(container: InputContainer, stream: VideoStream, damaged: list[int]) -> Iterator[av.VideoFrame]:
    """Every frame that can be decoded; counts the packets that cannot in `damaged`."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except FFmpegError:  # the container itself breaks off: what the decoder still holds is lost
            damaged[0] += 1
            return
        try:
            yield from packet.decode()
        except FFmpegError:
            damaged[0] += 1


def _at_ticks(
    decoded: Iterator[tuple[float, float, av.VideoFrame]], rate: float
) -> Iterator[tuple[int, av.VideoFrame]]:
    tick, shown, end_s = 0, None, 0.0
    for time_s, held_s, frame in decoded:
        while shown is not None and tick / rate < time_s - ROUNDING_S:
            yield tick, shown
            tick += 1
        shown = frame
        end_s = time_s + min(LONGEST_HOLD_S, held_s)
    while shown is not None and tick / rate < end_s - ROUNDING_S:
        yield tick, shown
        tick += 1


def _shown(frame: av.VideoFrame, pixel_aspect: float) -> Picture:
    return picture(frame, turns=turns(frame), pixel_aspect=pixel_aspect)


def turns(frame: av.VideoFrame) -> int:
    """Quarter turns clockwise to upright; FFmpeg counts degrees anticlockwise."""
    return round(-frame.rotation / 90) % 4


def _rate(stream: VideoStream) -> float:
    return float(stream.average_rate or stream.guessed_rate or 25)


def _declared_s(container: InputContainer, stream: VideoStream) -> float | None:
    """The video's declared length; a whole container's only where nothing else could be longer."""
    counted_s = stream.frames / _rate(stream)  # an avi that breaks off shortens its duration and not this
    if stream.duration and stream.time_base:
        return max(counted_s, float(stream.duration * stream.time_base))
    if container.duration and len(container.streams) == 1:
        return max(counted_s, container.duration / av.time_base)
    return counted_s or None
