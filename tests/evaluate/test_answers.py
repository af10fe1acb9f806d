"""Answers on disk: the same numbers back, and no half-written or foreign file is ever believed."""

from dataclasses import replace

import numpy as np
import pytest

from slimaffect.errors import RunError
from slimaffect.evaluate.answers import Answers, SubjectAnswers, pooled


def test_answers_come_back_as_they_were(tmp_path, answers):
    """Names, lengths and every number survive, and nothing but the file is left behind."""
    uneven = replace(
        answers[0].subjects[0],
        subject="Ängström",
        predicted=np.ones((5, 2)),
        affect=np.zeros((5, 2)),
        valid=np.ones(5, bool),
    )
    given = replace(answers[0], seed=7, subjects=(uneven, *answers[0].subjects))
    given.save(tmp_path / "deep" / "answers.npz")
    found = Answers.load(tmp_path / "deep" / "answers.npz")
    assert (found.held_out, found.seed) == (given.held_out, 7)
    assert [one.subject for one in found.subjects] == [one.subject for one in given.subjects]
    for one, other in zip(found.subjects, given.subjects, strict=True):
        assert np.array_equal(one.predicted, other.predicted)
        assert np.array_equal(one.affect, other.affect)
        assert np.array_equal(one.valid, other.valid)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["answers.npz"]


def test_a_fold_without_subjects_survives_too(tmp_path):
    """Nobody answered is an answer."""
    Answers("bonn", 0, ()).save(tmp_path / "none.npz")
    assert Answers.load(tmp_path / "none.npz").subjects == ()


def test_a_missing_or_damaged_file_says_what_to_do(tmp_path, answers):
    """A lost file, a truncated one and one that is no npz each give one sentence, not a traceback."""
    with pytest.raises(RunError, match="no answers were saved here"):
        Answers.load(tmp_path / "lost.npz")
    path = tmp_path / "cut.npz"
    answers[0].save(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(RunError, match=r"cut\.npz: these are no readable answers(?s:.*)Delete the file"):
        Answers.load(path)
    np.savez(tmp_path / "other.npz", something=np.zeros(3))
    with pytest.raises(RunError, match="no readable answers"):
        Answers.load(tmp_path / "other.npz")


@pytest.mark.usefixtures("unchecked")
def test_a_pickle_is_never_run(tmp_path):
    """An object array would run code when read: it is refused."""
    np.savez(tmp_path / "evil.npz", held_out=np.array([{}], dtype=object))
    with pytest.raises(RunError, match="no readable answers"):
        Answers.load(tmp_path / "evil.npz")


@pytest.mark.usefixtures("unchecked")
def test_a_failed_write_leaves_the_old_file(tmp_path, answers):
    """Saving something that cannot be stored keeps what was there, and leaves no scrap."""
    path = tmp_path / "answers.npz"
    answers[0].save(path)
    before = path.read_bytes()
    broken = replace(answers[0].subjects[0], predicted=np.array([[object(), 0]], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        replace(answers[0], subjects=(broken,)).save(path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_only_valid_frames_are_pooled(answers):
    """Frames without face or label are left out, whatever stands in them."""
    one = answers[0].subjects[0]
    affect, valid = one.affect.copy(), one.valid.copy()
    affect[0], valid[1:4] = np.nan, False
    x, y = pooled(Answers("bonn", 0, (replace(one, affect=affect, valid=valid),)))
    assert len(x) == len(y) == len(one.valid) - 4
    assert np.array_equal(x, one.predicted[4:])


def test_clipping_keeps_an_infinite_answer_visible(answers):
    """A finite prediction moves to the border; an infinite one is no answer and stays infinite."""
    wild = SubjectAnswers("a", np.array([[2.0, -3.0], [np.inf, 0.5]]), np.zeros((2, 2)), np.ones(2, dtype=bool))
    kept = replace(answers[0], subjects=(wild,)).clipped().subjects[0].predicted
    assert kept.tolist() == [[1.0, -1.0], [np.inf, 0.5]]
