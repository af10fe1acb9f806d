"""What a selector knows of a clip's pictures: statistics of raw pixels, or the features of a CNN."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, UInt8

from slimaffect.data.clips import Clips
from slimaffect.model.net import AffectNet

LOOKS = 5  # frames of a clip that are looked at, evenly spread: neighbours are alike
GRID = 4  # thumbnails of 4x4 cells
CLIPS = 64  # clips at once

Look = Callable[[UInt8[np.ndarray, "n 3 height width"]], Float[np.ndarray, "n values"]]


def pixel_features(clips: Clips) -> Float[np.ndarray, "clips 96"]:
    """Mean and spread over a clip of each cell and colour of a thumbnail of 4x4 cells, in standard units."""
    return _standard(_over_time(clips, _thumbnails))


def _thumbnails(frames: UInt8[np.ndarray, "n 3 height width"]) -> Float[np.ndarray, "n values"]:
    side = frames.shape[-1] // GRID * GRID
    cells = frames[..., :side, :side].reshape(len(frames), 3, GRID, side // GRID, GRID, side // GRID)
    return cells.mean((3, 5), dtype=np.float32).reshape(len(frames), -1)


def model_features(clips: Clips, net: AffectNet) -> Float[np.ndarray, "clips values"]:
    """Mean and spread over a clip of a model's features, in standard units; before any training of a random CNN's.

    The frames count as examples.
    """
    import copy

    import torch

    from slimaffect.train.augment import alter, plain_view
    from slimaffect.train.journal import journal

    net = copy.deepcopy(net).eval()

    @torch.no_grad()
    def look(frames: UInt8[np.ndarray, "n 3 height width"]) -> Float[np.ndarray, "n values"]:
        journal().examples += len(frames)
        faces = alter(torch.from_numpy(frames)[None], plain_view(1), moved=False)
        return net.encode(faces[0]).float().numpy()

    return _standard(_over_time(clips, look))


def _over_time(clips: Clips, look: Look) -> Float[np.ndarray, "clips values"]:
    """Look at a few frames of every clip, and keep mean and spread of what is seen."""
    offsets = ((np.arange(LOOKS) + 0.5) * clips.length / LOOKS).astype(np.int64)
    found = []
    for first in range(0, len(clips), CLIPS):
        windows = clips.windows[first : first + CLIPS]
        frames = np.concatenate([clips.recordings[number].frames[start + offsets] for number, start in windows])
        seen = look(frames).reshape(len(windows), LOOKS, -1)
        found.append(np.concatenate([seen.mean(1), seen.std(1)], axis=1))
    return np.concatenate(found).astype(np.float32)


def _standard(features: Float[np.ndarray, "clips values"]) -> Float[np.ndarray, "clips values"]:
    """Bring every column to mean 0 and spread 1, so that distances weigh them alike; a constant one to 0."""
    spread = features.std(0)
    return (features - features.mean(0)) / np.where(spread > 0, spread, 1)
