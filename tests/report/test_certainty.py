"""How sure a front is: against counting, against theory, and against a study that is really resampled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimaffect.evaluate.answers import Answers, SubjectAnswers
from slimaffect.evaluate.bootstrap import replicates
from slimaffect.evaluate.kept import keep
from slimaffect.evaluate.scores import score, subject_ccc
from slimaffect.evaluate.versus import versus
from slimaffect.report.axes import axes_of, axis_named
from slimaffect.report.certainty import DRAWS, chance_on_front, chances, paired_interval, resampled
from slimaffect.report.fronts import front
from slimaffect.result import ClipTime, Deploy, RecipeRecord, Result, Variant, scores_record

SITES = {"athens": 5, "bonn": 6}


def answers(noise, seed=0):
    """Two sites of a few people whose labels drift; the model sees them through noise of its own."""
    found = []
    for number, (site, count) in enumerate(SITES.items()):
        labels = np.random.default_rng([number, 1])
        errors = np.random.default_rng([number, 2, seed])
        people = []
        for one in range(count):
            affect = np.cumsum(labels.normal(0, 0.05, (200, 2)), axis=0)
            offset = labels.normal(0, 0.2, 2)  # a person whom every model reads too high or too low
            predicted = affect + offset + errors.normal(0, noise, (200, 2))
            people.append(SubjectAnswers(f"{site}{one}", predicted, affect, np.ones(200, dtype=bool)))
        found.append(Answers(site, 0, tuple(people)))
    return found


def variant(name, given, clip_ms, moments=True):
    """A variant scored on those answers."""
    scores = scores_record(score(given), subjects=subject_ccc(given), moments=keep(given) if moments else None)
    return Variant(name=name, scores=scores, deploy=Deploy(clip_ms=ClipTime(p50=clip_ms)))


def result(*variants):
    """A result of those variants, the first being the baseline."""
    return Result(recipe=RecipeRecord(name="x"), baseline=variants[0].name, variants=list(variants))


@given(st.integers(2, 9), st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_the_quick_way_counts_as_the_plain_one(variants, seed):
    """For two axes a walk, for more every pair: both agree with the front of each draw, ties included."""
    random = np.random.default_rng(seed)
    axes = [random.integers(0, 4, (6, variants)).astype(float) for _ in range(2)]
    counted = np.mean([front(list(zip(*rows, strict=True)), (True, True)) for rows in zip(*axes, strict=True)], axis=0)
    assert chance_on_front(axes).tolist() == counted.tolist()
    third = np.zeros((6, variants))
    assert chance_on_front([*axes, third]).tolist() == counted.tolist()


def test_two_equal_variants_share_the_front():
    """Independent and equally good, the dearer one is on the front in half of the studies: it must win outright."""
    random = np.random.default_rng(0)
    gain = random.normal(0.6, 0.02, (4_000, 2))
    cheap, dear = chance_on_front([gain, np.broadcast_to([-1.0, -2.0], gain.shape)])
    assert cheap == 1.0
    assert dear == pytest.approx(0.5, abs=0.03)


def test_a_variant_without_a_figure_is_on_no_front():
    """Missing gain or missing cost: no share, and the others are judged without it."""
    found = result(
        variant("baseline", answers(0.1), 9.0), variant("small", answers(0.2, 1), 3.0), Variant(name="failed")
    )
    axes = axes_of(found)
    shares = chances(found, axis_named(axes, "ccc"), axis_named(axes, "clip_ms"), resampled(found))
    assert shares[:2] == [1.0, 1.0]
    assert shares[2] is None


def test_people_are_resampled_as_in_the_run():
    """From six numbers per subject the same replicates follow as from every frame, draw by draw."""
    before, after = answers(0.1), answers(0.3, 1)
    found = result(variant("baseline", before, 9.0), variant("small", after, 3.0))
    drawn = resampled(found)["ccc"]
    assert drawn.how == "paired"
    for column, given_answers in enumerate((before, after)):
        assert np.allclose(drawn.draws[:, column], replicates(given_answers, draws=DRAWS), atol=1e-5)


def test_the_paired_interval_is_that_of_the_run():
    """Two results compared give the interval that one run would have given."""
    before, after = answers(0.1), answers(0.3, 1)
    pair = variant("baseline", before, 9.0), variant("small", after, 3.0)
    assert paired_interval(*pair) == pytest.approx(versus(before, after, margin=0.03).interval, abs=1e-5)
    assert paired_interval(pair[0], variant("small", after, 3.0, moments=False)) is None


def test_pairing_is_surer_than_intervals():
    """A small loss that everybody shares: paired it is seen, from intervals taken apart it is not."""
    before = answers(0.1)
    worse = [
        Answers(one.held_out, 0, tuple(SubjectAnswers(p.subject, 0.93 * p.predicted, p.affect, p.valid) for p in one.subjects))
        for one in before
    ]  # fmt: skip
    # The worse one is dearer too: it belongs on no front.
    whole = result(variant("baseline", before, 3.0), variant("small", worse, 9.0))
    axes = axes_of(whole)
    paired = chances(whole, axis_named(axes, "ccc"), axis_named(axes, "clip_ms"), resampled(whole))[1]
    blind = [
        one.model_copy(update={"scores": one.scores.model_copy(update={"ccc_interval": (0.4, 0.9), "sites": {}})})
        for one in whole.variants
    ]
    apart = resampled(result(*blind))
    assert apart["ccc"].how == "intervals"
    loose = chances(result(*blind), axis_named(axes, "ccc"), axis_named(axes, "clip_ms"), apart)[1]
    assert paired < 0.35 < loose


def test_other_people_are_not_paired():
    """Results on different subjects fall back on their intervals."""
    one, other = answers(0.1), answers(0.2, 1)
    renamed = [
        Answers(a.held_out, 0, tuple(SubjectAnswers("x" + p.subject, p.predicted, p.affect, p.valid) for p in a.subjects))
        for a in other
    ]  # fmt: skip
    pair = variant("baseline", one, 9.0), variant("small", renamed, 3.0)
    assert paired_interval(*pair) is None
    assert resampled(result(*pair))["ccc"].how == "intervals"


def test_labels_that_stand_still_stop_nothing():
    """A site without a CCC is left out, as in the scores; without any site there is nothing to draw."""
    still = [Answers(a.held_out, 0, tuple(SubjectAnswers(p.subject, p.predicted, np.zeros_like(p.affect), p.valid) for p in a.subjects)) for a in answers(0.1)]  # fmt: skip
    mixed = [answers(0.1)[0], still[1]]
    assert np.allclose(resampled(result(variant("b", mixed, 1.0)))["ccc"].draws[:, 0], replicates(mixed, draws=DRAWS), atol=1e-5)  # fmt: skip
    nothing = result(variant("b", still, 1.0))
    assert np.isnan(resampled(nothing)["ccc"].draws).all()
