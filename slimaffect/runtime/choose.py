"""The fastest runtime that answers right on this machine: measured once, remembered after that."""

import hashlib
import importlib.util
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from platformdirs import user_cache_path

from slimaffect.callbacks import Complain, ignore
from slimaffect.errors import BundleError, SlimError
from slimaffect.files import whole
from slimaffect.packages import installed
from slimaffect.runtime import device
from slimaffect.runtime.engines import Offer
from slimaffect.runtime.session import EVERY, ON_GPU, PACKAGES, RUNTIMES, Runtime, Session, open_model

PARITY = {"fp32": 1e-4, "fp16": 1e-2, "bf16": 1e-2}
"""Largest difference of affect from ONNX Runtime on the CPU, by flavour."""
ROUNDED = 3e-2  # of an int8 file: runtimes round and add in different orders
FRAMES, SHORTEST_S = 16, 0.15  # a clip, read for this long by each runtime
ASKED = ("onnxruntime", "onnxruntime-gpu", "openvino", "tensorrt", "tensorrt-rtx-cu13")


def fastest_runtime(
    file: Path,
    *,
    threads: int = 1,
    engines: Sequence[Offer] = (),
    complain: Complain = ignore,
    clock: Callable[[], float] = time.perf_counter,
) -> Runtime:
    """Choose by wall time of a clip among the runtimes here that answer as ONNX Runtime on the CPU does.

    What was chosen is kept in the cache folder under the hash of the file, this machine and the versions installed,
    so that it is measured once. GPU runtimes compete where there is a CUDA device.

    Raises:
        BundleError: ONNX Runtime does not open the file, or its answer is no number.
    """
    kept = _place(file, threads)
    known = _remembered(kept)
    if known is not None:
        return known
    told = compare(file, threads=threads, engines=engines, complain=complain, clock=clock)
    if not told:
        raise BundleError(f"{file}: no runtime here answers random pixels with numbers. Export the model again.")
    chosen = min(told, key=lambda runtime: told[runtime]["clip_ms"])
    _remember(kept, {"runtime": chosen, "measured": told})
    return chosen


def compare(
    file: Path,
    *,
    threads: int = 1,
    engines: Sequence[Offer] = (),
    complain: Complain = ignore,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Runtime, dict[str, float]]:
    """Open, compare and time every runtime of this machine; those that answer otherwise are told and left out."""
    truth_session = open_model(file, runtime="onnxruntime", threads=threads)
    side = truth_session.ports.pixels
    clip = np.random.default_rng(0).integers(0, 256, (1, FRAMES, 3, side, side), dtype=np.uint8)
    truth, _ = truth_session.clip(clip)
    allowed, told = allowed_apart(flavour(file)), {}
    for runtime in _here():
        try:
            session = open_model(file, runtime=runtime, threads=threads, engines=engines, complain=complain)
            away = float(np.abs(session.clip(clip)[0] - truth).max())
        except SlimError as fault:
            if runtime in RUNTIMES:
                continue  # another will do, and nothing was asked for
            complain(f"{runtime} is left out: {fault}")
            continue
        if not away <= allowed:
            complain(f"{runtime} is left out: it answers {away:.2g} from ONNX Runtime; {allowed:g} is allowed.")
            continue
        told[runtime] = {"away": away, "clip_ms": _clip_s(session, clip, clock) * 1e3}
    return told


def allowed_apart(of: str) -> float:
    """Say how far a runtime may answer from ONNX Runtime on the CPU, in affect, for a file of this flavour."""
    return PARITY.get(of, ROUNDED)


def flavour(file: Path) -> str:
    """Read the flavour from the name.

    >>> flavour(Path("clip.u8s8.onnx"))
    'u8s8'
    """
    return file.name.split(".")[1] if file.name.count(".") > 1 else ""


def _here() -> list[Runtime]:
    """List the runtimes whose package is installed, those of a GPU only where there is one."""
    gpu = device.capability() is not None
    return [
        runtime
        for runtime in EVERY
        if (gpu or runtime not in ON_GPU) and importlib.util.find_spec(PACKAGES[runtime][0]) is not None
    ]


def _clip_s(session: Session, clip: np.ndarray, clock: Callable[[], float]) -> float:
    """Take the median wall time of a clip, after a warm-up of two."""
    for _ in range(2):
        session.clip(clip)
    taken, start = [], clock()
    while not taken or (clock() - start < SHORTEST_S and len(taken) < 500):
        before = clock()
        session.clip(clip)
        taken.append(clock() - before)
    return float(np.median(taken))


def _place(file: Path, threads: int) -> Path:
    """Name what is remembered after all that could change the choice."""
    versions = {name: installed(name) for name in ASKED}
    machine = [platform.node(), platform.machine(), platform.platform(), os.cpu_count(), device.capability()]
    told = json.dumps([hashlib.sha256(file.read_bytes()).hexdigest(), threads, machine, versions])
    return user_cache_path("slimaffect") / "runtimes" / f"{hashlib.sha256(told.encode()).hexdigest()[:32]}.json"


def _remembered(kept: Path) -> Runtime | None:
    try:
        told: dict[str, Any] = json.loads(kept.read_text("utf-8"))
        return cast("Runtime", told["runtime"]) if told["runtime"] in EVERY else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(kept: Path, told: dict[str, Any]) -> None:
    """Write what was found; a folder that cannot be written only means to measure again."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with whole(kept) as file:
            file.write_text(json.dumps(told, indent=1), "utf-8")
    except OSError:
        return
