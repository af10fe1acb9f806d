"""The frames that training may draw from: those that the kept clips cover, spread evenly over all subjects."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from slimaffect.data.clips import Clips, Recording
from slimaffect.errors import RunError


class Stretch(NamedTuple):
    """Neighbouring frames of one recording that clips cover: frames first to last - 1."""

    recording: int
    first: int
    last: int


class Place(NamedTuple):
    """A window's recording, the indices of its frames, their labels, and which of them are scored."""

    recording: int
    at: Int[np.ndarray, " time"]
    affect: Float[np.ndarray, "time 2"]
    valid: Bool[np.ndarray, " time"]


class Windows(NamedTuple):
    """Frames as they lie on disk, their labels, and which of them are scored."""

    frames: UInt8[Tensor, "batch time 3 height width"]
    affect: Float[Tensor, "batch time 2"]
    valid: Bool[Tensor, "batch time"]


class Pool:
    """All frames under the clips. Draws are stratified: the timeline of all subjects in even parts, one draw each."""

    def __init__(self, clips: Clips) -> None:
        self.recordings = clips.recordings
        # A plain view of the mapped file: np.memmap costs microseconds at every index.
        self.frames = [np.asarray(recording.frames).view(np.ndarray) for recording in clips.recordings]
        self.stretches = tuple(_stretches(clips))
        self._single = self._places_of_frames()
        if not len(self._single):
            raise RunError(
                f"The {len(clips)} training clips hold no frame with both a face and a label. "
                "Run `slim data check` on the dataset, or keep more clips."
            )

    def _places_of_frames(self) -> Int[np.ndarray, "frames 2"]:
        """List recording and index of every covered frame that has a label."""
        places = [(s.recording, s.first + np.flatnonzero(self._valid(s))) for s in self.stretches]
        return np.concatenate([_pairs(recording, at) for recording, at in places] or [np.empty((0, 2), np.int64)])

    def _valid(self, stretch: Stretch) -> Bool[np.ndarray, " time"]:
        return self.recordings[stretch.recording].valid[stretch.first : stretch.last]

    def single(self, batch: int, random: np.random.Generator) -> Windows:
        """Draw single labelled frames, as windows of one frame."""
        places = _stratified(self._single, batch, random)
        frames = np.stack([self.frames[recording][at] for recording, at in places])[:, None]
        affect = _labels(np.stack([self.recordings[recording].affect[at] for recording, at in places]))[:, None]
        return Windows(torch.from_numpy(frames), torch.from_numpy(affect), torch.ones(batch, 1, dtype=torch.bool))

    def starts(self, length: int, unscored: int) -> Int[np.ndarray, "starts 2"]:
        """List stretch and first frame of every window with a labelled frame after the unscored ones.

        A stretch shorter than a window has one start; its window is filled up with unscored frames.
        """
        found = []
        for index, stretch in enumerate(self.stretches):
            last_start = max(stretch.first, stretch.last - length)
            at = np.arange(stretch.first, last_start + 1)
            # A short stretch keeps half its frames scored rather than none.
            begin = at + _warm_up(stretch, length, unscored)
            labelled = np.concatenate([[0], np.cumsum(self.recordings[stretch.recording].valid)])
            counted = labelled[np.minimum(at + length, stretch.last)] - labelled[begin]
            found.append(_pairs(index, at[counted > 0]))
        starts = np.concatenate(found)
        if not len(starts):
            raise RunError(f"No window of {length} frames has a labelled frame after its first {unscored}; shorten it.")
        return starts

    def draw(
        self, starts: Int[np.ndarray, "starts 2"], batch: int, random: np.random.Generator
    ) -> Int[np.ndarray, "batch 2"]:
        """Draw windows spread over all subjects, as stretch and first frame."""
        return _stratified(starts, batch, random)

    def place(self, index: int, first: int, length: int, unscored: int) -> Place:
        """Say where a window's frames lie, what their labels are, and which of them are scored."""
        stretch = self.stretches[index]
        recording = self.recordings[stretch.recording]
        at = np.arange(first, first + length)
        inside = np.minimum(at, stretch.last - 1)
        valid = recording.valid[inside] & (at < stretch.last)
        valid[: _warm_up(stretch, length, unscored)] = False
        return Place(stretch.recording, inside, _labels(recording.affect[inside]), valid)

    def cut(self, drawn: Int[np.ndarray, "batch 2"], length: int, unscored: int) -> Windows:
        """Read the drawn windows."""
        places = [self.place(index, first, length, unscored) for index, first in drawn]
        frames = np.stack([self.frames[place.recording][place.at] for place in places])
        affect, valid = np.stack([place.affect for place in places]), np.stack([place.valid for place in places])
        return Windows(torch.from_numpy(frames), torch.from_numpy(affect), torch.from_numpy(valid))


def _warm_up(stretch: Stretch, length: int, unscored: int) -> int:
    """Unscored frames at a window's start; fewer where the stretch is shorter than the window."""
    there = stretch.last - stretch.first
    return unscored if there >= length else min(unscored, there // 2)


def _stretches(clips: Clips) -> Iterator[Stretch]:
    """Join overlapping and touching clips."""
    for index, recording in enumerate(clips.recordings):
        covered = _covered(recording, clips.windows[clips.windows[:, 0] == index, 1], clips.length)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], covered.astype(np.int8), [0]])))
        for first, last in edges.reshape(-1, 2):
            yield Stretch(index, int(first), int(last))


def _covered(recording: Recording, starts: Int[np.ndarray, " clips"], length: int) -> Bool[np.ndarray, " time"]:
    covered = np.zeros(len(recording), dtype=bool)
    for start in starts:
        covered[start : start + length] = True
    return covered


def _stratified(
    places: Int[np.ndarray, "places 2"], batch: int, random: np.random.Generator
) -> Int[np.ndarray, "batch 2"]:
    """Draw one place from each of `batch` even parts of the list."""
    at = (np.arange(batch) + random.random(batch)) * (len(places) / batch)
    return places[np.minimum(at.astype(np.int64), len(places) - 1)]


def _pairs(first: int, seconds: Int[np.ndarray, " n"]) -> Int[np.ndarray, "n 2"]:
    return np.stack([np.full(len(seconds), first, dtype=np.int64), seconds.astype(np.int64)], axis=1)


def _labels(affect: Float[np.ndarray, "... 2"]) -> Float[np.ndarray, "... 2"]:
    """A missing label is NaN; 0 keeps NaN out of the gradient of frames that are not scored anyway."""
    return np.nan_to_num(affect.astype(np.float32))
