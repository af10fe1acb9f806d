"""The Python API: a bundle, verified and opened, that reads clips and streams of face crops."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8

from slimaffect.callbacks import Complain
from slimaffect.errors import BundleError
from slimaffect.runtime.bundle import MANIFEST, Manifest, verified
from slimaffect.runtime.choose import fastest_runtime
from slimaffect.runtime.engines import Offer
from slimaffect.runtime.session import Runtime, Session, open_model
from slimaffect.runtime.stream import Stream, open_stream

PORTABLE: Runtime = "onnxruntime"


def _warn(sentence: str) -> None:
    warnings.warn(sentence, RuntimeWarning, stacklevel=3)


@dataclass(frozen=True, eq=False)
class Predictor:
    """A verified bundle, opened. Not for use by two threads at once.

    Attributes:
        folder: the bundle.
        manifest: what `bundle.json` says: preprocessing, scores, provenance.
        session: the clip graph, for batches and states of your own.
        complain: is told in a sentence when the stream's engine has to be built anew.
    """

    folder: Path
    manifest: Manifest
    session: Session
    complain: Complain = _warn

    @classmethod
    def load(
        cls,
        folder: Path | str,
        *,
        runtime: Runtime | Literal["auto", "declared"] = "auto",
        threads: int = 1,
        complain: Complain = _warn,
    ) -> "Predictor":
        """Verify a bundle, then open it.

        Args:
            folder: the bundle.
            runtime: `auto` is the fastest on this machine among those that answer alike, measured at the first time
                and remembered; `declared` is the one that was fastest where the bundle was made, and where that does
                not open here, ONNX Runtime stands in and `complain` is told.
            threads: of a CPU runtime.
            complain: is told in a sentence that another runtime stands in, or why an engine is built anew; a warning
                by default.

        Raises:
            BundleError: incomplete, altered, of another schema, or not runnable here.
        """
        root = Path(folder)
        manifest = verified(root)
        session = _opened(root, manifest, runtime, threads, complain)
        if session.ports.pixels != manifest.preprocessing.pixels:
            raise BundleError(
                f"{root}: {MANIFEST} prepares faces of {manifest.preprocessing.pixels} pixels, "
                f"its model reads {session.ports.pixels}. Export the bundle again."
            )
        return cls(root, manifest, session, complain)

    def clip(self, frames: UInt8[np.ndarray, "time 3 height width"]) -> Float[np.ndarray, "time 2"]:
        """Read valence and arousal, both in [-1, 1], at every frame of a clip or of a whole recording, from rest.

        Frames are face crops as RGB planes, `manifest.preprocessing.rate_hz` of them a second.

        Raises:
            BundleError: frames of another type or size than the model reads.
        """
        return self.session.recording(frames)

    def stream(self) -> Stream:
        """Begin to read frame by frame; several streams at a time each keep their own state."""
        return self._begin_stream()

    @cached_property
    def _begin_stream(self) -> Callable[[], Stream]:
        file = self.folder / (self.manifest.chosen.stream or self.manifest.chosen.file)
        session, engines = self.session, offers(self.folder, self.manifest)
        return open_stream(
            file, runtime=session.runtime, threads=session.threads, engines=engines, complain=self.complain
        )


def offers(folder: Path, manifest: Manifest) -> tuple[Offer, ...]:
    """List the bundle's engines, with what it tells of each."""
    return tuple(
        Offer(folder / name, entry.sha256, entry.about)
        for name, entry in manifest.files.items()
        if name.endswith(".engine")
    )


def _opened(
    root: Path,
    manifest: Manifest,
    runtime: Runtime | Literal["auto", "declared"],
    threads: int,
    complain: Complain,
) -> Session:
    engines = offers(root, manifest)
    file = root / manifest.chosen.file
    if runtime == "auto":
        runtime = fastest_runtime(file, threads=threads, engines=engines, complain=complain)
    wanted = manifest.chosen.runtime if runtime == "declared" else runtime
    try:
        return open_model(file, runtime=wanted, threads=threads, engines=engines, complain=complain)
    except BundleError as fault:
        if runtime != "declared" or wanted == PORTABLE:
            raise
        session = open_model(file, runtime=PORTABLE, threads=threads)
        complain(f"{PORTABLE} stands in for {wanted}, which was fastest where the bundle was made: {fault}")
        return session
