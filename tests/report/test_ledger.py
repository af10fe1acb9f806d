"""The ledger: three factors, their product, and what was measured."""

import io

import pytest
from rich.console import Console

from slimaffect.report.ledger import ledger_rows
from slimaffect.report.terminal import print_report
from slimaffect.result import LedgerEntry


def entry(key, step, variants, **cost):
    return LedgerEntry(key=key, step=step, variants=variants, provenance="modelled", joules=1.0, **cost)


@pytest.fixture
def billed(result):
    """A baseline of two folds, and one on a quarter of the frames after a selection."""
    both = ["baseline", "tiny-fp32"]
    ledger = [
        entry("a", "train", ["baseline"], cpu_s=100.0, examples=1000, trainings=1, frames=400, reused=True),
        entry("b", "train", ["baseline"], cpu_s=100.0, examples=1000, trainings=1, frames=500),
        entry("c", "subset", ["tiny-fp32"], cpu_s=5.0, examples=0, trainings=0, frames=400),
        entry("d", "train", ["tiny-fp32"], cpu_s=25.0, examples=250, trainings=1, frames=100),
        entry("e", "deploy", both, cpu_s=10.0, examples=0, trainings=0, frames=400),
    ]
    return result.model_copy(update={"ledger": ledger})


def test_the_factors_of_a_variant(billed):
    """E, D and H of each, cached tasks included: what it costs to make alone."""
    baseline, fewer = ledger_rows(billed)
    assert (baseline.cpu_s_per_example, baseline.examples_per_training, baseline.trainings) == (0.1, 1000, 2)
    assert (fewer.cpu_s_per_example, fewer.examples_per_training, fewer.trainings) == (0.1, 250, 1)
    assert (baseline.unique_examples, fewer.unique_examples) == (450, 100)
    assert (baseline.product_cpu_s, baseline.cpu_s) == pytest.approx((200, 210))
    assert fewer.explained == pytest.approx(25 / 40)
    assert fewer.full_trainings == 0.25
    assert fewer.cheaper == pytest.approx(210 / 40)


def test_shares_add_up_to_the_measured_total(billed):
    """Selection and scoring stand on the bill of who uses them."""
    _, fewer = ledger_rows(billed)
    assert fewer.shares == pytest.approx({"selection": 5 / 40, "training": 25 / 40, "scoring": 10 / 40})
    assert sum(fewer.shares.values()) == pytest.approx(1)


def test_a_search_is_billed_with_all_its_trainings(billed):
    """Every started trial counts in H."""
    search = entry("f", "tune", ["small-fp32"], cpu_s=300.0, examples=3000, trainings=12, frames=400)
    row = ledger_rows(billed.model_copy(update={"ledger": [*billed.ledger, search]}))[1]
    assert (row.variant, row.trainings, row.shares) == ("small-fp32", 12, {"search": 1.0})
    assert row.full_trainings == 3


def test_what_was_not_measured_is_none_and_not_zero(billed):
    """One unmeasured task makes the total unknown; the factors of the others stay."""
    gap = billed.ledger[1].model_copy(update={"cpu_s": None})
    row = ledger_rows(billed.model_copy(update={"ledger": [billed.ledger[0], gap]}))[0]
    assert (row.cpu_s, row.explained, row.shares) == (None, None, {})
    assert row.cpu_s_per_example == 0.1
    assert ledger_rows(billed.model_copy(update={"ledger": []})) == []


def test_an_older_result_names_its_variant_only(result):
    """Entries without step and users still give the factors."""
    baseline = ledger_rows(result)[0]
    assert baseline.variant == "baseline"
    assert baseline.trainings == 5
    assert baseline.unique_examples is None


def test_the_terminal_shows_it(billed):
    """A line for each variant, and what E, D and H are."""
    console = Console(file=io.StringIO(), width=160)
    print_report(console, [billed])
    told = console.file.getvalue()
    assert "E x D x H" in told
    row = next(line for line in told.splitlines() if "tiny-fp32" in line and "25 %" in line)
    assert row.split()[-6:] == ["12", "%", "0", "%", "25", "%"]
