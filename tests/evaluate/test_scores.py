"""Scores: pooled within a fold, the plain mean over sites, and nothing averaged that does not exist."""

from dataclasses import replace

import numpy as np
import pytest

from slimaffect.errors import RunError
from slimaffect.evaluate.answers import Answers, SubjectAnswers
from slimaffect.evaluate.metrics import ccc
from slimaffect.evaluate.scores import score, site_scores, subject_ccc


def fold(site, predicted, affect, seed=0, subject="s"):
    """One subject; the same series for valence and arousal."""
    two = [np.stack([np.asarray(series, float)] * 2, axis=1) for series in (predicted, affect)]
    return Answers(site, seed, (SubjectAnswers(subject, *two, np.ones(len(two[0]), bool)),))


def shifted(answers, offset):
    """Add an offset to every prediction of a fold."""
    return replace(answers, subjects=tuple(replace(one, predicted=one.predicted + offset) for one in answers.subjects))


def test_a_site_is_scored_on_all_its_frames_at_once(answers):
    """Pooled CCC of the concatenated frames, dimension by dimension."""
    found = site_scores(answers[0])
    x = np.concatenate([one.predicted for one in answers[0].subjects])
    y = np.concatenate([one.affect for one in answers[0].subjects])
    assert found.ccc_valence == ccc(x[:, 0], y[:, 0])
    assert found.ccc_arousal == ccc(x[:, 1], y[:, 1])
    assert found.ccc == pytest.approx((found.ccc_valence + found.ccc_arousal) / 2, abs=1e-15)
    assert (found.subjects, found.frames) == (6, 480)


def test_the_three_scopes_are_three_numbers(answers):
    """Pooled over everything, mean over sites and mean over subjects differ; the mean over sites is what is given."""
    everyone = Answers("all", 0, tuple(one for each in answers for one in each.subjects))
    per_subject = np.mean([value for site in subject_ccc(answers).values() for value in site.values()])
    scopes = [site_scores(everyone).ccc, score(answers).ccc, float(per_subject)]
    assert score(answers).ccc == pytest.approx(np.mean([site_scores(one).ccc for one in answers]), abs=1e-15)
    assert min(abs(a - b) for i, a in enumerate(scopes) for b in scopes[:i]) > 0.005


def test_folds_are_never_pooled_with_each_other():
    """Two models with opposite offsets score the same whichever of them has which sign."""
    label = np.linspace(-0.5, 0.5, 30)
    one, other = fold("bonn", label - 0.3, label - 0.3), fold("cadiz", label + 0.3, label + 0.3)
    mixed = score([shifted(one, 0.2), shifted(other, -0.2)]).ccc
    alike = score([shifted(one, 0.2), shifted(other, 0.2)]).ccc
    assert mixed == pytest.approx(alike, abs=1e-12)
    pooled = ccc(np.concatenate([label - 0.1, label + 0.1]), np.concatenate([label - 0.3, label + 0.3]))
    assert abs(pooled - mixed) > 0.01


def test_each_site_counts_once_whatever_its_size(answers):
    """A site with ten times the frames weighs no more."""
    long = answers[0].subjects[0]
    again = replace(
        long,
        **{key: np.tile(getattr(long, key), (10, 1)) for key in ("predicted", "affect")},
        valid=np.tile(long.valid, 10),
    )
    big = Answers(answers[0].held_out, 0, (again,))
    small = Answers(answers[0].held_out, 0, (long,))
    assert score([big, *answers[1:]]).ccc == pytest.approx(score([small, *answers[1:]]).ccc, abs=1e-12)


def test_the_worst_site_is_named(answers):
    """The lowest CCC of all sites, beside the mean."""
    found = score(answers)
    assert found.worst_site == min(found.sites, key=lambda site: found.sites[site].ccc)
    assert found.sites[found.worst_site].ccc < found.ccc


def test_labels_that_stand_still_are_counted_and_in_no_mean(answers):
    """A site without movement has no CCC; the others keep their mean, and the count says so."""
    still = fold("essen", np.linspace(-1, 1, 9), np.full(9, 0.1))
    found = score([*answers, still])
    assert found.undefined == 2
    assert np.isnan(found.sites["essen"].ccc)
    assert found.ccc == pytest.approx(score(answers).ccc, abs=1e-15)
    assert found.worst_site != "essen"


def test_one_still_dimension_keeps_the_other(answers):
    """Valence without movement leaves arousal its mean over all sites."""
    first = answers[0]
    flat = replace(
        first, subjects=tuple(replace(s, affect=np.stack([np.zeros(80), s.affect[:, 1]], 1)) for s in first.subjects)
    )
    found = score([flat, *answers[1:]])
    assert found.undefined == 1
    assert found.ccc_arousal == pytest.approx(score(answers).ccc_arousal, abs=1e-15)
    assert found.ccc == pytest.approx(score(answers[1:]).ccc, abs=1e-15)


def test_a_model_that_does_not_answer_has_no_score(answers):
    """A NaN prediction on a valid frame is no gap in the labels: it may not be scored on the frames that went well."""
    one = answers[0].subjects[0]
    predicted = one.predicted.copy()
    predicted[5, 0] = np.nan
    broken = replace(answers[0], subjects=(replace(one, predicted=predicted), *answers[0].subjects[1:]))
    found = score([broken, *answers[1:]])
    assert np.isnan(found.ccc)
    assert found.undefined == 0
    assert not np.isnan(found.sites[answers[1].held_out].ccc)


def test_padding_changes_nothing_to_the_last_bit(answers):
    """Rows that are not valid leave every score as it was, whatever stands in them."""
    padded = [
        replace(
            each,
            subjects=tuple(
                SubjectAnswers(
                    one.subject,
                    np.concatenate([one.predicted, np.full((20, 2), 9.0)]),
                    np.concatenate([one.affect, np.zeros((20, 2))]),
                    np.concatenate([one.valid, np.zeros(20, bool)]),
                )
                for one in each.subjects
            ),
        )
        for each in answers
    ]
    assert score(padded) == score(answers)


def test_clipping_is_said_and_the_share_beyond_is_counted(answers):
    """Clipped and unclipped are two scores, and the result says which one it is."""
    wild = [shifted(one, 0.9) for one in answers]
    free, clipped = score(wild), score(wild, clip=True)
    assert (free.clipped, clipped.clipped) == (False, True)
    assert free.beyond_range == clipped.beyond_range > 0.2
    assert abs(clipped.ccc - free.ccc) > 0.05


def test_seeds_are_averaged_after_scoring(answers):
    """The mean of the seeds' scores, not the score of their mean prediction."""
    second = [replace(shifted(one, 0.3), seed=1) for one in answers]
    found = score([*second, *answers])
    assert found.ccc_of_seeds == (score(answers).ccc, score([replace(one, seed=0) for one in second]).ccc)
    assert found.ccc == pytest.approx(np.mean(found.ccc_of_seeds), abs=1e-15)


def test_the_order_of_folds_does_not_matter(answers):
    """The same answers in another order give the same scores."""
    assert score(answers[::-1]) == score(answers)


def test_missing_and_double_folds_are_refused(answers):
    """A mean over sites of which one is absent is another number; the message names the hole."""
    with pytest.raises(RunError, match=r"missing for athens \(seed 1\)"):
        score([*answers, *(replace(one, seed=1) for one in answers[1:])])
    with pytest.raises(RunError, match="two sets of answers for site 'athens', seed 0"):
        score([*answers, answers[0]])
    with pytest.raises(RunError, match="missing for every fold"):
        score([])
