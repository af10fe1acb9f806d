"""Moments: sums from which the CCC of any group of subjects follows exactly."""

import numpy as np
import pytest

from slimaffect.evaluate.answers import Answers, SubjectAnswers
from slimaffect.evaluate.moments import ccc_of, moments
from slimaffect.evaluate.scores import site_scores


def resampled(answers, weights):
    """Build the drawn subjects themselves, frame by frame."""
    people = sorted(answers.subjects, key=lambda one: one.subject)
    return Answers(
        answers.held_out, 0, tuple(one for one, times in zip(people, weights, strict=True) for _ in range(times))
    )


def test_moments_give_the_ccc_of_the_frames_themselves(answers):
    """For every resampling the sums give the two-pass CCC of the concatenated frames, to 1e-12."""
    weights = np.random.default_rng(0).multinomial(6, np.full(6, 1 / 6), size=50)
    found = ccc_of(moments(answers[0]), weights)
    for row, drawn in zip(found, weights, strict=True):
        direct = site_scores(resampled(answers[0], drawn))
        assert row == pytest.approx([direct.ccc_valence, direct.ccc_arousal], abs=1e-12)


def test_a_large_offset_costs_no_digits(answers):
    """Sums are taken around the fold's mean: labels and predictions at 1,000 lose nothing that the data still hold."""
    far = Answers(
        "bonn",
        0,
        tuple(SubjectAnswers(s.subject, s.predicted + 1000, s.affect + 1000, s.valid) for s in answers[0].subjects),
    )
    all_of_them = np.ones((1, 6), dtype=int)
    assert ccc_of(moments(far), all_of_them) == pytest.approx(ccc_of(moments(answers[0]), all_of_them), abs=1e-9)


def test_the_order_of_subjects_does_not_matter(answers):
    """Subjects stand in the order of their names, so the same draw hits the same people in every variant."""
    turned = Answers(answers[0].held_out, 0, answers[0].subjects[::-1])
    assert np.array_equal(moments(turned).sums, moments(answers[0]).sums)


def test_labels_that_stand_still_have_no_ccc():
    """Drawing only people whose label does not move gives NaN, not 0 and not a rounding."""
    still = SubjectAnswers(
        "a", np.linspace(0, 1, 10).repeat(2).reshape(10, 2), np.full((10, 2), 0.1), np.ones(10, bool)
    )
    moving = SubjectAnswers("b", still.predicted, still.predicted, still.valid)
    found = ccc_of(moments(Answers("bonn", 0, (still, moving))), np.array([[2, 0], [0, 2], [1, 1]]))
    assert np.isnan(found[0]).all()
    assert found[1] == pytest.approx([1, 1])
    assert np.isfinite(found[2]).all()


def test_nobody_drawn_is_nan_without_a_warning(answers):
    """No frames, no score; warnings are errors here."""
    assert np.isnan(ccc_of(moments(answers[0]), np.zeros((1, 6), dtype=int))).all()
