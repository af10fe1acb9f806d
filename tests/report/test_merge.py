"""Several results on one front, as far as they can be compared."""

import pytest

from slimaffect.errors import ResultError
from slimaffect.report.ledger import ledger_rows
from slimaffect.report.merge import merge
from slimaffect.result import LedgerEntry, bill_of


def changed(result, part, **fields):
    """Change fields of a part of a result."""
    return result.model_copy(update={part: getattr(result, part).model_copy(update=fields)})


def test_a_shared_baseline_stands_once_and_namesakes_are_renamed(make_result, made_up):
    """The same steps and scores are one variant; the same name for something else gets its recipe's name."""
    other = [made_up[0], ("tiny-fp32", *made_up[4][1:])]
    found = merge([make_result("distill"), make_result("prune", other)])
    names = [one.name for one in found.variants]
    assert names.count("baseline") == 1
    assert "tiny-fp32 (prune)" in names
    assert len(names) == len(set(names)) == 8
    assert found.recipe.name == "distill + prune"


def test_fronts_are_common(make_result, made_up):
    """What was on a front alone is off it when the other result beats it."""
    better = ("best", "prune", "fp32", 0.6, (0.09, 0.05, 0.12), 0.5, 0.5, 0.1, 1000, 1000, 10)
    alone = {one.name: one.pareto.latency for one in merge([make_result()]).variants}
    both = {
        one.name: one.pareto.latency
        for one in merge([make_result(), make_result("prune", [made_up[0], better])]).variants
    }
    assert alone["tiny-fp32"] is True
    assert both["tiny-fp32"] is False
    assert both["best"] is True


def test_times_of_another_machine_share_no_axis(make_result, made_up):
    """They are left out, sizes and scores stay, and a problem names both machines."""
    far = changed(make_result("prune", [("other", *made_up[3][1:])]), "environment", cpu="Another CPU")
    found = merge([make_result(), far])
    other = next(one for one in found.variants if one.name == "other")
    assert other.deploy.clip_ms is None
    assert other.deploy.timings == []
    assert other.deploy.size_mb == pytest.approx(0.98)
    assert other.scores is not None
    assert "Another CPU" in found.problems[-1].what
    assert "A made-up CPU" in found.problems[-1].what


def test_scores_on_other_data_are_refused(make_result):
    """Both recipes stand in the message."""
    with pytest.raises(ResultError, match=r"distill and prune were run on different data or folds(?s:.*)same `data:`"):
        merge([make_result(), changed(make_result("prune"), "data", fingerprint="0" * 64)])


def test_nothing_to_merge_is_refused():
    """The message says what to give."""
    with pytest.raises(ResultError, match=r"no result to report(?s:.*)results folder"):
        merge([])


def test_the_ledger_follows_the_names(make_result, made_up):
    """A namesake's tasks are billed to the name it took."""
    other = make_result("prune", [made_up[0], ("tiny-fp32", *made_up[4][1:])])
    task = LedgerEntry(task="distill bonn", variants=["baseline", "tiny-fp32"], variant="tiny-fp32", key="k")
    found = merge([make_result("distill"), other.model_copy(update={"ledger": [task]})])
    assert (found.ledger[-1].variants, found.ledger[-1].variant) == (["baseline", "tiny-fp32 (prune)"], "tiny-fp32 (prune)")  # fmt: skip


def test_a_task_that_two_results_share_is_billed_once_to_the_variants_of_both(make_result, made_up):
    """Whoever asked second found it in the cache; what it cost stays on the bill of all that stand on it."""
    task = LedgerEntry(key="k", step="train", cpu_s=100.0, examples=1000, trainings=1, reused=True)
    one = make_result("distill").model_copy(update={"ledger": [task.model_copy(update={"variants": ["tiny-fp32"]})]})
    other = make_result("prune", [made_up[0], ("cut", *made_up[3][1:])])
    other = other.model_copy(update={"ledger": [task.model_copy(update={"variants": ["cut"], "reused": False})]})
    found = merge([one, other])
    assert [(row.variant, row.cpu_s) for row in ledger_rows(found)] == [("tiny-fp32", 100.0), ("cut", 100.0)]
    assert found.bill == bill_of(found.ledger)
    assert (found.bill.tasks, found.bill.cpu_s, found.bill.spent_now_cpu_s) == (1, 100.0, 100.0)
