"""How fast do random clips come from the store? Against JPEG folders, HDF5 and WebDataset, where they are installed.

`python benchmarks/loading.py` writes the same crops of 112x112 in every form, then reads random clips of 16 frames
from each in turn, from the page cache, on one thread. Frames per CPU-second are compared, because other programs may
share the cores. WebDataset reads whole shards in order: its figure is sequential, which is as it is meant.

On 22 November 2026, AMD EPYC virtual machine, frames per CPU-second: store 482,000, HDF5 74,000, JPEG folders 11,000,
WebDataset 9,000. Rows: results/reference/loading.json.
"""

import argparse
import io
import json
import os
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from slimaffect.data import Clips, Recording, cut

PIXELS, LENGTH, RATE = 112, 16, 12.5
QUALITY = 90  # of JPEG
AIM = 200_000  # frames a second a core

Reader = Callable[[int, int], np.ndarray]
"""Recording and first frame to a clip, uint8 [time, 3, height, width]."""


def crops(recordings: int, frames: int) -> list[np.ndarray]:
    """Smooth moving patterns with noise: as hard to compress as faces are."""
    random = np.random.default_rng(0)
    made = []
    for _ in range(recordings):
        base = cv2.GaussianBlur(random.integers(0, 255, (PIXELS, PIXELS, 3), np.uint8), (0, 0), 5)
        base = cv2.normalize(base, None, 30, 220, cv2.NORM_MINMAX)  # pyright: ignore[reportCallIssue, reportArgumentType]
        noise = random.integers(0, 12, (64, PIXELS, PIXELS, 3), np.uint8)
        rows = [np.roll(base, index % PIXELS, axis=1) + noise[index % 64] for index in range(frames)]
        made.append(np.stack(rows).transpose(0, 3, 1, 2))
    return made


def store(folder: Path, made: list[np.ndarray]) -> Reader:
    """The store of this package: arrays mapped into memory, windows over them."""
    recordings = []
    for number, frames in enumerate(made):
        np.save(folder / f"{number}.npy", frames)
        mapped = np.load(folder / f"{number}.npy", mmap_mode="r")
        count = len(mapped)
        affect, valid, times = np.zeros((count, 2)), np.ones(count, bool), np.arange(count) / RATE
        recordings.append(Recording("S1", f"p{number}", "task", mapped, affect, valid, times, ""))
    clips: Clips = cut(recordings, length=LENGTH, stride=1, rate=RATE)
    return lambda number, start: np.array(clips.recordings[number].frames[start : start + LENGTH])


def jpeg(folder: Path, made: list[np.ndarray]) -> Reader:
    """A folder of images per recording."""
    for number, frames in enumerate(made):
        (folder / str(number)).mkdir()
        for index, frame in enumerate(frames):
            (folder / str(number) / f"{index:05d}.jpg").write_bytes(_encoded(frame))

    def read(number: int, start: int) -> np.ndarray:
        files = (folder / str(number) / f"{index:05d}.jpg" for index in range(start, start + LENGTH))
        return np.stack([_decoded(file.read_bytes()) for file in files])

    return read


def hdf5(folder: Path, made: list[np.ndarray]) -> Reader | None:
    """One dataset per recording, in chunks of a clip; None where h5py is not installed."""
    try:
        import h5py  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    with h5py.File(folder / "crops.h5", "w") as file:
        for number, frames in enumerate(made):
            file.create_dataset(str(number), data=frames, chunks=(LENGTH, 3, PIXELS, PIXELS))
    opened = h5py.File(folder / "crops.h5", "r")
    return lambda number, start: opened[str(number)][start : start + LENGTH]


def webdataset(folder: Path, made: list[np.ndarray]) -> Reader | None:
    """Shards of JPEG read in order; None where webdataset is not installed."""
    try:
        import webdataset  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    with tarfile.open(folder / "crops.tar", "w") as shard:
        for number, frames in enumerate(made):
            for index, frame in enumerate(frames):
                content = _encoded(frame)
                entry = tarfile.TarInfo(f"{number}-{index:05d}.jpg")
                entry.size = len(content)
                shard.addfile(entry, io.BytesIO(content))
    stream = iter(webdataset.WebDataset(str(folder / "crops.tar"), shardshuffle=False).repeat())
    return lambda *_: np.stack([_decoded(next(stream)["jpg"]) for _ in range(LENGTH)])


def _encoded(frame: np.ndarray) -> bytes:
    done, content = cv2.imencode(".jpg", frame.transpose(1, 2, 0), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    return content.tobytes()


def _decoded(content: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR).transpose(2, 0, 1)  # pyright: ignore[reportOptionalMemberAccess]


def measure(readers: dict[str, Reader], recordings: int, frames: int, seconds: float, rounds: int) -> dict[str, float]:
    """Frames per CPU-second of random clips, the readers in turn; the median of the rounds."""
    random = np.random.default_rng(1)
    rates: dict[str, list[float]] = {name: [] for name in readers}
    for turn in range(rounds + 1):
        for name, read in readers.items():
            spent, done = 0.0, 0
            while spent < seconds:
                places = random.integers(0, [recordings, frames - LENGTH], (32, 2)).tolist()
                begun = time.process_time()
                for number, start in places:
                    read(number, start)
                spent += time.process_time() - begun
                done += 32 * LENGTH
            if turn:  # the first round fills the page cache
                rates[name].append(done / spent)
    return {name: float(np.median(found)) for name, found in rates.items()}


def main() -> None:
    """Measure and print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="75 MB of crops instead of 600")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    recordings, frames, seconds = (4, 500, 0.3) if given.quick else (8, 2000, 1.0)
    with tempfile.TemporaryDirectory() as scratch:
        made = crops(recordings, frames)
        readers: dict[str, Reader | None] = {}
        for name, write in (("store", store), ("JPEG folders", jpeg), ("HDF5", hdf5), ("WebDataset", webdataset)):
            folder = Path(scratch) / name.split()[0]
            folder.mkdir()
            readers[name] = write(folder, made)
        rates = measure({n: r for n, r in readers.items() if r}, recordings, frames, seconds, 3)
        sizes = {name: sum(f.stat().st_size for f in (Path(scratch) / name.split()[0]).rglob("*.*")) for name in rates}
    figures = {
        "crops": {"recordings": recordings, "frames": frames, "pixels": PIXELS, "clip": LENGTH},
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "frames_per_cpu_s": {name: rates.get(name) for name in readers},
        "bytes": {name: sizes.get(name) for name in readers},
    }
    show(figures)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


def show(figures: dict) -> None:
    """Print the table; what was not measured shows as a dash."""
    shape = f"random clips of {LENGTH} frames of {PIXELS}x{PIXELS}, page cache, one core"
    table = Table(title=shape, title_justify="left")
    for name in ("form", "frames per CPU-second", "MB on disk"):
        table.add_column(name, justify="left" if name == "form" else "right")
    for name, rate in figures["frames_per_cpu_s"].items():
        size = figures["bytes"][name]
        table.add_row(name, "-" if rate is None else f"{rate:,.0f}", "-" if size is None else f"{size / 1e6:.0f}")
    console = Console()
    console.print(table)
    console.print(f"A dash: not installed. Aim for the store: {AIM:,}. Load average: {figures['load_average']:.1f}.")


if __name__ == "__main__":
    main()
