"""Sharing out, and keeping the best of each code."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from slimaffect.select.selection import allocate, best, budgets


@given(st.integers(0, 60), st.lists(st.tuples(st.floats(0, 5), st.integers(0, 20)), min_size=1, max_size=8))
def test_everything_is_shared_out_and_nobody_gets_more_than_fits(total: int, parts: list[tuple[float, int]]) -> None:
    """The parts add up to the total, or to all the room there is."""
    wish, room = (np.array(column) for column in zip(*parts, strict=True))
    given_out = allocate(total, wish.astype(float), room)
    assert given_out.sum() == min(total, room.sum())
    assert (given_out >= 0).all()
    assert (given_out <= room).all()


def test_wishes_are_met_in_proportion() -> None:
    """What one cannot take goes to the others in proportion; what nobody wishes comes last."""
    assert allocate(60, np.array([1.0, 2.0, 3.0]), np.array([99, 99, 99])).tolist() == [10, 20, 30]
    assert allocate(60, np.array([1.0, 2.0, 3.0]), np.array([99, 99, 6])).tolist() == [18, 36, 6]
    assert allocate(10, np.array([1.0, 0.0, 0.0]), np.array([4, 20, 10])).tolist() == [4, 4, 2]


def test_every_group_keeps_its_share_and_at_least_one() -> None:
    """Five per cent of three units is still one: nobody is dropped."""
    codes, counts = budgets(np.repeat([7, 3, 4], [100, 60, 3]), 0.05)
    assert counts.tolist() == [3, 1, 5]
    assert codes[0] == 2


def test_the_best_of_each_code_are_kept_and_stand_for_it() -> None:
    """Ascending indices; two of five stand for two and a half each."""
    chosen = best(np.array([0, 1, 0, 1, 0, 0, 0]), np.array([5.0, 1, 1, 9, 4, 2, 3]), np.array([2, 1]))
    assert chosen.kept.tolist() == [0, 3, 4]
    assert chosen.weights.tolist() == [2.5, 2.0, 2.5]
