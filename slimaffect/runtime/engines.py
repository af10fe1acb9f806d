"""TensorRT and TensorRT-RTX engines: opened only when hash, versions and GPU fit, else rebuilt from the ONNX file."""

import hashlib
import importlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from slimaffect.callbacks import Complain, ignore
from slimaffect.files import whole
from slimaffect.runtime import device as cuda
from slimaffect.runtime.building import RTX_NAMES, Builder, Built, Options, Profile, build, logger_of
from slimaffect.runtime.device import Device
from slimaffect.runtime.opened import OpenedEngine


@dataclass(frozen=True)
class Offer:
    """An engine that lies somewhere, and what is told of it.

    Attributes:
        sha256: what its content must hash to.
        about: builder, version, capabilities, hash of the ONNX file, and whether its weights were left out.
    """

    file: Path
    sha256: str
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """What an engine must be to be opened here."""

    builder: Builder
    version: str
    capability: str
    onnx_sha256: str

    def unfit(self, offer: Offer) -> str:
        """Say why an engine is not opened; empty where it fits. Its content is hashed, and not parsed."""
        about = offer.about
        told = about.get("onnx_sha256", "")
        if told != self.onnx_sha256:
            return f"{offer.file.name} was built of another ONNX file ({told[:12]}, not {self.onnx_sha256[:12]})"
        if about.get("version") != self.version:
            return f"{offer.file.name} is of {self.builder} {about.get('version')}, and {self.version} is installed"
        if self.capability not in about.get("capabilities", ()):
            built_for = ", ".join(about.get("capabilities", ())) or "another GPU"
            return f"{offer.file.name} was built for {built_for}, and this GPU is {self.capability}"
        if not offer.file.is_file():
            return f"{offer.file.name} is gone"
        found = hashlib.sha256(offer.file.read_bytes()).hexdigest()
        return "" if found == offer.sha256 else f"{offer.file.name} was altered: its sha256 is {found[:12]}"


def open_engine(
    file: Path,
    builder: Builder,
    *,
    offers: Sequence[Offer] = (),
    complain: Complain = ignore,
    device: Device | None = None,
    trt: Any = None,
) -> OpenedEngine:
    """Open an engine of an ONNX file on this machine's GPU.

    Args:
        file: the ONNX file.
        builder: which TensorRT.
        offers: engines that may be of this file; the cache of this machine is looked into after them.
        complain: is told why an engine is built anew.
        device: the GPU.
        trt: the module; by default the builder's.

    Raises:
        ValueError: there is no GPU, or no engine for it.
        ExportError: it cannot be built.
    """
    trt = trt or importlib.import_module(builder)
    capability = cuda.capability() if device is None else getattr(device, "capability", "0.0")
    if capability is None:
        raise ValueError("it needs a CUDA device, and there is none")
    if builder == "tensorrt_rtx" and capability not in RTX_NAMES:
        raise ValueError(
            f"TensorRT-RTX runs on {', '.join(RTX_NAMES)}, and this GPU is {capability}. Use tensorrt or "
            "onnxruntime-cuda on data-centre GPUs."
        )
    content = file.read_bytes()
    wanted = Wanted(builder, trt.__version__, capability, hashlib.sha256(content).hexdigest())
    offer = _fitting(wanted, offers, complain) or _built_here(trt, wanted, content, file.name)
    refit = content if offer.about.get("stripped") else None
    compiled = _place(wanted).with_suffix(".compiled") if builder == "tensorrt_rtx" else None
    if compiled is not None:
        compiled.parent.mkdir(parents=True, exist_ok=True)
    return OpenedEngine(trt, offer.file.read_bytes(), device or cuda.CudaDevice(), refit, logger_of(trt), compiled)


def _fitting(wanted: Wanted, offers: Sequence[Offer], complain: Complain) -> Offer | None:
    """Find an engine that fits: a given one, or one that was built here before."""
    cached = _in_cache(wanted)
    mine = [offer for offer in offers if offer.about.get("builder") == wanted.builder]
    reasons = {offer.file: wanted.unfit(offer) for offer in [*mine, *([cached] if cached else [])]}
    for offer in [*mine, *([cached] if cached else [])]:
        if not reasons[offer.file]:
            return offer
    for reason in reasons.values():
        complain(f"{reason}: the engine is built anew from its ONNX file.")
    return None


def cache_folder() -> Path:
    """Where engines that this machine built for itself are kept."""
    return user_cache_path("slimaffect") / "engines"


def _place(wanted: Wanted) -> Path:
    key = f"{wanted.builder}-{wanted.version}-sm{wanted.capability}-{wanted.onnx_sha256[:24]}"
    return cache_folder() / f"{key}.engine"


def _in_cache(wanted: Wanted) -> Offer | None:
    place = _place(wanted)
    try:
        told = json.loads(place.with_suffix(".json").read_text("utf-8"))
        return Offer(place, told["sha256"], told)
    except (OSError, ValueError, KeyError):
        return None


def _built_here(trt: Any, wanted: Wanted, content: bytes, name: str) -> Offer:
    """Build for this GPU, and keep it for the next time."""
    targets = (wanted.capability,) if wanted.builder == "tensorrt_rtx" else ()
    place = _place(wanted)
    place.parent.mkdir(parents=True, exist_ok=True)
    cache = Options(timing_cache=place.parent / f"timing-{wanted.version}-sm{wanted.capability}.cache")
    built = build(trt, content, name, capabilities=targets, profile=Profile(), options=cache)
    return keep(built, place, wanted)


def keep(built: Built, place: Path, wanted: Wanted) -> Offer:
    """Write an engine and, last, what it is; a broken-off write is then no engine."""
    about = {
        "builder": wanted.builder,
        "version": wanted.version,
        "capabilities": [wanted.capability],
        "onnx_sha256": wanted.onnx_sha256,
        "sha256": hashlib.sha256(built.plan).hexdigest(),
        "layers": built.counted(),
    }
    for target, content in ((place, built.plan), (place.with_suffix(".json"), json.dumps(about, indent=1).encode())):
        with whole(target) as file:
            file.write_bytes(content)
    place.with_suffix(".log").write_text("\n".join(built.log), "utf-8")
    return Offer(place, about["sha256"], about)
