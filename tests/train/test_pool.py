"""Training draws from what the clips cover, evenly over subjects, and from nothing else."""

import numpy as np
import pytest
import torch

from slimaffect.data.clips import Clips, Recording
from slimaffect.errors import RunError
from slimaffect.train.pool import Pool, Stretch


def numbered(frames: int = 30, subject: str = "a", valid: np.ndarray | None = None) -> Recording:
    """Make a recording whose frames hold their own index, and whose affect does too."""
    at = np.arange(frames)
    shown = np.broadcast_to(at[:, None, None, None], (frames, 3, 8, 8)).astype(np.uint8)
    affect = np.stack([at / 100, -at / 100], 1).astype(np.float32)
    valid = np.ones(frames, dtype=bool) if valid is None else valid
    return Recording("S1", subject, "r", shown, affect, valid, at / 10, subject)


def clips_of(windows: list[tuple[int, int]], *recordings: Recording, length: int = 5) -> Clips:
    """Cut given windows."""
    return Clips(recordings, np.asarray(windows, dtype=np.int64).reshape(-1, 2), length, 10.0)


def test_frames_under_no_clip_are_history_and_never_scored() -> None:
    """A subset of clips is a subset of labels; windows of the LSTM run on over what lies between."""
    pool = Pool(clips_of([(0, 0), (0, 3), (0, 8), (0, 20)], numbered()))
    kept = {*range(13), *range(20, 25)}
    assert pool.stretches == (Stretch(0, 0, 25),)
    drawn = pool.single(200, np.random.default_rng(0)).frames[:, 0, 0, 0, 0]
    assert set(drawn.tolist()) == kept
    windows = pool.cut(np.array([[0, 10], [0, 15]]), 10, 2)
    assert windows.frames[:, :, 0, 0, 0].tolist() == [[*range(10, 20)], [*range(15, 25)]]
    assert windows.valid.tolist() == [
        [at >= first + 2 and at in kept for at in range(first, first + 10)] for first in (10, 15)
    ]
    assert torch.equal(windows.seen, windows.valid)  # a teacher is heard on no more frames than the labels are


def test_a_clip_in_the_middle_has_history_before_it() -> None:
    """Else its first frames would warm the LSTM up and never be scored."""
    pool = Pool(clips_of([(0, 25)], numbered(40)))
    assert pool.stretches == (Stretch(0, 5, 30),)
    windows = pool.cut(pool.starts(25, 20), 25, 20)
    assert windows.frames[0, windows.valid[0], 0, 0, 0].tolist() == [25, 26, 27, 28, 29]


def test_single_frames_come_with_their_own_labels() -> None:
    """Frame and label belong together, and unlabelled frames are not drawn."""
    valid = np.arange(30) % 3 != 0
    windows = Pool(clips_of([(0, 0), (0, 5), (0, 10)], numbered(valid=valid))).single(50, np.random.default_rng(0))
    at = windows.frames[:, 0, 0, 0, 0].numpy()
    np.testing.assert_allclose(windows.affect[:, 0, 0].numpy(), at / 100, atol=1e-6)
    assert not np.any(at % 3 == 0)


def test_draws_are_spread_evenly_over_subjects() -> None:
    """Twelve frames of three equal recordings are four of each, whatever the seed."""
    pool = Pool(clips_of([(r, s) for r in range(3) for s in range(0, 30, 5)], *(numbered(subject=s) for s in "abc")))
    for seed in range(5):
        drawn = pool.draw(pool.starts(5, 0), 12, np.random.default_rng(seed))
        assert np.bincount(drawn[:, 0]).tolist() == [4, 4, 4]


def test_the_first_frames_of_a_window_are_not_scored() -> None:
    """They warm the LSTM up; labels follow their frames."""
    pool = Pool(clips_of([(0, s) for s in range(0, 30, 5)], numbered()))
    windows = pool.cut(np.array([[0, 7]]), 10, 4)
    assert windows.valid[0].tolist() == [False] * 4 + [True] * 6
    assert windows.frames[0, :, 0, 0, 0].tolist() == list(range(7, 17))
    np.testing.assert_allclose(windows.affect[0, :, 0].numpy(), np.arange(7, 17) / 100, atol=1e-6)


def test_a_short_stretch_is_filled_up_and_still_scored() -> None:
    """Four seconds of video train too: the filling is never scored, and warming up leaves half."""
    windows_pool = Pool(clips_of([(0, 0), (0, 1)], numbered(6)))
    starts = windows_pool.starts(10, 4)
    windows = windows_pool.cut(starts, 10, 4)
    assert starts.tolist() == [[0, 0]]
    assert windows.valid[0].tolist() == [False] * 3 + [True] * 3 + [False] * 4


def test_every_window_has_a_label_to_score() -> None:
    """A window whose scored frames all lack labels is no start."""
    valid = np.zeros(30, dtype=bool)
    valid[25] = True
    pool = Pool(clips_of([(0, s) for s in range(0, 30, 5)], numbered(valid=valid)))
    assert pool.starts(10, 4)[:, 1].tolist() == list(range(16, 21))


def test_missing_labels_are_no_nan() -> None:
    """NaN would spoil the gradient even of frames that are not scored."""
    recording = numbered(valid=np.arange(30) > 10)
    recording.affect[:11] = np.nan
    windows = Pool(clips_of([(0, s) for s in range(0, 30, 5)], recording)).cut(np.array([[0, 5]]), 10, 0)
    assert windows.affect.isfinite().all()


def test_clips_without_labels_are_refused() -> None:
    """The message says what was found and what to do."""
    with pytest.raises(RunError, match="The 1 training clips hold no frame with both a face and a label"):
        Pool(clips_of([(0, 0)], numbered(valid=np.zeros(30, dtype=bool))))


def test_windows_that_nowhere_have_a_label_are_refused() -> None:
    """Too long a warm-up for the labels there are."""
    valid = np.arange(30) < 2
    with pytest.raises(RunError, match=r"No window of 10 frames has a labelled frame after its first 4"):
        Pool(clips_of([(0, s) for s in range(0, 30, 5)], numbered(valid=valid))).starts(10, 4)
