"""Recordings that are one and the same: by the hash of their files, or by faces that cannot be told apart."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Literal

import numpy as np
from jaxtyping import Float

from slimaffect.data.clips import Recording
from slimaffect.data.layout import Source

SIDE = 32  # pixels of a portrait
LOOKS = 64  # crops that a portrait is the mean of
# Of 990 pairs of different people in the synthetic dataset the most alike reach 0.976; the two halves of one
# recording lie between 0.948 and 1. So this finds copies (encoded again, cut shorter) under two names, and makes no
# guess at who somebody is: one person filmed on two days may well lie below.
ALIKE = 0.985


@dataclass(frozen=True)
class Twins:
    """Two recordings that seem to be one.

    Attributes:
        one: a recording, as site/subject/name.
        other: the other.
        how: their files are equal, or their mean faces are.
        likeness: correlation of the mean faces; 1 for equal files.
        leak: they stand under two subjects, so that one may be trained on while the other is tested.
    """

    one: str
    other: str
    how: Literal["same file", "same face"]
    likeness: float
    leak: bool


def same_files(sources: Sequence[Source], hashes: Mapping[Source, str]) -> list[Twins]:
    """Pairs of recordings with the same video file, next to each other in the dataset's order."""
    groups: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        if source in hashes:
            groups[hashes[source]].append(source)
    pairs = [pair for group in groups.values() for pair in pairwise(group)]
    return [Twins(a.where, b.where, "same file", 1.0, a.subject != b.subject) for a, b in pairs]


def same_faces(recordings: Sequence[Recording]) -> list[Twins]:
    """Pairs of recordings under different subjects whose mean aligned faces are near-identical, most alike first."""
    seen = [(recording, face) for recording in recordings if (face := portrait(recording)) is not None]
    if len(seen) < 2:
        return []
    faces = np.stack([face for _, face in seen])
    likeness = faces @ faces.T
    found = [
        Twins(_where(seen[i][0]), _where(seen[j][0]), "same face", float(likeness[i, j]), leak=True)
        for i, j in combinations(range(len(seen)), 2)
        if likeness[i, j] >= ALIKE and seen[i][0].subject != seen[j][0].subject
    ]
    return sorted(found, key=lambda twins: -twins.likeness)


def portrait(recording: Recording) -> Float[np.ndarray, " pixels"] | None:
    """The mean face, grey, small, without brightness and contrast; None where there is none."""
    import cv2

    usable = np.flatnonzero(recording.valid)
    if not len(usable):
        return None
    looks = np.unique(usable[np.linspace(0, len(usable) - 1, LOOKS).astype(int)])
    mean = np.asarray(recording.frames[looks]).mean(axis=(0, 1)).astype(np.float32)
    small = cv2.resize(mean, (SIDE, SIDE), interpolation=cv2.INTER_AREA).ravel().astype(np.float64)
    small -= small.mean()
    length = float(np.linalg.norm(small))
    return small / length if length > 0 else None


def _where(recording: Recording) -> str:
    return f"{recording.site}/{recording.subject}/{recording.name}"
