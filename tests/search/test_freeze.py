"""Freezing: the rule against a known truth."""

import numpy as np
import pytest

from slimaffect.search.freeze import CHECK_SEEDS, LEAST_TRIALS, doubted, elsewhere, unmoved
from slimaffect.search.importance import additive, bottom_group, dependence
from slimaffect.search.search import warm_up
from slimaffect.search.space import Span, Words, to_point

from .conftest import IMPORTANT, TRUTH, Known


def frozen(study: int, base, space) -> set[str]:
    """The whole rule on one study: 40 spread trials, two evaluators, the paired check."""
    known = Known(study)
    choices = warm_up(space, base, LEAST_TRIALS, study)
    scores = np.array([known(values, 0) for values in choices])
    best = choices[int(scores.argmax())]
    at_best = [known(best, 1 + seed) for seed in range(CHECK_SEEDS)]
    found = set()
    for number in doubted(np.array([to_point(values, space) for values in choices]), scores):
        path = list(space)[number]
        moved = [
            [known(values, 1 + seed) for seed in range(CHECK_SEEDS)] for values in elsewhere(best, path, space, base)
        ]
        if unmoved(at_best, moved, 0.01):
            found.add(path)
    return found


def test_an_important_setting_is_never_frozen_in_50_studies(base, space):
    """And the rule is of use: what does not matter at all is frozen in most of them."""
    studies = [frozen(study, base, space) for study in range(50)]
    assert not [one & IMPORTANT for one in studies if one & IMPORTANT]
    assert sum("dropout" in one for one in studies) > 25


def test_the_check_saves_what_the_evaluators_would_freeze(base, space):
    """A share of two per cent is beyond both evaluators with 40 trials: in some studies both doubt it."""
    doubts = []
    for study in range(50):
        choices = warm_up(space, base, LEAST_TRIALS, study)
        points = np.array([to_point(values, space) for values in choices])
        doubts += doubted(points, np.array([Known(study)(values, 0) for values in choices]))
    assert doubts.count(list(TRUTH).index("hidden")) > 0
    assert doubts.count(list(TRUTH).index("rate")) == 0


def test_nothing_is_doubted_before_40_trials():
    """However clear it seems."""
    random = np.random.default_rng(0)
    points = random.random((LEAST_TRIALS, 4))
    scores = -np.square(points[:, 0] - 0.4) - 0.3 * points[:, 1]
    assert doubted(points, scores) == [2, 3]
    assert doubted(points[:-1], scores[:-1]) == []
    assert doubted(points[:, :1], points[:, 0]) == []


def test_three_even_places_see_every_parabola():
    """Best value and two moves: no parabola that matters has all three at one height."""
    for best in np.linspace(0, 1, 21):
        for optimum in np.linspace(0, 1, 21):
            places = np.array([best, (best + 1 / 3) % 1, (best + 2 / 3) % 1])
            assert np.ptp(np.square(places - optimum)) > 0.1


def test_words_are_moved_to_their_other_values(base, space):
    """Two others at most."""
    some = space | {"rate": Words(of=(0.1, 0.5, 0.9, 1.0))}
    moved = elsewhere({**base.model_dump(), "rate": 0.5}, "rate", some, base)
    assert [values["rate"] for values in moved] == [0.1, 0.9]
    assert all(values["hidden"] == 0.5 for values in moved)


@pytest.mark.parametrize("evaluator", [additive, dependence])
def test_evaluators_agree_with_the_truth_where_it_is_plain(evaluator):
    """Shares add up to 1; the setting that rules comes first; nothing is made of nothing."""
    points = np.random.default_rng(1).random((60, 4))
    shares = evaluator(points, -np.square(points[:, 2] - 0.4) - 0.03 * points[:, 0])
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 2
    assert evaluator(points, np.ones(60)) == pytest.approx(np.full(4, 0.25))
    assert not bottom_group(np.full(4, 0.25)).any()


def test_dependence_sees_what_no_parabola_has():
    """A wave of two periods: its mean slope and curvature are nothing, and it still rules."""
    points = np.random.default_rng(2).random((200, 3))
    assert dependence(points, np.cos(4 * np.pi * points[:, 1])).argmax() == 1


def test_a_range_of_factors_is_moved_in_factors(base):
    """A third of three decades is one decade."""
    moved = elsewhere({"rate": 0.01}, "rate", {"rate": Span(low=1e-3, high=1.0, log=True)}, base)
    assert [values["rate"] for values in moved] == pytest.approx([0.1, 1e-3], rel=1e-6) or [
        values["rate"] for values in moved
    ] == pytest.approx([0.1, 1.0], rel=1e-6)
