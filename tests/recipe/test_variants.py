"""Sweeps, variants and their names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimaffect.recipe import Variant, sweep
from slimaffect.recipe.variants import _unique, understand_steps
from slimaffect.steps import STEPS

TRAIN = {"train": {"epochs": 2}}


def variants(*steps: object) -> tuple[Variant, ...]:
    """Read steps that must be right."""
    found, complaints = understand_steps(list(steps))
    assert complaints == []
    return found


def names(*steps: object) -> list[str]:
    """Read steps that must be right and name their variants."""
    return [variant.name for variant in variants(*steps)]


def quantise(*to: str) -> dict:
    """Sweep precisions."""
    return {"quantise": {"to": {"sweep": list(to)}}}


def distill(*students: object) -> dict:
    """Sweep students."""
    return {"distill": {"student": {"sweep": list(students)}}}


def test_a_recipe_that_only_trains_is_the_baseline() -> None:
    """Nothing stands beside the baseline when there is nothing to compare it with."""
    assert names(TRAIN) == ["baseline"]


def test_variants_are_the_product_in_reading_order() -> None:
    """The last sweep changes fastest, and names are made of the chosen values."""
    assert names(TRAIN, distill("small", "tiny"), quantise("fp16", "int8")) == [
        "baseline",
        "small-fp16",
        "small-int8",
        "tiny-fp16",
        "tiny-int8",
    ]


def test_the_baseline_ends_with_the_first_training() -> None:
    """The baseline is the first choice of the steps up to and including the first `train`."""
    baseline, *_ = variants({"train": {"epochs": {"sweep": [2, 5]}}}, distill("tiny"), "train")
    assert baseline == Variant("baseline", (STEPS["train"].model_validate({"epochs": 2}),))


def test_a_variant_that_is_the_baseline_stands_there_once() -> None:
    """`fp32` after training alone, or the first of several trainings, is the baseline itself."""
    assert names(TRAIN, quantise("fp32", "int8")) == ["baseline", "int8"]
    assert names({"train": {"epochs": {"sweep": [2, 5]}}}) == ["baseline", "epochs5"]


def test_a_recipe_without_sweep_is_named_after_its_steps() -> None:
    """The steps after the training say what the one variant is."""
    assert names(TRAIN, {"distill": {"student": "tiny"}}, {"quantise": {"to": "int8"}}) == [
        "baseline",
        "distill-quantise",
    ]


def test_a_sweep_of_one_value_names_its_variant() -> None:
    """One value is a sweep that grows later."""
    assert names(TRAIN, quantise("int8")) == ["baseline", "int8"]


def test_whole_steps_can_be_swept() -> None:
    """A sweep may stand for a step, and hold sweeps itself: its alternatives add up, they do not multiply."""
    swept = {"sweep": [{"distill": {"student": "tiny"}}, quantise("fp16", "int8")]}
    assert names(TRAIN, swept) == ["baseline", "tiny", "fp16", "int8"]


def test_mappings_are_named_by_their_number_and_numbers_by_their_key() -> None:
    """A spec has no name of its own; a bare number would say nothing."""
    spec = {"cnn": {"kind": "plain", "widths": [8]}, "features": 4}
    assert names(TRAIN, distill("tiny", spec)) == ["baseline", "tiny", "student2"]
    swept = {"distill": {"student": "tiny", "epochs": {"sweep": [1, 2]}}}
    assert names(TRAIN, swept) == ["baseline", "epochs1", "epochs2"]


def test_names_are_unique() -> None:
    """Two variants that would share a name are numbered."""
    swept = {"sweep": [{"distill": {"student": "tiny", "epochs": n}} for n in (1, 2)]}
    assert names(TRAIN, swept) == ["baseline", "distill1", "distill2"]
    taken = {"baseline"}
    assert [_unique(name, taken) for name in ("a", "A", "a", "baseline")] == ["a", "A-2", "a-3", "baseline-2"]


def test_equal_variants_stand_there_once() -> None:
    """Two ways to write the same steps are one variant."""
    swept = {"sweep": [{"distill": {"student": "tiny"}}, {"distill": {"student": {"sweep": ["tiny", "small"]}}}]}
    assert names(TRAIN, swept) == ["baseline", "tiny", "small"]
    assert names("train", {"sweep": ["train", {"train": None}]}) == ["baseline", "train"]


scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5).filter(lambda key: key != "sweep"), inner, max_size=3)
        | st.lists(inner, min_size=1, max_size=3).map(lambda values: {"sweep": values})
    ),
    max_leaves=8,
)


@given(trees)
def test_choices_are_counted_made_and_traced_back(tree: object) -> None:
    """`count` counts `alternatives`; `take` leaves no sweep; `origin` leads from a chosen value to where it is written."""
    choices = sweep.alternatives(tree)
    assert len(choices) == sweep.count(tree)
    for choice in choices[:5]:
        chosen = sweep.take(tree, choice)
        assert not list(sweep.find(chosen))
        for path, leaf in _leaves(chosen):
            source = tree
            for part in sweep.origin(path, choice):
                source = source[part]  # type: ignore[index]
            assert source == leaf


@given(trees)
def test_names_are_fit_for_folders(tree: object) -> None:
    """Whatever is swept, a name is short, not empty, and made of letters, digits, dots and dashes."""
    for choice in sweep.alternatives(tree)[:5]:
        name = sweep.name(tree, choice)
        assert 0 < len(name) <= sweep.MAX_NAME
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")
        assert name[0] not in ".-"


def _leaves(value: object, path: tuple = ()) -> list[tuple[tuple, object]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if entries is None:
        return [(path, value)]
    return [leaf for key, inner in entries for leaf in _leaves(inner, (*path, key))]


@pytest.mark.parametrize("steps", [None, [], {}, "train", 3])
def test_steps_that_are_no_list_are_one_complaint(steps: object) -> None:
    """Without a list there is nothing more to say about its items."""
    found, complaints = understand_steps(steps)
    assert found == ()
    assert len(complaints) == 1
