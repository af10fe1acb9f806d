"""The plan of a search on an objective of known truth, its budget, and its journal."""

import numpy as np
import pytest

pytest.importorskip("optuna")

from slimaffect.errors import RunError
from slimaffect.search.book import Book
from slimaffect.search.budget import Budget, Spent
from slimaffect.search.search import CHECKS, TRIALS, Start, counted, recheck, search

from .conftest import Known

PLAN = Budget(trials=16, warm_up=8)


class Killed(BaseException):
    """As if the process had been killed."""


def searched(known, space, base, file=None, budget=PLAN, start=None, gauge=Spent):
    book = Book(file, space, base, 7, gauge)
    found = search(space, base, start or Start((base.model_dump(),)), budget, known, book, tolerance=0.01)
    return found, book


def test_it_comes_near_the_optimum(space, base):
    """With 16 trials nearer than the recipe's own values, which are the first trial."""
    known = Known(3)
    found, book = searched(known, space, base)
    assert known.calls[0] == base.model_dump()
    assert known.true(np.array(list(found.best.values()))) > known.true(np.full(5, 0.5))
    assert len(book.trials(TRIALS)) == 16
    assert found.ended == "trials"
    assert found.top[0] == found.best


def test_equal_seeds_search_alike(space, base):
    """Every choice, not only the best."""
    calls = []
    for _ in range(2):
        known = Known(3)
        searched(known, space, base)
        calls.append(known.calls)
    assert calls[0] == calls[1]


def test_a_killed_search_goes_on_and_repeats_nothing(space, base, tmp_path):
    """Killed at every third training, it tries in the end what it would have tried at once; the killed ones count."""
    whole = Known(5)
    expected, _ = searched(whole, space, base)
    known, tried, kills = Known(5), [], 0

    def fragile(values, seed, report):
        nonlocal kills
        if len(tried) % 3 == 2 and kills < len(tried) // 3 + 1:
            kills += 1
            raise Killed
        score = known(values, seed, report)
        tried.append(values)
        return score

    file = tmp_path / "search.journal"
    for _ in range(40):
        try:
            found, book = searched(fragile, space, base, file)
            break
        except Killed:
            continue
    pruned = [one.values for one in book.trials(TRIALS) if one.state == "pruned"]
    finished = [values for values in whole.calls if values not in pruned]
    assert [values for values in tried if values not in pruned] == finished
    assert found == expected
    told = counted(book, 1.0)
    assert told["killed"] == kills > 3
    assert told["started"] == 16 + kills
    before = len(known.calls)
    assert searched(known, space, base, file)[0] == expected
    assert len(known.calls) == before


def test_frozen_settings_are_no_longer_searched(space, base):
    """After 40 spread trials; their value is that of the best."""
    known = Known(0)
    found, book = searched(known, space, base, budget=Budget(trials=46, warm_up=40))
    assert "dropout" in found.frozen
    assert not {"rate", "optimiser", "hidden"} & set(found.frozen)
    drawn = [one for one in book.trials(TRIALS) if one.label.startswith("search")]
    assert len(drawn) == 5
    assert {one.values["dropout"] for one in drawn} == {found.frozen["dropout"]}
    assert len({one.values["rate"] for one in drawn}) == 5
    assert len(book.trials(CHECKS)) == 3 * (1 + 2 * len(found.frozen)) or len(book.trials(CHECKS)) > 3
    assert set(found.importance) == set(space)


@pytest.mark.parametrize(
    ("limit", "word"), [({"hours": 0.01}, "hours"), ({"cpu_s": 30}, "cpu_s"), ({"joules": 50}, "joules")]
)
def test_whichever_limit_comes_first_ends_it(space, base, limit, word):
    """A trial here takes 10 s of wall time, 4 of CPU and 8 J."""
    known = Known(1)

    def gauge():
        done = len(known.calls)
        return Spent(10.0 * done, 4.0 * done, 8.0 * done, 100 * done, done)

    found, book = searched(known, space, base, budget=Budget(trials=20, warm_up=8, **limit), gauge=gauge)
    assert found.ended == word
    allowed = {"hours": 36 // 10, "cpu_s": 30 // 4, "joules": 50 // 8}[word]
    assert len(book.trials(TRIALS)) == allowed
    assert counted(book, 50.0)["spent"]["cpu_s"] == 4.0 * allowed
    assert counted(book, 50.0)["full_trainings"] == 2 * allowed


def test_a_failed_trial_counts_and_does_not_stop_the_search(space, base):
    """As where a learning rate is too high."""
    known = Known(2)

    def fails(values, seed, report):
        if values["rate"] > 0.8:
            raise RunError("the loss is no number")
        return known(values, seed, report)

    _, book = searched(fails, space, base)
    told = counted(book, 1.0)
    assert told["failed"] > 0
    assert told["started"] == 16 == told["complete"] + told["pruned"] + told["failed"]
    assert {one.why for one in book.trials(TRIALS) if one.state == "failed"} == {"the loss is no number"}


def test_trials_that_fall_behind_are_pruned(space, base):
    """By ASHA, and only those that were drawn: spread trials run to their ends, because the freezing rule reads them."""
    _, book = searched(Known(4), space, base, budget=Budget(trials=30, warm_up=8))
    pruned = [one for one in book.trials(TRIALS) if one.state == "pruned"]
    assert pruned
    assert all(one.label.startswith("search") for one in pruned)


def test_earlier_findings_are_tried_first(space, base):
    """Without a warm-up, and what was frozen stays frozen."""
    known, best = Known(6), {**Known(6).__dict__}
    top = {name: float(value) for name, value in zip(space, best["optimum"], strict=True)}
    start = Start((top, base.model_dump()), {"dropout": top["dropout"]}, warm_up=False)
    found, book = searched(known, space, base, start=start, budget=Budget(trials=6))
    assert known.calls[0] == pytest.approx(top)
    assert {one.values["dropout"] for one in book.trials(TRIALS)[2:]} == {top["dropout"]}
    assert found.frozen == {"dropout": top["dropout"]}


def test_full_size_is_tried_at_several_rates(space, base):
    """Once for each factor, with the best values."""
    asked = []
    book = Book(None, space, base, 7)
    told = recheck(base.model_dump(), (1.0, 0.5), lambda factor: lambda *_: asked.append(factor) or factor, book)
    assert asked == [1.0, 0.5] == [one.score for one in told]
