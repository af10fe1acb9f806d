"""Engines of a finished bundle, built where they will run: from its own verified ONNX files."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from slimaffect.callbacks import Watch
from slimaffect.errors import ExportError
from slimaffect.export.tensorrt import CAPABILITIES, Engine, build_engine
from slimaffect.runtime.building import Builder, Options, Profile
from slimaffect.runtime.bundle import Manifest, verified

PREFERRED = ("s8s8", "fp16", "bf16", "fp32")
"""Flavours that TensorRT reads, the one that is worth most there first; u8s8 is for CPUs."""
BUILDERS: dict[str, Builder] = {"rtx": "tensorrt_rtx", "tensorrt": "tensorrt"}


def build_engines(
    bundle: Path,
    folder: Path,
    *,
    to: Literal["rtx", "tensorrt"],
    capabilities: tuple[str, ...] = (),
    profile: Profile | None = None,
    strip: bool = False,
    compatible: bool = False,
    watch: Watch | None = None,
) -> list[Engine]:
    """Verify a bundle, build an engine of its clip graph and of its stream graph, and write what each is beside it.

    The bundle stays as it is: its hashes, its signature, and its use on CPUs.

    Raises:
        BundleError: the bundle is altered.
        ExportError: it holds no file that TensorRT reads, or the builder refuses.
    """
    manifest = verified(bundle)
    folder.mkdir(parents=True, exist_ok=True)
    cache = folder / "timing.cache" if to == "tensorrt" else None
    options = Options(strip_weights=strip, version_compatible=compatible, timing_cache=cache)
    built = []
    for name in chosen_files(manifest, bundle):
        target = folder / f"{name.removesuffix('.onnx')}.{to}.engine"
        engine = build_engine(
            bundle / name,
            target,
            builder=BUILDERS[to],
            capabilities=capabilities or CAPABILITIES,
            profile=profile,
            options=options,
            watch=watch,
        )
        target.with_suffix(".json").write_text(json.dumps(record(engine), indent=1) + "\n", "utf-8")
        built.append(engine)
    return built


def chosen_files(manifest: Manifest, bundle: Path) -> list[str]:
    """Name the clip graph and the stream graph that TensorRT reads best.

    Raises:
        ExportError: there is none.
    """
    for flavour in PREFERRED:
        if f"clip.{flavour}.onnx" in manifest.files:
            return [name for name in (f"clip.{flavour}.onnx", f"stream.{flavour}.onnx") if name in manifest.files]
    raise ExportError(
        f"{bundle} holds {', '.join(manifest.files)}, and none of {', '.join(PREFERRED)}, which TensorRT reads. "
        "Export it again with `slim run`."
    )


def record(engine: Engine) -> dict[str, Any]:
    """Tell what an engine is as its JSON has it, its file by name."""
    told = asdict(engine) | {"file": engine.file.name}
    return told | {"log_sha256": hashlib.sha256(engine.log.read_bytes()).hexdigest()}


def sizes(batch: str, time: str) -> Profile:
    """Read a profile from two triples.

    Raises:
        ExportError: a triple is none, or not in order.

    >>> sizes("1,2,8", "1,16,32").time
    (1, 16, 32)
    """
    return Profile(_triple(batch, "--batch"), _triple(time, "--time"))


def _triple(text: str, option: str) -> tuple[int, int, int]:
    parts = [int(part) if part.strip().isdigit() else 0 for part in text.split(",")]
    if len(parts) != 3 or not 0 < parts[0] <= parts[1] <= parts[2]:
        raise ExportError(f"{option} is {text!r}; give smallest, usual and largest size, such as 1,16,64.")
    return parts[0], parts[1], parts[2]
