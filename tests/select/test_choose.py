"""What every selector promises."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from slimaffect.errors import RunError
from slimaffect.select.choose import _CHOOSE, BLIND, SELECTORS, Selector, select

every = pytest.mark.parametrize("by", SELECTORS)


def test_every_word_of_a_recipe_chooses() -> None:
    """The words that recipes may use are the selectors there are."""
    assert tuple(_CHOOSE) == get_args(Selector)


@every
@pytest.mark.parametrize("keep", [0.01, 0.1, 0.33, 0.95, 1.0])
def test_each_group_keeps_its_share_and_weights_add_up(by, keep, made) -> None:
    """Ascending, each once, budget kept in each group to a unit, nobody dropped; all units are stood for."""
    kept, weights = select(by, *made, keep=keep, seed=3)
    assert (np.diff(kept) > 0).all()
    for group in np.unique(made.groups):
        mine = made.groups[kept] == group
        size = (made.groups == group).sum()
        assert max(1, np.floor(keep * size)) <= mine.sum() <= max(1, np.ceil(keep * size))
        assert weights[mine].sum() == pytest.approx(size)
    assert (weights > 0).all()


@every
def test_the_seed_decides_everything(by, made) -> None:
    """Same seed, same units; what is given stays as it was."""
    before = [array.copy() for array in made]
    one, again = (select(by, *made, keep=0.2, seed=7) for _ in range(2))
    assert np.array_equal(one.kept, again.kept)
    assert all(np.array_equal(array, kept) for array, kept in zip(made, before, strict=True))


@every
def test_features_may_lie_on_disk(by, made, tmp_path: Path) -> None:
    """A mapped file chooses as an array does."""
    np.save(tmp_path / "features.npy", made.features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    there = select(by, mapped, made.labels, made.groups, keep=0.2, seed=0)
    assert np.array_equal(there.kept, select(by, *made, keep=0.2, seed=0).kept)


@pytest.mark.parametrize("by", [by for by in SELECTORS if by not in BLIND])
def test_features_that_are_no_numbers_are_refused(by, made) -> None:
    """With their count and a way out."""
    wrong = made.features.copy()
    wrong[3] = np.nan
    with pytest.raises(RunError, match=r"6 of 1002 features are no finite numbers.*features: pixels"):
        select(by, wrong, made.labels, made.groups, keep=0.5, seed=0)


@every
def test_equal_units_are_no_trouble(by) -> None:
    """A still picture for minutes: all features and labels alike."""
    same = np.ones((50, 4), np.float32), np.zeros((50, 2)), np.repeat([0, 1], 25)
    kept, weights = select(by, *same, keep=0.2, seed=0)
    assert len(kept) == 10
    assert weights.sum() == pytest.approx(50)
