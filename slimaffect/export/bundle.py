"""Writing a bundle: all of it, or nothing."""

import dataclasses
import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from slimaffect.export.onnx import Exported
from slimaffect.export.tensorrt import Engine
from slimaffect.model.spec import ModelSpec
from slimaffect.packages import installed
from slimaffect.runtime.bundle import MANIFEST, SEAL, BundledFile, Chosen, Manifest, Preprocessing, seal

RECORDED = ("slimaffect", "torch", "onnx", "onnxruntime", "onnxruntime-gpu", "openvino", "tensorrt-rtx-cu13")


def write_bundle(
    folder: Path,
    *,
    exported: Exported,
    spec: ModelSpec,
    preprocessing: Preprocessing,
    chosen: Chosen,
    engines: Sequence[Engine] = (),
    scores: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any],
) -> Path:
    """Copy the files and write `bundle.json` into a new folder, which takes its name when it is complete.

    A bundle that stands at `folder` already is replaced. `provenance` names recipe hash, data fingerprint and seed;
    the versions of what made the files are added.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        manifest = Manifest(
            files=_copied(exported, engines, unfinished),
            spec=spec.model_dump(mode="json"),
            preprocessing=preprocessing,
            chosen=chosen,
            scores=None if scores is None else dict(scores),
            provenance={"versions": versions(), **provenance},
        )
        content = manifest.model_dump_json(indent=2, by_alias=True).encode() + b"\n"
        (unfinished / MANIFEST).write_bytes(content)
        (unfinished / SEAL).write_text(seal(content))
        unfinished.chmod(0o755)  # mkdtemp lets nobody else in
        _moved(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def versions() -> dict[str, str]:
    """Look up the installed versions of what makes and runs the files."""
    return {name: found for name in RECORDED if (found := installed(name))}


def _copied(exported: Exported, engines: Sequence[Engine], target: Path) -> dict[str, BundledFile]:
    about: dict[Path, dict[str, Any]] = {
        file: {"flavour": flavour, "away_from_torch": dataclasses.asdict(exported.away[flavour])}
        for flavour, file in exported.files.items()
    }
    about |= {file: {"flavour": flavour, "graph": "stream"} for flavour, file in exported.streams.items()}
    for engine in engines:
        facts = dataclasses.asdict(engine)
        about[engine.file] = {key: facts[key] for key in facts if key not in {"file", "sha256"}}
    return {file.name: _entry(Path(shutil.copyfile(file, target / file.name)), facts) for file, facts in about.items()}


def _entry(file: Path, about: dict[str, Any]) -> BundledFile:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return BundledFile(sha256=digest, bytes=file.stat().st_size, about=about)


def _moved(unfinished: Path, folder: Path) -> None:
    """Give the folder its name; an old bundle steps aside first, because a full folder cannot be replaced."""
    if folder.exists():
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
        folder.rename(aside / folder.name)
        unfinished.rename(folder)
        shutil.rmtree(aside)
    else:
        unfinished.rename(folder)
