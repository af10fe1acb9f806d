"""Two results: only what can be compared is compared, and the rest is said."""

import pytest

from slimaffect.report.compare import compare


@pytest.fixture
def other(result):
    """The same run with one variant less and another one more accurate."""
    better = [one.model_copy(update={"scores": one.scores.model_copy(update={"ccc": 0.9, "ccc_interval": (0.85, 0.95)})}) for one in result.variants if one.name == "small-int8"]  # fmt: skip
    kept = [one for one in result.variants if one.name not in ("small-int8", "tiny-int8")]
    new = kept[0].model_copy(update={"name": "new"})
    return result.model_copy(update={"variants": [*kept, *better, new]})


def test_shared_variants_are_paired_by_name(result, other):
    """In the order of the first result; what only one has is listed."""
    found = compare(result, other)
    assert [pair.before.name for pair in found.pairs] == ["baseline", "small-fp32", "small-int8", "tiny-fp32", "micro-fp32", "micro-int8"]  # fmt: skip
    assert (found.only_before, found.only_after) == (("tiny-int8",), ("new",))


def test_without_people_the_intervals_are_compared_and_it_is_said(result, other):
    """A change stands, no paired interval does, and overlap is called no test."""
    pairs = {pair.before.name: pair for pair in compare(result, other).pairs}
    assert pairs["small-int8"].change == pytest.approx(0.392)
    assert pairs["small-int8"].overlap is False
    assert pairs["small-fp32"].overlap is True
    assert {pair.says for pair in pairs.values()} == {"not known"}
    assert "that is no test" in " ".join(compare(result, other).remarks)
    assert pairs["micro-int8"].change is None


def test_other_data_and_other_machines_share_no_axis(result):
    """Scores of different data and times of different machines are left out, and both are named."""
    data = result.data.model_copy(update={"fingerprint": "a" * 64})
    place = result.environment.model_copy(update={"cpu": "Another CPU"})
    found = compare(result, result.model_copy(update={"data": data, "environment": place}))
    assert {(pair.change, pair.faster, pair.cheaper) for pair in found.pairs} == {(None, None, None)}
    assert found.pairs[0].smaller == 1.0  # a size is a size anywhere
    assert "different data or folds (ffffffffffff and aaaaaaaaaaaa)" in found.remarks[0]
    assert "different machines (A made-up CPU for this fixture and Another CPU)" in found.remarks[1]


def test_a_namesake_with_other_steps_is_marked(result):
    """The same name can stand for another recipe."""
    renamed = [one.model_copy(update={"steps": [{"train": {"epochs": 99}}]}) for one in result.variants]
    found = compare(result, result.model_copy(update={"variants": renamed}))
    assert not any(pair.same_steps for pair in found.pairs)
    assert "Variants marked * have the same name and different steps." in found.remarks


def test_nothing_shared_is_said(result):
    """Two results without a common name."""
    renamed = [one.model_copy(update={"name": one.name + "'"}) for one in result.variants]
    assert compare(result, result.model_copy(update={"variants": renamed})).remarks[0] == "The two results share no variant name."  # fmt: skip
