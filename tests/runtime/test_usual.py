"""A copy for the usual size answers what the general session does, to the last bit, and only sooner."""

import numpy as np
import pytest

from slimaffect.runtime import usual
from slimaffect.runtime.session import RUNTIMES, open_model


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("kind", ["fp32", "u8s8", "per-frame", "fp32 stream"])
def test_the_copy_answers_the_same(files, frames, runtime, kind):
    """Before a size has come often and after it, affect and states are equal to the last bit."""
    session, length = open_model(files[kind], runtime=runtime), 1 if "stream" in kind else 5
    starts = range(0, (usual.OFTEN + 4) * 3, 3)
    first = [session.clip(frames[None, start : start + length]) for start in starts]
    assert session.infer.copies.keys() == {(1, length)}
    again = [session.clip(frames[None, start : start + length]) for start in starts]
    for (affect, state), (later, later_state) in zip(first, again, strict=True):
        np.testing.assert_array_equal(affect, later)
        for one, other in zip(state or (), later_state or (), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_frames_are_left_alone(files, frames, runtime):
    """What the caller gave is never written to: the copy has memory of its own."""
    session, given = open_model(files["fp32"], runtime=runtime), frames.copy()
    for start in range(usual.OFTEN + 3):
        session.clip(given[None, start : start + 4])
    np.testing.assert_array_equal(given, frames)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_answer_of_the_copy_stays(files, frames, runtime):
    """An answer and a state, once given, are not overwritten by the next call; a state may go back in."""
    session, state = open_model(files["fp32"], runtime=runtime), None
    for _ in range(usual.OFTEN + 2):
        affect, state = session.clip(frames[None, :4], state)
    kept = affect.copy(), state[0].copy()
    session.clip(frames[None, 4:8], state)
    np.testing.assert_array_equal(affect, kept[0])
    np.testing.assert_array_equal(state[0], kept[1])


def test_other_sizes_go_on_as_before(files, frames):
    """A session with copies reads clips of any other number and length."""
    session = open_model(files["fp32"], runtime="onnxruntime")
    for _ in range(usual.OFTEN + 1):
        session.clip(frames[None, :4])
    whole, _ = session.clip(frames[None])
    np.testing.assert_allclose(whole[:, :4], session.clip(frames[None, :4])[0], atol=1e-6)
    assert session.clip(np.stack([frames[:4]] * 2))[0].shape == (2, 4, 2)


def test_only_so_many_copies_are_kept():
    """However many sizes come, memory holds two copies."""
    general, copied = [np.zeros(1)], [np.ones(1)]
    answering = usual.Usual(lambda _: general, lambda _: lambda _: copied)
    for length in (3, 4, 5):
        for _ in range(usual.OFTEN + 1):
            answering({"frames": np.zeros((1, length))})
    assert list(answering.copies) == [(1, 3), (1, 4)]
    assert answering({"frames": np.zeros((1, 4))}) is copied
    assert answering({"frames": np.zeros((1, 5))}) is general


def test_a_large_file_has_no_copies(tmp_path):
    """A second copy of a large network's weights would cost memory and gain nothing."""
    file = tmp_path / "large.onnx"
    file.write_bytes(bytes(usual.SMALL + 1))
    assert usual.usual(file, infer := lambda _: [], lambda _: infer) is infer
