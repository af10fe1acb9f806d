"""What can be put on the bench: bundles, exported files, and any other ONNX file beside them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

import numpy as np

from slimaffect.errors import BundleError
from slimaffect.measure.bench.schedule import Schedule
from slimaffect.measure.contenders import clip_reader
from slimaffect.runtime.bundle import MANIFEST, verified
from slimaffect.runtime.session import Runtime, available, open_model
from slimaffect.runtime.stream import open_stream

Scenario = Literal["clip", "offline", "stream30"]
Opener = Callable[["Entry", "Setting"], Callable[[], object]]
"""Opens an entry in a setting; what comes back does one unit of work, or for a stream one frame when it is due."""


@dataclass(frozen=True)
class Setting:
    """How every entry is run.

    Attributes:
        frames: of one clip.
        batch: clips at once, in `offline`.
        threads: of the runtime.
    """

    scenario: Scenario = "clip"
    frames: int = 16
    batch: int = 32
    threads: int = 1

    @property
    def units(self) -> int:
        """Clips (or frames of a stream) that one run does."""
        return self.batch if self.scenario == "offline" else 1

    @property
    def frames_per_unit(self) -> int:
        """Frames of one unit."""
        return 1 if self.scenario == "stream30" else self.frames


@dataclass(frozen=True)
class Entry:
    """One model on the bench.

    Attributes:
        file: that reads clips.
        stream: that reads single frames; the same file where there is no other.
        runtime: None for an ONNX file that is not ours: ONNX Runtime runs it, on inputs of its own shapes.
    """

    name: str
    file: Path
    stream: Path
    runtime: Runtime | None
    sha256: str


def entries_of(paths: list[Path], runtime: Runtime | Literal["auto"] = "auto") -> list[Entry]:
    """Look at what was named; equal names are told apart by number.

    Raises:
        BundleError: no bundle and no ONNX file, or one that cannot be opened here.
    """
    found = [_entry(path, runtime) for path in paths]
    names = [entry.name for entry in found]
    return [
        replace(one, name=f"{one.name} #{names[: n + 1].count(one.name)}") if names.count(one.name) > 1 else one
        for n, one in enumerate(found)
    ]


def _entry(path: Path, runtime: Runtime | Literal["auto"]) -> Entry:
    if (path / MANIFEST).is_file():
        return _bundle(path, runtime)
    if path.suffix != ".onnx" or not path.is_file():
        raise BundleError(f"{path} is no bundle (it has no {MANIFEST}) and no .onnx file. Name one of either.")
    ours = available(path)
    chosen = ours[0] if ours and runtime == "auto" else runtime if runtime in ours else None
    if ours and chosen is None:
        raise BundleError(f"{path}: {runtime} does not run this file here; {', '.join(ours)} does.")
    return Entry(path.stem, path, path, cast("Runtime | None", chosen), _sha256(path))


def _bundle(folder: Path, runtime: Runtime | Literal["auto"]) -> Entry:
    chosen = verified(folder).chosen
    wanted = chosen.runtime if runtime == "auto" else runtime
    file = folder / chosen.file
    runs = available(file)
    if wanted not in runs and not (runtime == "auto" and runs):
        raise BundleError(f"{folder}: {wanted} does not run its file {chosen.file} here. Name another --runtime.")
    stream = folder / chosen.stream if chosen.stream else file
    return Entry(folder.name, file, stream, wanted if wanted in runs else runs[0], _sha256(file))


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def open_entry(entry: Entry, setting: Setting) -> Callable[[], object]:
    """Open an entry on random pixels: sparse or constant pictures may take a shorter way through a kernel."""
    if entry.runtime is None:
        return _foreign(entry.file, setting)
    if setting.scenario == "stream30":
        stream = open_stream(entry.stream, runtime=entry.runtime, threads=setting.threads)()
        side = open_model(entry.file, runtime=entry.runtime).ports.pixels
        frame = np.random.default_rng(0).integers(0, 256, (3, side, side), dtype=np.uint8)
        return Schedule(lambda: stream.step(frame))
    if setting.scenario == "clip":
        return clip_reader(entry.file, entry.runtime, frames=setting.frames, threads=setting.threads)
    session = open_model(entry.file, runtime=entry.runtime, threads=setting.threads)
    side, shape = session.ports.pixels, (setting.batch, setting.frames)
    clips = np.random.default_rng(0).integers(0, 256, (*shape, 3, side, side), dtype=np.uint8)
    return lambda: session.clip(clips)


def _foreign(file: Path, setting: Setting) -> Callable[[], object]:
    """Run any ONNX file on random inputs; its first free axis is the batch, all others are a clip's frames."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = setting.threads, 1, 3
    try:
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        feed = {port.name: _random(port.type, port.shape, setting) for port in session.get_inputs()}
        session.run(None, feed)
    except Exception as fault:  # each runtime raises classes of its own
        raise BundleError(f"{file}: ONNX Runtime cannot run this file on random inputs: {fault}") from fault
    step = lambda: session.run(None, feed)  # noqa: E731
    return Schedule(step) if setting.scenario == "stream30" else step


def _random(kind: str, shape: list[int | str | None], setting: Setting) -> np.ndarray:
    word = kind.removeprefix("tensor(").removesuffix(")")
    number = {"float": "float32", "double": "float64"}.get(word, word)
    free = [setting.units, *[setting.frames_per_unit] * len(shape)]
    sizes = [size if isinstance(size, int) and size > 0 else free.pop(0) for size in shape]
    random = np.random.default_rng(0)
    if np.issubdtype(np.dtype(number), np.floating):
        return random.random(sizes).astype(number)
    return random.integers(0, 2 if number == "bool" else 127, sizes).astype(number)
