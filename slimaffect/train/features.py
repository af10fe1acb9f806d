"""The CNN's features of whole recordings, computed once, so that the LSTM's many steps cost no pixels."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from slimaffect.model.frozen import frozen
from slimaffect.model.losses import Batch
from slimaffect.model.net import AffectNet, Answer, joined
from slimaffect.train.augment import draw_view
from slimaffect.train.learner import Learner
from slimaffect.train.pool import Pool
from slimaffect.train.randomness import torch_generator

CHUNK = 256  # frames that pass through the CNN at once


class Kept(NamedTuple):
    """What is kept of one stretch in one view: the student's features, and the teacher's answer to the same pixels."""

    features: Float[Tensor, "time features"]
    taught: Answer | None  # a batch of one


@torch.no_grad()
def keep_features(learner: Learner, pool: Pool, views: int) -> list[list[Kept]]:
    """Compute the features of every stretch in each of a few augmented views; the list is by view, then stretch."""
    learner.net.eval()
    still = frozen(learner.net)
    return [[_keep(learner, still, pool, view, index) for index in range(len(pool.stretches))] for view in range(views)]


def _keep(learner: Learner, still: AffectNet, pool: Pool, view: int, index: int) -> Kept:
    chunks = list(_chunks(learner, still, pool, view, index))
    features = torch.cat([seen for seen, _ in chunks])
    answers = [answer for _, answer in chunks if answer is not None]
    return Kept(features, joined(answers, axis=1) if answers else None)


def _chunks(
    learner: Learner, still: AffectNet, pool: Pool, view: int, index: int
) -> Iterator[tuple[Float[Tensor, "time features"], Answer | None]]:
    """Pass a stretch through student and teacher, chunk by chunk, all in one view; the teacher keeps its state."""
    stretch = pool.stretches[index]
    whose = [pool.recordings[stretch.recording].subject]
    drawn = draw_view(1, learner.settings.augment, torch_generator(learner.seed, f"features {view}", index))
    answer = None
    for first in range(stretch.first, stretch.last, CHUNK):
        raw = pool.pixels([(stretch.recording, np.arange(first, min(first + CHUNK, stretch.last)))])
        faces = learner.alter(raw, drawn)
        answer = learner.taught(faces, whose, answer.state if answer else None)
        yield learner.encode(faces, still)[0], answer


def cut_features(
    kept: list[list[Kept]], pool: Pool, drawn: list[tuple[int, int, int]], length: int, unscored: int
) -> tuple[Float[Tensor, "batch time features"], Batch]:
    """Cut windows out of kept features; each is drawn as view, stretch and first frame."""
    features, taught, places = [], [], []
    for view, index, first in drawn:
        place, found = pool.place(index, first, length, unscored), kept[view][index]
        at = torch.from_numpy(place.at - pool.stretches[index].first)
        features.append(found.features[at])
        places.append(place)
        if found.taught is not None:
            taught.append(_cut(found.taught, at))
    affect, valid, seen = pool.marks(places)
    return torch.stack(features), Batch(affect, valid, joined(taught) if taught else None, seen, pool.whose(places))


def _cut(answer: Answer, at: Int[Tensor, " time"]) -> Answer:
    hidden = None if answer.hidden is None else answer.hidden[:, at]
    return Answer(answer.affect[:, at], answer.features[:, at], None, hidden)
