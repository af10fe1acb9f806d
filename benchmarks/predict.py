"""How many times faster than real time `slim predict` reads a 720p video of 25 frames a second on one core.

    python benchmarks/predict.py                      # 20 seconds of video, `micro` with random weights
    python benchmarks/predict.py --quick --json FILE
    python benchmarks/predict.py --bundle BUNDLE --video talk.mp4

Billed is the whole path: decoding, face finding (one detection a second, followed between), cropping and the model, by
CPU time of this process and by wall time, beside bare decoding of the same file. And what `Session.clip` takes on
prepared frames over the bare call of its runtime, interleaved: it is to be 1.05 at most.

Measured on 27 November 2026 on one core of an AMD EPYC virtual machine with other work beside it
(results/reference/predict.json): 7.2 times real time where bare decoding reaches 8.1 (90 % of the time is decoding, 3 %
faces, 6 % crops, under 1 % the model). The aim of 12 times is out of reach where decoding alone is slower than that.
`Session.clip` takes 1.03 of the bare call.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any library makes its pool of threads

import av
import cv2
import numpy as np
from clip_latency import _by_hand, _exported, _net
from rich.console import Console
from rich.table import Table
from shared.where import where

from slimaffect.export.bundle import write_bundle
from slimaffect.export.onnx import Away, Exported
from slimaffect.measure.contenders import clip_reader
from slimaffect.measure.latency import measure_clips
from slimaffect.runtime import Predictor
from slimaffect.runtime.bundle import Chosen, Preprocessing
from slimaffect.runtime.reading import Reading, read_video
from slimaffect.runtime.session import Session
from slimaffect.video.decode import frames as decoded

WIDTH, HEIGHT, RATE = 1280, 720, 25
ROUNDS = 3  # of which the fastest by CPU time counts: the others had less of the caches


def main() -> None:
    """Read the video, time the parts, print both tables, and write the JSON if asked."""
    asked, console = _arguments(), Console(width=None if sys.stdout.isatty() else 120)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        video = asked.video or _film(Path(folder) / "talk.mp4", asked.seconds)
        predictor = Predictor.load(asked.bundle or _bundle(Path(folder)))
        told = {"whole": _whole(predictor, video), "decoding": _bare(video, predictor)}
        told["clip"] = _over_bare(predictor.session)
    console.print(_table(told))
    over = told["clip"]["over_bare"]
    console.print(f"Session.clip over the bare call of {predictor.session.runtime}: {over:.3f}x on prepared frames.")
    if asked.json:
        asked.json.write_text(json.dumps({**where(), **told}, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="5 seconds of video instead of 20")
    parser.add_argument("--bundle", type=Path, help="read with this bundle")
    parser.add_argument("--video", type=Path, help="read this video")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args()
    asked.seconds = 5 if asked.quick else 20
    return asked


def _film(path: Path, seconds: int) -> Path:
    """Encode a drawn face that sways in a 720p picture, by libx264 at 3 Mbit/s with a grain of noise."""
    rng = np.random.default_rng(0)
    grain = rng.integers(0, 12, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 3_000_000
        stream.thread_count = 1
        stream.options = {"preset": "veryfast"}
        for index in range(seconds * RATE):
            image = _face(WIDTH / 2 + 80 * np.sin(index / 40), HEIGHT / 2, 300) + np.roll(grain, index * 37, 1)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _face(x: float, y: float, size: float) -> np.ndarray:
    image = np.full((HEIGHT, WIDTH, 3), (70, 90, 110), np.uint8)

    def oval(across: float, down: float, wide: float, high: float, colour: tuple[int, int, int]) -> None:
        centre = round(x + across * size), round(y + down * size)
        cv2.ellipse(image, centre, (round(wide * size), round(high * size)), 0, 0, 360, colour, -1, cv2.LINE_AA)

    oval(0, 0, 0.42, 0.56, (215, 175, 150))
    for side in (-1, 1):
        oval(side * 0.18, -0.10, 0.13, 0.08, (150, 110, 95))
        oval(side * 0.18, -0.08, 0.09, 0.045, (60, 45, 40))
        oval(side * 0.18, -0.19, 0.11, 0.025, (70, 50, 40))
    oval(0, 0.08, 0.05, 0.12, (235, 200, 175))
    oval(0, 0.32, 0.15, 0.045, (150, 70, 70))
    return image


def _bundle(folder: Path) -> Path:
    """Export `micro` with random weights: speed does not depend on them."""
    file = _exported("micro", folder / "files")["fp32"]
    stream = file.with_name("stream.fp32.onnx")
    exported = Exported({"fp32": file}, {"fp32": Away(0.0, 0.0, "nothing")}, 0.0, {"fp32": stream})
    net = _net("micro")
    return write_bundle(
        folder / "bundle",
        exported=exported,
        spec=net.spec,
        preprocessing=Preprocessing(rate_hz=12.5, pixels=net.spec.pixels, detector="haar"),
        chosen=Chosen(runtime="onnxruntime", file=file.name, stream=stream.name, clip_ms=None),
        provenance={},
    )


def _whole(predictor: Predictor, video: Path) -> dict[str, Any]:
    best: tuple[float, Reading] | None = None
    for _ in range(ROUNDS):
        before = time.process_time()
        reading = read_video(predictor, video, predictor.manifest.preprocessing.faces)
        cpu_s = time.process_time() - before
        if best is None or cpu_s < best[0]:
            best = cpu_s, reading
    assert best
    cpu_s, reading = best
    return {
        "video_s": reading.video_s,
        "cpu_s": cpu_s,
        "wall_s": reading.wall_s,
        "real_time": reading.video_s / cpu_s,
        "real_time_wall": reading.video_s / reading.wall_s,
        "with_face": float(reading.valid.mean()),
        "share": {stage: seconds / reading.wall_s for stage, seconds in reading.stages.items()},
    }


def _bare(video: Path, predictor: Predictor) -> dict[str, float]:
    rate, took, count = predictor.manifest.preprocessing.rate_hz, [], 0
    for _ in range(ROUNDS):
        before = time.process_time()
        count = sum(1 for _ in decoded(video, rate=rate))
        took.append(time.process_time() - before)
    return {"cpu_s": min(took), "real_time": count / rate / min(took)}


def _over_bare(session: Session) -> dict[str, float]:
    runtime: Any = session.runtime
    contenders = {
        "ours": clip_reader(session.file, runtime),
        "bare": _by_hand(session.file, runtime, session.ports.pixels),
    }
    measured = measure_clips(contenders, budget_s=4.0, most_clips=20_000)
    ours, bare = (measured[name].cpu_s_per_clip for name in ("ours", "bare"))
    return {"ours_ms": ours * 1e3, "bare_ms": bare * 1e3, "over_bare": ours / bare}


def _table(told: dict[str, Any]) -> Table:
    whole = told["whole"]
    table = Table(title=f"{whole['video_s']:.0f} s of {HEIGHT}p video at {RATE} frames a second, one core")
    stages = ("decode", "faces", "crop", "model")
    for heading in ("", "CPU s", "x real time", *stages, "with a face"):
        table.add_column(heading, justify="right" if heading else "left")
    shares = (f"{whole['share'].get(stage, 0):.0%}" for stage in stages)
    row = (f"{whole['cpu_s']:.2f}", f"{whole['real_time']:.1f}", *shares, f"{whole['with_face']:.0%}")
    table.add_row("slim predict", *row)
    bare = told["decoding"]
    table.add_row("bare decoding", f"{bare['cpu_s']:.2f}", f"{bare['real_time']:.1f}", *("-" * 5))
    return table


if __name__ == "__main__":
    main()
