"""Does preparation keep up with the decoder? Frames a second of CPU time, against decoding the same file bare.

`python benchmarks/prepare.py` draws a film (1280x720, 25 frames/s, H.264 at 4 Mb/s, a face of 330 pixels), then reads
it in turn: PyAV decoding alone, preparation (decode, find, follow, crop, write), OpenCV's capture, torchcodec where it
can be imported. CPU-seconds are compared, because other programs may share the cores; every round takes all in turn,
every second round backwards. Memory is that of a fresh worker, for a film and for a long one (the same thirty times
over, four times with --quick). Then copies of the film are prepared by one process and by one per core: the speed-up
is by wall time, so it means something only on a machine that does nothing else.

On 27 November 2026, two cores of an AMD EPYC virtual machine with nothing else running: 0.82 of decoding with crops of 48
pixels at 12.5 a second, 0.80 at 112 pixels, and 0.74 at 112 pixels and 25 a second, so the aim of 0.8 is met but for the
last; single rounds went from 0.65 to 0.94, as decoding itself did on that machine. Two processes were 1.78 times one; a
worker took 131 MB for 20 s and 134 MB for 600 s. All rows are in results/reference/prepare.json.
"""

import argparse
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import av
import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from slimaffect.data import ClipSettings, DatasetFacts, DataSettings, prepare, write_dataset_yaml
from slimaffect.data.labels import read_labels
from slimaffect.data.write import write
from slimaffect.meter import peak_mb
from slimaffect.video.faces import detector, faces
from slimaffect.video.settings import FaceSettings

WIDTH, HEIGHT, RATE = 1280, 720, 25
FACE = 330  # pixels from brow to chin
KINDS = ((12.5, 48), (12.5, 112), (25.0, 112))  # crops a second, and their side in pixels
AIM = 0.8  # of the bare decode rate


def draw(seconds: float, path: Path) -> Path:
    """Encode a film of a face that sways before a wall, with a sensor's noise."""
    random = np.random.default_rng(0)
    wall = cv2.GaussianBlur(random.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8), (0, 0), 9)
    wall = cv2.normalize(wall, None, 40, 210, cv2.NORM_MINMAX)  # pyright: ignore[reportCallIssue, reportArgumentType]
    grain = [random.normal(0, 4, (HEIGHT, WIDTH, 3)).astype(np.int16) for _ in range(6)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 4_000_000
        stream.thread_count = 1
        for index in range(round(seconds * RATE)):
            image = wall.copy()
            _face(image, WIDTH / 2 + 120 * np.sin(index / 40), HEIGHT / 2 + 20 * np.sin(index / 17))
            noisy = np.clip(image + grain[index % 6], 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def _face(image: np.ndarray, x: float, y: float) -> None:
    """A face that Haar's cascade finds."""
    parts = [(0, 0, 0.42, 0.56, (215, 175, 150))]
    for side in (-1, 1):
        parts += [(side * 0.18, -0.10, 0.13, 0.08, (150, 110, 95)), (side * 0.18, -0.08, 0.09, 0.045, (60, 45, 40))]
        parts += [(side * 0.18, -0.19, 0.11, 0.025, (70, 50, 40))]
    parts += [(0, 0.08, 0.05, 0.12, (235, 200, 175)), (0, 0.17, 0.09, 0.025, (150, 105, 90))]
    for across, down, wide, high, colour in [*parts, (0, 0.32, 0.15, 0.045, (150, 70, 70))]:
        centre = round(x + across * FACE), round(y + down * FACE)
        cv2.ellipse(image, centre, (round(wide * FACE), round(high * FACE)), 0, 0, 360, colour, -1, cv2.LINE_AA)


def decode(path: Path) -> None:
    """PyAV alone, on one thread, as preparation sets it."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_count, stream.thread_type = 1, "SLICE"
        for _ in container.decode(stream):
            pass


def prepared(path: Path, rate: float, pixels: int) -> None:
    """Decode, find, follow, crop and write, as for a dataset."""
    settings = FaceSettings()
    found = faces(path, detector("haar", settings), settings, rate=rate, pixels=pixels)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        labels = read_labels(path.with_suffix(".csv"))
        write(Path(folder) / "out", found, labels, digest="", pixels=pixels, delay_s=0.0, problems=[])


def decode_count(path: Path) -> int:
    """Frames in the film."""
    with av.open(str(path)) as container:
        return container.streams.video[0].frames


def captured(path: Path) -> None:
    """OpenCV's capture: every frame to BGR, without time stamps."""
    video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    while video.read()[0]:
        pass
    video.release()


def torchcodec_decoder() -> Callable[[Path], object] | None:
    """A torchcodec reader, or None where it cannot be imported."""
    try:
        from torchcodec.decoders import VideoDecoder  # pyright: ignore[reportMissingImports]
    except (ImportError, RuntimeError, OSError):
        return None
    return lambda path: sum(1 for _ in VideoDecoder(str(path), num_ffmpeg_threads=1))


def compare(path: Path, rounds: int) -> dict[str, dict[str, float]]:
    """CPU-seconds of every contender in turn, as frames a second and as a share of bare decoding."""
    contenders: dict[str, Callable[[], object]] = {"PyAV, decode alone": lambda: decode(path)}
    for rate, pixels in KINDS:
        contenders[f"prepare, {pixels} px at {rate:g}/s"] = lambda r=rate, p=pixels: prepared(path, r, p)
    contenders["OpenCV capture, to BGR"] = lambda: captured(path)
    if (reader := torchcodec_decoder()) is not None:
        contenders["torchcodec, to RGB"] = lambda: reader(path)
    cpu_s: dict[str, list[float]] = defaultdict(list)
    for turn in range(rounds + 1):
        for name in contenders if turn % 2 else reversed(contenders):
            begun = time.process_time()
            contenders[name]()
            if turn:  # the first round warms up
                cpu_s[name].append(time.process_time() - begun)
    frames, bare = decode_count(path), cpu_s["PyAV, decode alone"]
    return {
        name: {
            "frames_per_cpu_s": frames * rounds / sum(spent),
            "share_of_decode": sum(bare) / sum(spent),
            "lowest_share": min(b / s for b, s in zip(bare, spent, strict=True)),
            "highest_share": max(b / s for b, s in zip(bare, spent, strict=True)),
        }
        for name, spent in ((name, cpu_s[name]) for name in contenders)
    }


def peak_after(path: Path) -> float | None:
    """Largest resident memory of this process after preparing a film; for a worker of its own."""
    cv2.setNumThreads(1)
    prepared(path, 12.5, 48)
    return peak_mb()


def in_a_worker(path: Path) -> float | None:
    """The same in a process that has done nothing else."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(peak_after, path).result()


def over_processes(film: Path, folder: Path, recordings: int, most: int) -> list[dict[str, float]]:
    """Prepare copies of a film with one process and with `most`: frames a second of wall time and of CPU time."""
    for number in range(recordings):
        place = folder / "lab" / f"S{number % 2}" / f"p{number}"
        place.mkdir(parents=True, exist_ok=True)
        (place / "film.mp4").hardlink_to(film)
        (place / "film.csv").hardlink_to(film.with_suffix(".csv"))
    write_dataset_yaml(folder / "lab", DatasetFacts(name="lab"))
    settings = DataSettings(source=str(folder / "lab"), clip=ClipSettings(frames=10))
    rows, frames = [], recordings * decode_count(film)
    for workers in sorted({1, most}):
        before, begun = _cpu_s(), time.perf_counter()
        prepare(settings, folder / f"cache{workers}", workers=workers)
        wall_s, cpu_s = time.perf_counter() - begun, _cpu_s() - before
        rows.append({"workers": workers, "frames_per_s": frames / wall_s, "frames_per_cpu_s": frames / cpu_s})
    return [row | {"speed_up": row["frames_per_s"] / rows[0]["frames_per_s"]} for row in rows]


def _cpu_s() -> float:
    """CPU-seconds of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    """Measure and print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a film of 6 s instead of 20, 2 rounds instead of 5")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "threads;1"
    seconds, rounds, longer = (6, 2, 4) if given.quick else (20, 5, 30)
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as scratch:
        film = draw(seconds, Path(scratch) / "film.mp4")
        film.with_suffix(".csv").write_text(f"time,valence,arousal\n0,0,0\n{longer * seconds},0,0\n", "utf-8")
        figures = {
            "film": {"width": WIDTH, "height": HEIGHT, "rate": RATE, "seconds": seconds, "bytes": film.stat().st_size},
            "versions": {"av": av.__version__, "opencv": cv2.__version__},
            "cores": cores,
            "load_average": os.getloadavg()[0],
            "compared": compare(film, rounds),
            "peak_mb": {f"{times * seconds} s": in_a_worker(_repeated(film, times)) for times in (1, longer)},
            "processes": over_processes(film, Path(scratch), max(4, 4 * cores if not given.quick else cores), cores),
        }
    show(figures)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


def _repeated(film: Path, times: int) -> Path:
    """The film so many times in a row, without encoding it again."""
    if times == 1:
        return film
    longer = film.with_name("longer.mp4")
    longer.with_suffix(".csv").write_bytes(film.with_suffix(".csv").read_bytes())
    with av.open(str(longer), "w") as target:
        written = None
        for turn in range(times):
            with av.open(str(film)) as source:
                stream = source.streams.video[0]
                written = written or target.add_stream_from_template(stream)
                for packet in source.demux(stream):
                    if packet.dts is not None and packet.pts is not None:
                        packet.pts += turn * (stream.duration or 0)
                        packet.dts += turn * (stream.duration or 0)
                        packet.stream = written
                        target.mux(packet)
    return longer


def show(figures: dict) -> None:
    """Print the tables."""
    console = Console()
    table = Table(title=f"{WIDTH}x{HEIGHT}, {RATE}/s, {figures['film']['seconds']} s; one core", title_justify="left")
    for name in ("reader", "frames per CPU-second", "share of decoding", "over rounds"):
        table.add_column(name, justify="left" if name == "reader" else "right")
    for name, row in figures["compared"].items():
        spread = f"{row['lowest_share']:.2f} to {row['highest_share']:.2f}"
        table.add_row(name, f"{row['frames_per_cpu_s']:.0f}", f"{row['share_of_decode']:.2f}", spread)
    console.print(table)
    if not any(name.startswith("torchcodec") for name in figures["compared"]):
        console.print("torchcodec: cannot be imported here, not measured.")
    memory = ", ".join(f"{name} {'-' if mb is None else round(mb)} MB" for name, mb in figures["peak_mb"].items())
    console.print(f"Memory of a worker: {memory}.")
    for row in figures["processes"]:
        rates = f"{row['frames_per_s']:.0f} frames/s, {row['frames_per_cpu_s']:.0f} per CPU-second"
        console.print(f"{row['workers']} processes: {rates}, {row['speed_up']:.2f} times one.", highlight=False)
    console.print(
        f"Aim: preparation at {AIM:.0%} of decoding. Load average at the start: {figures['load_average']:.1f}."
    )


if __name__ == "__main__":
    main()
