"""Clips: fixed-length windows over prepared recordings, with affect, site and subject."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8


@dataclass(frozen=True, eq=False)
class Recording:
    """One prepared recording: a face crop and the affect at every frame time.

    Attributes:
        frames: face crops, RGB planes, memory-mapped.
        affect: valence and arousal, both in [-1, 1]; NaN where there is no label.
        valid: True where there is a face and a label; of a recording without labels, where there is a face.
        times: seconds from the start of the video.
        digest: sha256 of what was prepared (source file, labels, preparation settings).
    """

    site: str
    subject: str
    name: str
    frames: UInt8[np.ndarray, "time 3 height width"]
    affect: Float[np.ndarray, "time 2"]
    valid: Bool[np.ndarray, " time"]
    times: Float[np.ndarray, " time"]
    digest: str

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.valid)

    def __getstate__(self) -> dict[str, Any]:
        """Send the path of mapped frames to another process, not the frames."""
        path = getattr(self.frames, "filename", None)
        return self.__dict__ | ({} if path is None else {"frames": str(path)})

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map the frames again."""
        frames = state["frames"]
        self.__dict__.update(state | ({"frames": np.load(frames, mmap_mode="r")} if isinstance(frames, str) else {}))


@dataclass(frozen=True, eq=False)
class Clips:
    """Windows of `length` frames over recordings; picking clips never copies a frame.

    Attributes:
        recordings: the prepared recordings that the windows point into.
        windows: for each clip the index of its recording and its first frame.
        length: frames per clip.
        rate: frames per second.
        share: length of an epoch of training on these clips, as a share of one on all of them.
        spared: probability that an epoch leaves out a stretch of frames that is easy by then.
        unlabelled: clips of videos without labels, for steps that ask for them; they are never scored.
    """

    recordings: tuple[Recording, ...]
    windows: Int[np.ndarray, "clips 2"]
    length: int
    rate: float
    share: float = 1.0
    spared: float = 0.0
    unlabelled: "Clips | None" = None

    def __len__(self) -> int:
        """Count the clips."""
        return len(self.windows)

    @property
    def sites(self) -> tuple[str, ...]:
        """Sites that have a recording here, in alphabetical order."""
        return tuple(sorted({r.site for r in self.recordings}))

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects that have a recording here, in alphabetical order."""
        return tuple(sorted({r.subject for r in self.recordings}))

    @property
    def pixels(self) -> int:
        """Side of the square face crops, in pixels."""
        return int(self.recordings[0].frames.shape[-1])

    def covered(self, number: int) -> Bool[np.ndarray, " time"]:
        """Tell which frames of a recording lie under a clip."""
        steps = np.zeros(len(self.recordings[number]) + 1, dtype=np.int64)
        first = self.windows[self.windows[:, 0] == number, 1]
        np.add.at(steps, first, 1)
        np.add.at(steps, np.minimum(first + self.length, len(steps) - 1), -1)
        return np.cumsum(steps[:-1]) > 0

    def pick(self, kept: Iterable[int] | np.ndarray) -> "Clips":
        """Keep the clips with these indices."""
        return replace(self, windows=self.windows[np.asarray(kept, dtype=np.int64)])

    def of_subjects(self, subjects: Iterable[str]) -> "Clips":
        """Keep the recordings of these subjects and the clips in them."""
        wanted = set(subjects)
        return self._keep([r.subject in wanted for r in self.recordings])

    def of_sites(self, sites: Iterable[str]) -> "Clips":
        """Keep the recordings of these sites and the clips in them."""
        wanted = set(sites)
        return self._keep([r.site in wanted for r in self.recordings])

    def without_site(self, held_out: str | None) -> "Clips":
        """Leave a site out, and of the videos without labels those of this site's name and of its subjects' names."""
        if held_out is None:
            return self
        kept = self.of_sites(site for site in self.sites if site != held_out)
        if self.unlabelled is None:
            return kept
        tested = {r.subject for r in self.recordings if r.site == held_out}
        strangers = self.unlabelled
        clean = [r.site != held_out and r.subject not in tested for r in strangers.recordings]
        return replace(kept, unlabelled=strangers._keep(clean))  # noqa: SLF001 (its own kind)

    def _keep(self, chosen: list[bool]) -> "Clips":
        """Keep some recordings; those without labels are left behind, for whose they are is not asked here."""
        new_index = np.cumsum(chosen) - 1
        windows = self.windows[np.asarray(chosen, dtype=bool)[self.windows[:, 0]]]
        windows = np.stack([new_index[windows[:, 0]], windows[:, 1]], axis=1).astype(np.int64)
        recordings = tuple(r for r, c in zip(self.recordings, chosen, strict=True) if c)
        return replace(self, recordings=recordings, windows=windows, unlabelled=None)

    @property
    def fingerprint(self) -> str:
        """sha256 of what was prepared and which windows are kept: equal clips train equal models."""
        digest = hashlib.sha256(f"{self.length} {float(self.rate)}{self.share if self.share != 1 else ''}".encode())
        if self.spared:
            digest.update(f"spared {self.spared}".encode())
        for recording in self.recordings:
            digest.update(f"{recording.site}/{recording.subject}/{recording.name} {recording.digest}".encode())
        digest.update(np.ascontiguousarray(self.windows, dtype=np.int64).tobytes())
        if self.unlabelled is not None:
            digest.update(f"unlabelled {self.unlabelled.fingerprint}".encode())
        return digest.hexdigest()


def cut(recordings: Iterable[Recording], *, length: int, stride: int, rate: float) -> Clips:
    """Cut recordings into clips of `length` frames, one every `stride` frames.

    A window without any valid frame is left out; a recording shorter than a clip yields none.
    """
    kept = tuple(recordings)
    windows = [
        (index, start)
        for index, recording in enumerate(kept)
        for start in range(0, len(recording) - length + 1, stride)
        if recording.valid[start : start + length].any()
    ]
    return Clips(kept, np.asarray(windows, dtype=np.int64).reshape(-1, 2), length, rate)
