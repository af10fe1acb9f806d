"""How sure we are: people are left out or resampled, the comparison is paired, intervals hold what they promise."""

import time
from dataclasses import replace

import numpy as np
import pytest

from slimaffect.errors import RunError
from slimaffect.evaluate.answers import Answers, SubjectAnswers
from slimaffect.evaluate.bootstrap import replicates, resample
from slimaffect.evaluate.metrics import ccc
from slimaffect.evaluate.pulls import pulls
from slimaffect.evaluate.scores import score
from slimaffect.evaluate.versus import interval, versus, versus_all


def worsened(answers, random, size=0.08):
    """A variant that errs a little more, by a bias of its own for each person."""
    return [
        replace(
            one,
            subjects=tuple(replace(s, predicted=s.predicted * 0.95 + random.normal(0, size, 2)) for s in one.subjects),
        )
        for one in answers
    ]


def frame_interval(answers, draws=200):
    """What one must not do: resample frames as if each were a person."""
    random, ends = np.random.default_rng(0), []
    series = [
        [np.concatenate([getattr(s, key) for s in one.subjects]) for key in ("predicted", "affect")] for one in answers
    ]
    for _ in range(draws):
        values = []
        for x, y in series:
            drawn = random.integers(0, len(x), len(x))
            values += [ccc(x[drawn, d], y[drawn, d]) for d in (0, 1)]
        ends.append(np.mean(values))
    return np.quantile(ends, [0.025, 0.975])


def test_resampling_frames_would_be_far_too_sure(simulate):
    """The interval over people is several times as wide as the one over frames of the same people."""
    answers = simulate(4, frames=400)
    low, high = interval(answers)
    naive = frame_interval(answers)
    assert (high - low) > 5 * (naive[1] - naive[0])


def test_a_replicate_is_the_score_of_the_drawn_people(answers):
    """Each replicate equals the score of the subjects that were drawn, to 1e-12, averaged over sites and seeds."""
    second = [replace(one, seed=1) for one in worsened(answers, np.random.default_rng(1))]
    found = replicates([*answers, *second], draws=3, seed=9)
    for draw in range(3):
        drawn = []
        for one in [*answers, *second]:
            times = resample(one.held_out, 6, 3, 9)[draw]
            people = [
                s for s, n in zip(sorted(one.subjects, key=lambda s: s.subject), times, strict=True) for _ in range(n)
            ]
            drawn.append(replace(one, subjects=tuple(people)))
        assert found[draw] == pytest.approx(score(drawn).ccc, abs=1e-12)


def test_a_variant_equal_to_the_baseline_loses_nothing(answers):
    """Identical predictions: delta 0, interval [0, 0], non-inferior at any positive margin, at none of 0."""
    found = versus(answers, answers, margin=0.03)
    assert (found.delta, found.interval, found.non_inferior, found.power) == (0.0, (0.0, 0.0), True, 1.0)
    assert not versus(answers, answers, margin=0.0).non_inferior


def test_the_comparison_is_paired(answers):
    """On the same people the difference is known far better than either score."""
    variant = worsened(answers, np.random.default_rng(2), size=0.02)
    low, high = versus(answers, variant, margin=0.03).interval
    alone = interval(answers)
    assert (high - low) < 0.4 * (alone[1] - alone[0])


def test_non_inferiority_asks_for_the_lower_end(answers):
    """Accepted when the lower end lies above -margin, refused when it does not, whatever the point estimate."""
    variant = worsened(answers, np.random.default_rng(2))
    low, high = versus(answers, variant, margin=0.03).interval
    assert low < score(variant).ccc - score(answers).ccc < high
    assert versus(answers, variant, margin=-low + 1e-6).non_inferior is True
    assert versus(answers, variant, margin=-low - 1e-6).non_inferior is False


def test_power_grows_with_the_margin_and_with_the_people(simulate):
    """A wider margin and more subjects both make it likelier that a truly equal variant passes."""

    def power(subjects, margin):
        before = simulate(5, subjects=subjects)
        return versus(before, worsened(before, np.random.default_rng(0)), margin=margin).power

    assert 0 < power(5, 0.02) < power(5, 0.1) < 1
    assert power(5, 0.05) < power(30, 0.05)


def test_power_is_the_share_of_equal_variants_that_pass(simulate):
    """Simulated: variants whose errors are drawn as the baseline's own pass about as often as promised."""
    random, promised, passed = np.random.default_rng(0), [], []
    for study in range(50):
        truth = simulate(1000 + study)
        one, other = worsened(truth, random), worsened(truth, random)
        found = versus(one, other, margin=0.05)
        promised.append(found.power)
        passed.append(found.non_inferior)
    assert np.mean(passed) == pytest.approx(np.mean(promised), abs=0.12)


def test_intervals_hold_the_truth_as_often_as_they_say(simulate):
    """Over 60 simulated studies of four small sites the 95 % intervals hold the large-sample truth in 88 to 100 %."""
    many = simulate(99, subjects=600, frames=30)
    random = np.random.default_rng(7)
    worse = worsened(many, random)
    truth, gap = score(many).ccc, score(worse).ccc - score(many).ccc
    held = []
    for study in range(60):
        people = slice(study * 10, study * 10 + 10)
        before, after = ([replace(one, subjects=one.subjects[people]) for one in every] for every in (many, worse))
        alone, paired = (
            interval(before),
            versus(before, after, margin=0.1).interval,
        )
        held.append((alone[0] <= truth <= alone[1], paired[0] <= gap <= paired[1]))
    assert (np.mean(held, axis=0) >= 0.88).all()


def test_the_order_does_not_matter(answers):
    """The same interval in whatever order folds and subjects come."""
    turned = [replace(one, subjects=one.subjects[::-1]) for one in answers[::-1]]
    assert interval(turned) == pytest.approx(interval(answers), abs=1e-12)
    assert versus(turned, answers, margin=0.03).delta == pytest.approx(0, abs=1e-12)


def test_fifty_variants_take_a_moment(simulate):
    """45 people with an hour of video in all: sums are resampled and not frames."""
    answers = simulate(6, subjects=11, frames=1000)
    other = worsened(answers, np.random.default_rng(0))
    started = time.process_time()
    versus(answers, other, margin=0.03)
    replicates(answers)
    assert time.process_time() - started < 5.0


def test_a_pull_is_what_leaving_a_person_out_changes(answers):
    """Each pull equals the change of the score without that person, to 1e-12; their squares are the variance."""
    found = pulls(answers)
    site = answers[0]
    without = [
        score([replace(site, subjects=site.subjects[:i] + site.subjects[i + 1 :]), *answers[1:]]).ccc for i in range(6)
    ]
    expected = (np.mean(without) - np.array(without)) * np.sqrt(5 / 6)
    assert found.sites["athens"] == pytest.approx(expected, abs=1e-12)
    assert found.value == pytest.approx(score(answers).ccc, abs=1e-12)
    assert found.error == pytest.approx(np.sqrt((found.all**2).sum()))
    assert found.freedom == 4 * 5


def test_the_jackknife_of_means_is_their_standard_error():
    """For scores that are plain means over people, the pulls give the textbook's variance of a mean."""
    values = np.random.default_rng(0).normal(size=9)
    without = (values.sum() - values) / 8
    pulled = (without.mean() - without) * np.sqrt(8 / 9)
    assert (pulled**2).sum() == pytest.approx(values.var(ddof=1) / 9)


def test_looking_at_many_variants_asks_more_of_each(simulate):
    """Ten variants that err apart need a lower end further down; copies of one variant cost nothing."""
    before, random = simulate(5, subjects=11), np.random.default_rng(0)
    many = {f"v{n}": worsened(before, random) for n in range(10)}
    alone, among = versus(before, many["v0"], margin=0.03), versus_all(before, many, margin=0.03)["v0"]
    assert among.interval == alone.interval
    assert alone.lower_of_all == alone.interval[0]
    assert among.lower_of_all < alone.interval[0] - 0.15 * (alone.delta - alone.interval[0])
    assert among.looked_at == 10
    copies = versus_all(before, {"a": many["v0"], "b": many["v0"]}, margin=0.03)
    assert copies["b"].lower_of_all == pytest.approx(alone.interval[0], abs=1e-9)
    assert versus_all(before, many, margin=0.03, seed=0) == versus_all(before, many, margin=0.03, seed=0)


def test_seeds_folds_and_people_are_told_apart(answers):
    """Each seed's delta, each site's delta with its own wide interval, and the site that loses most."""
    random = np.random.default_rng(3)
    second = [replace(one, seed=1) for one in answers]
    variant = [*worsened(answers, random), *worsened(second, random)]
    found = versus([*answers, *second], variant, margin=0.03)
    assert np.mean(found.of_seeds) == pytest.approx(found.delta)
    assert np.mean([one.delta for one in found.of_sites.values()]) == pytest.approx(found.delta)
    assert found.worst_site == min(found.of_sites, key=lambda site: found.of_sites[site].delta)
    low, high = found.of_sites["bonn"].interval
    assert low < found.of_sites["bonn"].delta < high
    assert high - low > found.interval[1] - found.interval[0]
    only = versus(answers, [replace(one, seed=7) for one in answers], margin=0.03)
    assert only.of_seeds == ()


def test_a_few_who_are_harmed_show(simulate):
    """Four of forty people are read upside down: the mean loses little, the worst tenth nearly all."""
    before = simulate(2, subjects=10)
    harmed = [
        replace(
            one,
            subjects=tuple(replace(s, predicted=-s.predicted) if n == 0 else s for n, s in enumerate(one.subjects)),
        )
        for one in before
    ]
    found = versus(before, harmed, margin=0.03)
    assert found.worst_tenth < 2 * found.delta
    assert found.worst_tenth < -0.3
    assert found.best_tenth == pytest.approx(0, abs=1e-9)


def test_a_site_with_one_person_has_no_interval(answers):
    """Nothing is known of how people differ there: NaN and no verdict, never a width of 0."""
    lonely = [replace(answers[0], subjects=answers[0].subjects[:1]), *answers[1:]]
    assert np.isnan(interval(lonely)).all()
    found = versus(lonely, worsened(lonely, np.random.default_rng(0)), margin=0.03)
    assert found.non_inferior is None
    assert found.power is None
    assert np.isfinite(found.delta)


def test_a_model_that_does_not_answer_gets_no_verdict(answers):
    """NaN predictions give NaN, not a pass."""
    silent = [
        replace(one, subjects=tuple(replace(s, predicted=s.predicted * np.nan) for s in one.subjects))
        for one in answers
    ]
    found = versus(answers, silent, margin=0.03)
    assert np.isnan(found.delta)
    assert found.non_inferior is None
    assert np.isnan(interval(silent)).all()


def test_no_moving_label_anywhere_is_nan(answers):
    """Nothing to score, nothing to resample."""
    still = [
        replace(one, subjects=tuple(replace(s, affect=np.zeros_like(s.affect)) for s in one.subjects))
        for one in answers
    ]
    assert np.isnan(interval(still)).all()


def test_other_people_or_other_labels_are_refused(answers):
    """A difference between two data sets is no difference between two models; the message names the subject."""
    one = answers[0].subjects[0]
    missing = [replace(answers[0], subjects=answers[0].subjects[1:]), *answers[1:]]
    moved = replace(one, affect=one.affect + 0.01)
    relabelled = [replace(answers[0], subjects=(moved, *answers[0].subjects[1:])), *answers[1:]]
    for other in (missing, relabelled):
        with pytest.raises(RunError, match=f"site athens(?s:.*){one.subject}"):
            versus(answers, other, margin=0.03)
    with pytest.raises(RunError, match="run both on all sites"):
        versus(answers, answers[1:], margin=0.03)


def test_a_perfect_model_stays_at_one():
    """No interval reaches beyond a CCC of 1."""
    people = tuple(
        SubjectAnswers(f"s{n}", np.eye(4)[:, :2] * n, np.eye(4)[:, :2] * n, np.ones(4, bool)) for n in (1, 2, 3)
    )
    assert interval([Answers("bonn", 0, people), Answers("cadiz", 0, people)]) == (1.0, 1.0)
