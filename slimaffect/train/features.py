"""The CNN's features of whole recordings, computed once, so that the LSTM's many steps cost no pixels."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from slimaffect.model.losses import Batch
from slimaffect.model.net import Answer
from slimaffect.train.augment import draw_view
from slimaffect.train.learner import Learner
from slimaffect.train.pool import Pool
from slimaffect.train.randomness import torch_generator

CHUNK = 256  # frames that pass through the CNN at once


class Kept(NamedTuple):
    """What is kept of one stretch in one view: the student's features, and the teacher's answer to the same pixels."""

    features: Float[Tensor, "time features"]
    taught: tuple[Float[Tensor, "time 2"], Float[Tensor, "time wide"]] | None


@torch.no_grad()
def keep_features(learner: Learner, pool: Pool, views: int) -> list[list[Kept]]:
    """Compute the features of every stretch in each of a few augmented views; the list is by view, then stretch."""
    learner.net.eval()
    return [[_keep(learner, pool, view, index) for index in range(len(pool.stretches))] for view in range(views)]


def _keep(learner: Learner, pool: Pool, view: int, index: int) -> Kept:
    chunks = list(_chunks(learner, pool, view, index))
    features = torch.cat([seen for seen, _ in chunks])
    answers = [answer for _, answer in chunks if answer is not None]
    if not answers:
        return Kept(features, None)
    return Kept(features, (torch.cat([a.affect[0] for a in answers]), torch.cat([a.features[0] for a in answers])))


def _chunks(
    learner: Learner, pool: Pool, view: int, index: int
) -> Iterator[tuple[Float[Tensor, "time features"], Answer | None]]:
    """Pass a stretch through student and teacher, chunk by chunk, all in one view; the teacher keeps its state."""
    stretch = pool.stretches[index]
    drawn = draw_view(1, learner.settings.augment, torch_generator(learner.seed, f"features {view}", index))
    answer = None
    for first in range(stretch.first, stretch.last, CHUNK):
        raw = pool.frames[stretch.recording][first : min(first + CHUNK, stretch.last)]
        faces = learner.alter(torch.from_numpy(raw.copy())[None], drawn)
        answer = learner.taught(faces, answer.state if answer else None)
        yield learner.encode(faces)[0], answer


def cut_features(
    kept: list[list[Kept]], pool: Pool, drawn: list[tuple[int, int, int]], length: int, unscored: int
) -> tuple[Float[Tensor, "batch time features"], Batch]:
    """Cut windows out of kept features; each is drawn as view, stretch and first frame."""
    features, taught, labels = [], [], []
    for view, index, first in drawn:
        place, found = pool.place(index, first, length, unscored), kept[view][index]
        at = torch.from_numpy(place.at - pool.stretches[index].first)
        features.append(found.features[at])
        labels.append((place.affect, place.valid))
        if found.taught is not None:
            taught.append((found.taught[0][at], found.taught[1][at]))
    affect, valid = (torch.from_numpy(np.stack(column)) for column in zip(*labels, strict=True))
    said = [torch.stack(column) for column in zip(*taught, strict=True)]
    teacher = Answer(said[0], said[1], None) if said else None
    return torch.stack(features), Batch(affect, valid, teacher)
