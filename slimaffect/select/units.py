"""From clips to what selectors read: clips that share no frame, their mean labels, their subjects."""

import numpy as np
from jaxtyping import Float, Int

from slimaffect.data.clips import Clips


def apart(clips: Clips, seed: int) -> Int[np.ndarray, " units"]:
    """List clips that share no frame, recording by recording in the order of time.

    Overlapping clips must not compete: a quarter of them, drawn by chance, covers far more than a quarter of the
    frames. The first is drawn among those that begin within a clip's length, so that no phase is left out for good.
    """
    order = np.lexsort((clips.windows[:, 1], clips.windows[:, 0]))
    random, found = np.random.default_rng(seed), []
    for mine in _runs(order, clips.windows[order, 0]):
        starts = clips.windows[mine, 1]
        at = int(random.integers(np.searchsorted(starts, starts[0] + clips.length)))
        while at < len(mine):
            found.append(mine[at])
            at = int(np.searchsorted(starts, starts[at] + clips.length))
    return np.array(found, dtype=np.int64)


def _runs(order: Int[np.ndarray, " n"], recordings: Int[np.ndarray, " n"]) -> list[Int[np.ndarray, " run"]]:
    """Cut where the recording changes."""
    return np.split(order, np.flatnonzero(np.diff(recordings)) + 1) if len(order) else []


def mean_labels(clips: Clips) -> Float[np.ndarray, "clips 2"]:
    """Mean valence and arousal over each clip's labelled frames; both in [-1, 1]."""
    means = np.zeros((len(clips), 2))
    for number, recording in enumerate(clips.recordings):
        mine = np.flatnonzero(clips.windows[:, 0] == number)
        first = clips.windows[mine, 1]
        known = np.where(recording.valid[:, None], recording.affect, 0.0)
        sums, counts = _running(known), _running(recording.valid[:, None])
        last = first + clips.length
        means[mine] = (sums[last] - sums[first]) / np.maximum(counts[last] - counts[first], 1)
    return means


def _running(values: np.ndarray) -> Float[np.ndarray, "time_and_one columns"]:
    return np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])


def subjects(clips: Clips) -> Int[np.ndarray, " clips"]:
    """Number of each clip's subject, in the alphabetical order of site and subject."""
    names = [(recording.site, recording.subject) for recording in clips.recordings]
    codes = {name: code for code, name in enumerate(sorted(set(names)))}
    return np.array([codes[name] for name in names], dtype=np.int64)[clips.windows[:, 0]]


def labelled(clips: Clips) -> int:
    """Count the labelled frames under the clips, each once."""
    return sum(int((recording.valid & clips.covered(n)).sum()) for n, recording in enumerate(clips.recordings))
