"""A bundle: a folder that deploys. Every file is verified by size and sha256 before anything parses it."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float, UInt8
from pydantic import Field, ValidationError

from slimaffect.errors import BundleError
from slimaffect.runtime.session import Runtime, Session, State, open_model
from slimaffect.settings import Settings
from slimaffect.video.settings import DetectorName, FaceSettings

MANIFEST = "bundle.json"
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class BundledFile(Settings):
    """One file of a bundle."""

    sha256: Sha256
    bytes: Annotated[int, Field(gt=0)]
    about: dict[str, Any] = Field(default_factory=dict)
    """For a model how far it answers from torch; for an engine what it was built for, and that it was not run."""


class Preprocessing(Settings):
    """What must happen to a video before the model reads it."""

    rate_hz: Annotated[float, Field(gt=0)]
    pixels: Annotated[int, Field(gt=0)]
    detector: DetectorName
    faces: FaceSettings = FaceSettings()
    """How faces are found, followed and framed."""
    planes: Literal["RGB"] = "RGB"
    dtype: Literal["uint8"] = "uint8"


class Chosen(Settings):
    """The file and runtime that were fastest where the bundle was made."""

    runtime: Runtime
    file: str
    clip_ms: float | None
    """Median wall time of the measured clip on one thread; null when nothing was measured."""


class Manifest(Settings):
    """What `bundle.json` says."""

    schema_: Annotated[Literal["slimaffect.bundle/1"], Field(alias="schema")] = "slimaffect.bundle/1"
    files: Annotated[dict[str, BundledFile], Field(min_length=1)]
    spec: dict[str, Any]
    preprocessing: Preprocessing
    affect: tuple[Literal["valence"], Literal["arousal"]] = ("valence", "arousal")
    chosen: Chosen
    scores: dict[str, Any] | None
    """Scores with intervals on held-out sites; null when it was not scored."""
    provenance: dict[str, Any]
    """Versions, recipe, data fingerprint and seed."""


@dataclass
class Stream:
    """Reads one frame at a time and keeps the state between them."""

    session: Session
    state: State | None = field(default=None)

    def step(self, frame: UInt8[np.ndarray, "3 height width"]) -> Float[np.ndarray, " 2"]:
        """Read the next frame; answers valence and arousal."""
        affect, self.state = self.session.clip(frame[None, None], self.state)
        return affect[0, 0]

    def reset(self) -> None:
        """Forget what was seen: another recording, or another person, begins."""
        self.state = None


@dataclass(frozen=True, eq=False)
class Bundle:
    """A verified bundle, opened with its declared runtime."""

    folder: Path
    manifest: Manifest
    session: Session

    def clip(
        self, frames: UInt8[np.ndarray, "batch time 3 height width"], state: State | None = None
    ) -> tuple[Float[np.ndarray, "batch time 2"], State | None]:
        """Read affect from clips of face crops, going on from `state`."""
        return self.session.clip(frames, state)

    def recording(self, frames: UInt8[np.ndarray, "time 3 height width"]) -> Float[np.ndarray, "time 2"]:
        """Read affect from all face crops of one recording."""
        return self.session.recording(frames)

    def stream(self) -> Stream:
        """Begin to read frame by frame."""
        return Stream(self.session)


def load_bundle(folder: Path | str, *, runtime: Runtime | None = None, threads: int = 1) -> Bundle:
    """Verify a bundle, then open its chosen file with its chosen runtime, or with `runtime`.

    Raises:
        BundleError: incomplete, altered, of another schema, or not runnable here.
    """
    root = Path(folder)
    manifest = read_manifest(root)
    for name, entry in manifest.files.items():
        verify(root, name, entry)
    if manifest.chosen.file not in manifest.files:
        raise BundleError(f"{root / MANIFEST}: the chosen file {manifest.chosen.file!r} is none of its files.")
    session = open_model(root / manifest.chosen.file, runtime=runtime or manifest.chosen.runtime, threads=threads)
    if session.ports.pixels != manifest.preprocessing.pixels:
        raise BundleError(
            f"{root}: {MANIFEST} prepares faces of {manifest.preprocessing.pixels} pixels, "
            f"its model reads {session.ports.pixels}. Export the bundle again."
        )
    return Bundle(root, manifest, session)


def read_manifest(folder: Path) -> Manifest:
    """Read and check `bundle.json`.

    Raises:
        BundleError: it is missing, is no JSON, or says something else than the schema.
    """
    file = folder / MANIFEST
    if not file.is_file():
        raise BundleError(f"{folder} is no bundle: it has no {MANIFEST}. Give the folder that `slim export` wrote.")
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BundleError(f"{file}: {where}: {first['msg']} (found {str(first['input'])[:60]!r}).") from fault


def verify(folder: Path, name: str, entry: BundledFile) -> None:
    """Refuse a file that lies outside the bundle, is missing, or is not the one that was exported.

    Raises:
        BundleError: with both sizes, or both hashes.
    """
    file = folder / name
    if Path(name).is_absolute() or not file.resolve().is_relative_to(folder.resolve()):
        raise BundleError(f"{folder / MANIFEST} points outside its folder, at {name!r}. Do not use this bundle.")
    if not file.is_file():
        raise BundleError(f"{file} is missing from the bundle. Copy the whole folder again.")
    if (size := file.stat().st_size) != entry.bytes:
        raise BundleError(f"{file} has {size} bytes; {entry.bytes} were exported. Copy the folder again.")
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != entry.sha256:
        raise BundleError(f"{file} was altered: its sha256 is {found[:12]}, not {entry.sha256[:12]}. Export again.")
