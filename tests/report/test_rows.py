"""The figures that the tables add: ratios, the bill, and when the effort is paid back."""

import pytest

from slimaffect.report.rows import bill, problems, rows, sites, timings
from slimaffect.result import LedgerEntry


def test_the_baseline_comes_first_and_the_unmeasured_last(result):
    """Then from fast to slow; the numbers are those of the chart."""
    found = rows(result)
    assert [row.variant.name for row in found] == [
        "baseline", "micro-fp32", "tiny-int8", "tiny-fp32", "small-int8", "small-fp32", "micro-int8",
    ]  # fmt: skip
    assert [row.number for row in found] == list(range(1, 8))


def test_ratios_are_against_the_baseline(result):
    """Baseline divided by variant; missing where either was not measured, and for the baseline itself."""
    found = {row.variant.name: row for row in rows(result)}
    assert found["tiny-fp32"].faster == pytest.approx(23.4 / 2.11)
    assert found["tiny-fp32"].cheaper == pytest.approx(25.1 / 2.24)
    assert found["micro-int8"].smaller == pytest.approx(9.42 / 0.12)
    assert found["micro-int8"].faster is None
    assert found["baseline"].faster is None


def test_the_same_runtime_is_compared_with_itself(result):
    """The second ratio takes the baseline under the variant's runtime, so that a runtime's gain is not the model's."""
    old = result.variants[3]
    moved = old.model_copy(update={"deploy": old.deploy.model_copy(update={"runtime": "onnxruntime"})})
    row = rows(result.model_copy(update={"variants": [result.variants[0], moved]}))[1]
    assert row.faster_alike == pytest.approx(23.4 * 1.34 / 2.11)
    assert row.faster == pytest.approx(23.4 / 2.11)


def test_paying_back_counts_only_what_the_baseline_did_not_cost(result):
    """Extra CPU-seconds divided by those saved per clip."""
    row = next(row for row in rows(result) if row.variant.name == "tiny-fp32")
    assert row.payback_clips == pytest.approx((6410 - 5210) / (0.0251 - 0.00224))


def test_what_a_gpu_trained_is_not_paid_back_in_cpu_time(result):
    """As `slim bill` has it: without joules of one meter there is nothing to set against the saving."""
    old = next(one for one in result.variants if one.name == "tiny-fp32")
    there = old.model_copy(update={"cost": old.cost.model_copy(update={"gpu_seconds": 60.0})})
    row = rows(result.model_copy(update={"variants": [result.variants[0], there]}))[1]
    assert (row.repaid, row.payback_clips) == (None, None)


def test_the_bill_is_e_times_d_times_h(result):
    """The three factors multiply to the CPU-seconds spent."""
    paid = bill(result.ledger)
    assert paid.cpu_s_per_example * paid.examples_per_training * paid.trainings == pytest.approx(paid.cpu_s)
    assert paid.cpu_s == pytest.approx(5 * (1042 + 538 + 240 + 132))


def test_the_cache_costs_nothing_and_origins_are_never_added():
    """Reused tasks are counted and not billed; measured and modelled joules stay apart; a gap is counted."""
    paid = bill(
        [
            LedgerEntry(cpu_s=10, joules=5, provenance="measured", examples=100, trainings=1),
            LedgerEntry(cpu_s=20, joules=7, provenance="modelled", examples=100, trainings=1),
            LedgerEntry(cpu_s=40, joules=9, provenance="modelled", examples=100, trainings=1, reused=True),
            LedgerEntry(),
        ]
    )
    assert (paid.cpu_s, paid.joules) == (30, {"measured": 5, "modelled": 7})
    assert (paid.tasks, paid.reused, paid.unmeasured, paid.trainings) == (4, 1, 1, 2)


def test_an_empty_ledger_is_unmeasured_and_not_free():
    """Nothing known is None, not 0."""
    paid = bill([])
    assert (paid.cpu_s, paid.examples, paid.cpu_s_per_example) == (None, None, None)


def test_sites_timings_and_problems_are_listed_once(result):
    """Every site of any variant; every timing, the variant's fastest first; no problem twice."""
    assert sites(result) == ["athens", "bonn", "cadiz", "delft"]
    assert [one.chosen for _, one in timings(result)] == [True, False] * 6
    twice = result.model_copy(update={"problems": [*result.problems, *result.problems]})
    assert problems(twice) == result.problems
