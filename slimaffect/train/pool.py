"""The frames that training may draw from: those that the kept clips cover, spread evenly over all subjects.

What an LSTM says of a frame hangs on seconds before it, and a clip may be shorter. So windows run on over frames that
no kept clip covers: these are history, and never scored.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from slimaffect.data.clips import Clips
from slimaffect.errors import RunError
from slimaffect.train.device import device


class Stretch(NamedTuple):
    """The part of one recording that windows may lie in: frames first to last - 1."""

    recording: int
    first: int
    last: int


class Place(NamedTuple):
    """A window's recording, the indices of its frames, their labels, and which of them are scored."""

    recording: int
    at: Int[np.ndarray, " time"]
    affect: Float[np.ndarray, "time 2"]
    valid: Bool[np.ndarray, " time"]  # against their labels
    seen: Bool[np.ndarray, " time"]  # against a teacher, where there is one


class Windows(NamedTuple):
    """Frames as they lie on disk, their labels, and which of them are scored."""

    frames: UInt8[Tensor, "batch time 3 height width"]
    affect: Float[Tensor, "batch time 2"]
    valid: Bool[Tensor, "batch time"]
    seen: Bool[Tensor, "batch time"]
    whose: tuple[str, ...]  # the subject of each window


class Extra(NamedTuple):
    """Videos without labels that a teacher speaks for, and their share of every batch."""

    clips: Clips
    share: float


HISTORY = 20  # frames before the first kept one; stages leave as many at a window's start unscored
RESIDENT = 0.4  # of a GPU's free memory may hold frames; the rest is for whoever trains, and for other tasks


class Pool:
    """The frames under the clips, handed out on the processor that trains. On a GPU all stay, if they fit there.

    Draws are stratified: the timeline of all subjects in even parts, one draw each.

    Of extra videos without labels each batch holds its share, drawn likewise.
    """

    def __init__(self, clips: Clips, extra: Extra | None = None, on: torch.device | None = None) -> None:
        self.device = on or device()
        self.recordings = (*clips.recordings, *(extra.clips.recordings if extra else ()))
        # A plain view of the mapped file: np.memmap costs microseconds at every index.
        self.frames = [np.asarray(recording.frames).view(np.ndarray) for recording in self.recordings]
        self.stretches = tuple(_stretches(clips))
        self._labelled, self._share = len(self.stretches), extra.share if extra else 0.0
        if extra:
            shifted = (s._replace(recording=s.recording + len(clips.recordings)) for s in _stretches(extra.clips))
            self.stretches += tuple(shifted)
        self._resident, self._first = _resident(self.frames, self.device), np.cumsum([0, *map(len, self.frames)])
        self.share, self.spared = clips.share, clips.spared
        self._scored = [*_scored(clips), *(_scored(extra.clips) if extra else ())]
        self.single_places = self._places_of_frames()
        if not (self.single_places[:, 0] < self._labelled).any():
            raise RunError(
                f"The {len(clips)} training clips hold no frame with both a face and a label. "
                "Run `slim data check` on the dataset, or keep more clips."
            )

    def _places_of_frames(self) -> Int[np.ndarray, "frames 2"]:
        """List stretch and index of every frame that is scored."""
        places = [(index, s.first + np.flatnonzero(self._valid(s))) for index, s in enumerate(self.stretches)]
        return np.concatenate([_pairs(index, at) for index, at in places] or [np.empty((0, 2), np.int64)])

    def _valid(self, stretch: Stretch) -> Bool[np.ndarray, " time"]:
        return self._scored[stretch.recording][stretch.first : stretch.last]

    def single(self, batch: int, random: np.random.Generator) -> Windows:
        """Draw single labelled frames, as windows of one frame."""
        return self.read(self.draw(self.single_places, batch, random))

    def read(self, drawn: Int[np.ndarray, "batch 2"]) -> Windows:
        """Read single frames, given by stretch and index, as windows of one frame."""
        batch, places = len(drawn), [(self.stretches[index].recording, at) for index, at in drawn]
        affect = np.stack([self.recordings[recording].affect[at] for recording, at in places])[:, None]
        labels, valid = (torch.from_numpy(part).to(self.device) for part in (_labels(affect), _labelled(affect)))
        whose = tuple(self.recordings[recording].subject for recording, _ in places)
        seen = torch.ones(batch, 1, dtype=torch.bool, device=self.device)
        return Windows(self.pixels(places)[:, None], labels, valid, seen, whose)

    def pixels(self, places: Iterable[tuple[int, np.ndarray | np.integer | int]]) -> UInt8[Tensor, "..."]:
        """Read frames [batch, 3, height, width], or windows [batch, time, 3, height, width], by recording and index."""
        if self._resident is None:
            return torch.from_numpy(np.stack([self.frames[recording][at] for recording, at in places])).to(self.device)
        index = np.stack([self._first[recording] + at for recording, at in places])
        return self._resident[torch.from_numpy(index).to(self.device)]

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
            labelled = np.concatenate([[0], np.cumsum(self._scored[stretch.recording])])
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
        labelled = int(np.searchsorted(starts[:, 0], self._labelled))
        if labelled == len(starts):
            return _stratified(starts, batch, random)
        count = min(batch - 1, max(1, round(self._share * batch)))
        drawn = _stratified(starts[:labelled], batch - count, random), _stratified(starts[labelled:], count, random)
        return np.concatenate(drawn)

    def place(self, index: int, first: int, length: int, unscored: int) -> Place:
        """Say where a window's frames lie, what their labels are, and which of them are scored."""
        stretch = self.stretches[index]
        recording = self.recordings[stretch.recording]
        at = np.arange(first, first + length)
        inside = np.minimum(at, stretch.last - 1)
        seen = self._scored[stretch.recording][inside] & (at < stretch.last)
        seen[: _warm_up(stretch, length, unscored)] = False
        affect = recording.affect[inside]
        return Place(stretch.recording, inside, _labels(affect), seen & _labelled(affect), seen)

    def cut(self, drawn: Int[np.ndarray, "batch 2"], length: int, unscored: int) -> Windows:
        """Read the drawn windows."""
        places = [self.place(index, first, length, unscored) for index, first in drawn.tolist()]
        frames = self.pixels((place.recording, place.at) for place in places)
        return Windows(frames, *self.marks(places), self.whose(places))

    def marks(
        self, places: list[Place]
    ) -> tuple[Float[Tensor, "batch time 2"], Bool[Tensor, "batch time"], Bool[Tensor, "batch time"]]:
        """Put the windows' labels into a batch, with which of them are scored and which are seen."""
        columns = ([place[column] for place in places] for column in (2, 3, 4))
        affect, valid, seen = (torch.from_numpy(np.stack(column)).to(self.device) for column in columns)
        return affect, valid, seen

    def whose(self, places: list[Place]) -> tuple[str, ...]:
        """Name each window's subject."""
        return tuple(self.recordings[place.recording].subject for place in places)


def _resident(frames: Sequence[UInt8[np.ndarray, "_ 3 _ _"]], on: torch.device) -> UInt8[Tensor, "_ 3 _ _"] | None:
    """Copy all frames behind each other onto a GPU; None if they are too many, and on the CPU: it maps the files."""
    if on.type != "cuda" or sum(part.nbytes for part in frames) > RESIDENT * torch.cuda.mem_get_info(on)[0]:
        return None
    whole = torch.empty((sum(map(len, frames)), *frames[0].shape[1:]), dtype=torch.uint8, device=on)
    for part, copied in zip(whole.split([len(part) for part in frames]), frames, strict=True):
        part.copy_(torch.from_numpy(copied.copy()))
    return whole


def _warm_up(stretch: Stretch, length: int, unscored: int) -> int:
    """Unscored frames at a window's start; fewer where the stretch is shorter than the window."""
    there = stretch.last - stretch.first
    return unscored if there >= length else min(unscored, there // 2)


def _stretches(clips: Clips) -> Iterator[Stretch]:
    """Reach from before each recording's first kept frame to its last; what is not kept is history."""
    for index in range(len(clips.recordings)):
        at = np.flatnonzero(clips.covered(index))
        if len(at):
            yield Stretch(index, max(0, int(at[0]) - HISTORY), int(at[-1]) + 1)


def _scored(clips: Clips) -> Iterator[Bool[np.ndarray, " time"]]:
    """Mark each recording's valid frames under a kept clip."""
    return (recording.valid & clips.covered(index) for index, recording in enumerate(clips.recordings))


def _stratified(
    places: Int[np.ndarray, "places 2"], batch: int, random: np.random.Generator
) -> Int[np.ndarray, "batch 2"]:
    """Draw one place from each of `batch` even parts of the list."""
    at = (np.arange(batch) + random.random(batch)) * (len(places) / batch)
    return places[np.minimum(at.astype(np.int64), len(places) - 1)]


def _pairs(first: int, seconds: Int[np.ndarray, " n"]) -> Int[np.ndarray, "n 2"]:
    return np.stack([np.full(len(seconds), first, dtype=np.int64), seconds.astype(np.int64)], axis=1)


def _labelled(affect: Float[np.ndarray, "*window 2"]) -> Bool[np.ndarray, "*window"]:
    return np.asarray(np.isfinite(affect).all(-1))


def _labels(affect: Float[np.ndarray, "... 2"]) -> Float[np.ndarray, "... 2"]:
    """A missing label is NaN; 0 keeps NaN out of the gradient of frames that are not scored anyway."""
    return np.nan_to_num(affect.astype(np.float32))
