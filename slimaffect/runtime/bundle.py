"""A bundle: a folder that deploys. Every file is verified by size and sha256 before anything parses it."""

import hashlib
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from slimaffect.errors import BundleError
from slimaffect.runtime.ports import LARGEST_SIDE
from slimaffect.runtime.session import CpuRuntime
from slimaffect.settings import Settings
from slimaffect.video.settings import DetectorName, FaceSettings

MANIFEST = "bundle.json"
SEAL = "bundle.sha256"
"""The sha256 of `bundle.json`, which holds those of all other files."""
LARGEST_MANIFEST = 1 << 22  # bytes; a bundle of forty sites stays far below
LARGEST_FILE = 1 << 30  # bytes; a ResNet-50 in float32 has a tenth
FileName = Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,128}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class BundledFile(Settings):
    """One file of a bundle."""

    sha256: Sha256
    bytes: Annotated[int, Field(gt=0, le=LARGEST_FILE)]
    about: dict[str, Any] = Field(default_factory=dict)
    """For a model how far it answers from torch; for an engine what it was built for, and that it was not run."""


class Preprocessing(Settings):
    """What must happen to a video before the model reads it."""

    rate_hz: Annotated[float, Field(gt=0, le=1000)]
    pixels: Annotated[int, Field(gt=0, le=LARGEST_SIDE)]
    detector: DetectorName
    faces: FaceSettings = FaceSettings()
    """How faces are found, followed and framed."""
    planes: Literal["RGB"] = "RGB"
    dtype: Literal["uint8"] = "uint8"


class Chosen(Settings):
    """The file and runtime that were fastest where the bundle was made."""

    runtime: CpuRuntime
    file: str
    stream: str | None = None
    """The same model for one frame at a time; null where there is none: then `file` reads single frames too."""
    clip_ms: float | None
    """Median wall time of the measured clip on one thread; null when nothing was measured."""


class Manifest(Settings):
    """What `bundle.json` says."""

    schema_: Annotated[Literal["slimaffect.bundle/1"], Field(alias="schema")] = "slimaffect.bundle/1"
    files: Annotated[dict[FileName, BundledFile], Field(min_length=1)]
    spec: dict[str, Any]
    preprocessing: Preprocessing
    affect: tuple[Literal["valence"], Literal["arousal"]] = ("valence", "arousal")
    chosen: Chosen
    scores: dict[str, Any] | None
    """Scores with intervals on held-out sites; null when it was not scored."""
    provenance: dict[str, Any]
    """Versions, recipe, data fingerprint and seed."""


def verified(folder: Path) -> Manifest:
    """Read `bundle.json` after its seal, and check every file it names, before anything parses one of them.

    Raises:
        BundleError: incomplete, altered, or of another schema.
    """
    manifest = read_manifest(folder)
    for name, entry in manifest.files.items():
        verify(folder, name, entry)
    for chosen in (manifest.chosen.file, manifest.chosen.stream):
        if chosen is not None and chosen not in manifest.files:
            raise BundleError(f"{folder / MANIFEST}: the chosen file {chosen!r} is none of its files.")
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Read and check `bundle.json`.

    Raises:
        BundleError: it is missing, altered, no JSON, or says something else than the schema.
    """
    file = folder / MANIFEST
    if not file.is_file():
        raise BundleError(f"{folder} is no bundle: it has no {MANIFEST}. Give the folder that `slim run` wrote.")
    if (size := file.stat().st_size) > LARGEST_MANIFEST:
        raise BundleError(f"{file} has {size} bytes; at most {LARGEST_MANIFEST} are read. Copy the folder again.")
    content = file.read_bytes()
    _check_seal(folder, content)
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BundleError(f"{file}: {where}: {first['msg']} (found {str(first['input'])[:60]!r}).") from fault


def seal(content: bytes) -> str:
    """Write what `sha256sum --check bundle.sha256` reads.

    >>> seal(b"{}")[:8]
    '44136fa3'
    """
    return f"{hashlib.sha256(content).hexdigest()}  {MANIFEST}\n"


def _check_seal(folder: Path, content: bytes) -> None:
    file, right = folder / SEAL, seal(content).encode()
    if not file.is_file():
        raise BundleError(f"{file} is missing from the bundle. Copy the whole folder again.")
    with file.open("rb") as opened:
        found = opened.read(len(right) + 1)
    if found != right:
        told = found[:12].decode("ascii", "replace")
        raise BundleError(
            f"{folder / MANIFEST} or its seal was altered: its sha256 is {right[:12].decode()}, "
            f"{SEAL} says {told!r}. Copy the folder again."
        )


def verify(folder: Path, name: str, entry: BundledFile) -> None:
    """Refuse a file that lies outside the bundle, is missing, or is not the one that was exported.

    Raises:
        BundleError: with both sizes, or both hashes.
    """
    file = folder / name
    # realpath, unlike Path.resolve, is at ease with links that go in circles
    inside = os.path.dirname(os.path.realpath(file)) == os.path.realpath(folder)  # noqa: PTH120
    if Path(name).name != name or not inside:
        raise BundleError(f"{folder / MANIFEST} points outside its folder, at {name!r}. Do not use this bundle.")
    if not file.is_file():
        raise BundleError(f"{file} is missing from the bundle. Copy the whole folder again.")
    if (size := file.stat().st_size) != entry.bytes:
        raise BundleError(f"{file} has {size} bytes; {entry.bytes} were exported. Copy the folder again.")
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != entry.sha256:
        raise BundleError(f"{file} was altered: its sha256 is {found[:12]}, not {entry.sha256[:12]}. Export again.")
