"""CCC on subjects that were taken out of training, to choose among epochs."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from slimaffect.data.clips import Clips, Recording
from slimaffect.errors import DataError
from slimaffect.evaluate.folds import validation_subjects
from slimaffect.evaluate.metrics import ccc
from slimaffect.model.net import AffectNet
from slimaffect.train.augment import alter, plain_view

CHUNK = 256  # frames at once; the state is handed on


def split(clips: Clips, share: float, seed: int) -> tuple[Clips, Clips | None]:
    """Take validation subjects out of each site; where no site can spare one, train on all and validate on none."""
    try:
        drawn = validation_subjects(clips, share=share, seed=seed)
    except DataError:
        return clips, None
    return clips.of_subjects(set(clips.subjects) - set(drawn)), clips.of_subjects(drawn)


@torch.no_grad()
def predict(net: AffectNet, recording: Recording, head: nn.Module | None = None) -> Float[np.ndarray, "time 2"]:
    """Answer affect at every frame of a recording, chunk by chunk; `head` reads it from each frame's features alone."""
    said, state, on = [], None, net.head.weight.device
    for first in range(0, len(recording), CHUNK):
        raw = np.asarray(recording.frames[first : first + CHUNK])
        faces = alter(torch.from_numpy(raw.copy())[None].to(on), plain_view(1), moved=False)
        if head is not None:
            said.append(torch.tanh(head(net.encode(faces[0]))).cpu().numpy())
            continue
        answer = net(faces, state)
        said.append(answer.affect[0].cpu().numpy())
        state = answer.state
    return np.concatenate(said)


def shortened(clips: Clips, share: float) -> Clips:
    """Keep the middle of every recording: enough to judge by, for a share of the cost. Its clips are left out."""
    return replace(clips, recordings=tuple(_middle(one, share) for one in clips.recordings), windows=clips.windows[:0])


def _middle(recording: Recording, share: float) -> Recording:
    first = round((1 - share) / 2 * len(recording))
    part = slice(first, first + max(1, round(share * len(recording))))
    # Plain views: a cut of a mapped file would come back whole from another process.
    cut = {name: np.asarray(getattr(recording, name)[part]) for name in ("frames", "affect", "valid", "times")}
    return replace(recording, **cut, digest=f"{recording.digest} {part.start}-{part.stop}")


def mean_ccc(net: AffectNet, clips: Clips, head: nn.Module | None = None) -> float:
    """CCC pooled over all valid frames of the clips' recordings, averaged over valence and arousal."""
    valid = np.concatenate([r.valid for r in clips.recordings])
    affect = np.concatenate([r.affect for r in clips.recordings])[valid]
    was_training = [module for module in net.modules() if module.training]
    net.eval()
    said = np.concatenate([predict(net, r, head) for r in clips.recordings])[valid]
    for module in was_training:
        module.training = True
    return float(np.mean([ccc(said[:, axis], affect[:, axis]) for axis in range(2)]))
