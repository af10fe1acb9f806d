"""CCC on subjects that were taken out of training, to choose among epochs."""

import numpy as np
import torch
from jaxtyping import Float

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
def predict(net: AffectNet, recording: Recording) -> Float[np.ndarray, "time 2"]:
    """Answer affect at every frame of a recording, chunk by chunk."""
    said, state, on = [], None, net.head.weight.device
    for first in range(0, len(recording), CHUNK):
        raw = np.asarray(recording.frames[first : first + CHUNK])
        answer = net(alter(torch.from_numpy(raw.copy())[None].to(on), plain_view(1), moved=False), state)
        said.append(answer.affect[0].cpu().numpy())
        state = answer.state
    return np.concatenate(said)


def mean_ccc(net: AffectNet, clips: Clips) -> float:
    """CCC pooled over all valid frames of the clips' recordings, averaged over valence and arousal."""
    valid = np.concatenate([r.valid for r in clips.recordings])
    affect = np.concatenate([r.affect for r in clips.recordings])[valid]
    was_training = [module for module in net.modules() if module.training]
    net.eval()
    said = np.concatenate([predict(net, r) for r in clips.recordings])[valid]
    for module in was_training:
        module.training = True
    return float(np.mean([ccc(said[:, axis], affect[:, axis]) for axis in range(2)]))
