"""The bill: every task once, unknown parts unknown, and a break-even in the unit that can be trusted."""

import pytest

from slimaffect.meter.carbon import Intensity
from slimaffect.report.bill import bill_table, repaid_table
from slimaffect.result import (
    Cost,
    Deploy,
    Energy,
    LedgerEntry,
    RecipeRecord,
    Result,
    Variant,
    bill_of,
    repaid_of,
)


def entry(cpu_s=10.0, *, finished=(True,), **more):
    attempts = [{"cpu_s": cpu_s / len(finished), "finished": one} for one in finished]
    told = {"joules": 4 * cpu_s, "provenance": "modelled", "seconds": cpu_s, "examples": 100, "trainings": 1}
    return LedgerEntry(cpu_s=cpu_s, attempts=attempts, **told | more)


def variant(name, made, clip, *, joules=None, origin="modelled", interval=None, gpu=None):
    return Variant(
        name=name,
        cost=Cost(cpu_s=made, joules=joules and joules[0], provenance=origin, gpu_seconds=gpu),
        deploy=Deploy(
            cpu_s_per_clip=clip,
            cpu_s_interval=interval,
            energy_j_per_clip=Energy(value=joules[1], provenance=origin) if joules else None,
        ),
    )


def test_every_task_and_every_attempt_is_billed():
    """A try that failed is part of the sum, and is told apart; what the cache answered was not spent now."""
    told = bill_of([entry(10, finished=(False, True)), entry(30, reused=True, gpu_seconds=7200.0)])
    assert (told.tasks, told.cpu_s, told.joules, told.provenance) == (2, 40, 160, "modelled")
    assert told.unfinished_cpu_s == 5
    assert told.spent_now_cpu_s == 10
    assert told.gpu_hours == 2
    assert (told.examples, told.trainings) == (200, 2)


def test_a_sum_with_an_unknown_part_is_unknown():
    """One task without joules: the sum is null and has no origin; its CPU-seconds are still told."""
    told = bill_of([entry(), entry(joules=None, provenance=None)])
    assert told.joules is None
    assert told.provenance is None
    assert told.cpu_s == 20


def test_carbon_only_with_an_intensity():
    """Null without one; 3.6 MJ at 400 g/kWh are 400 g."""
    ledger = [entry(9e5)]
    assert bill_of(ledger).carbon.co2e_g is None
    assert bill_of(ledger, Intensity(400, 2024, "given")).carbon.co2e_g == pytest.approx(400)


def test_repaid_in_cpu_seconds_where_joules_are_modelled():
    """100 CPU-seconds more, 1 ms saved a clip: 100,000 clips, whatever the model's constant is."""
    baseline = variant("baseline", 500, 0.003, joules=(2000, 0.012), interval=(0.0029, 0.0031))
    told = repaid_of(baseline, variant("small", 600, 0.002, joules=(2400, 0.008), interval=(0.0019, 0.0021)))
    assert told.unit == "cpu_s"
    assert told.clips == pytest.approx(100_000)
    assert told.interval == (pytest.approx(100 / 0.0012), pytest.approx(100 / 0.0008))


def test_repaid_in_joules_where_they_are_measured():
    """Measured on both sides: joules decide, not CPU-seconds."""
    baseline = variant("baseline", 500, 0.003, joules=(5000, 0.5), origin="measured")
    told = repaid_of(baseline, variant("small", 600, 0.002, joules=(6000, 0.25), origin="measured"))
    assert (told.unit, told.clips) == ("joules", 4000)


def test_what_saves_nothing_never_repays_and_what_is_unknown_is_none():
    """A slower variant: never. No cost known, or a GPU that trained beside modelled joules: no answer."""
    baseline = variant("baseline", 500, 0.003)
    assert repaid_of(baseline, variant("slow", 600, 0.004)).clips is None
    unsure = variant("unsure", 600, 0.002, interval=(0.001, 0.005))
    assert repaid_of(baseline, unsure).interval == (50_000, None)
    assert repaid_of(baseline, baseline) is None
    assert repaid_of(baseline, Variant(name="unknown")) is None
    assert repaid_of(baseline, variant("gpu", 600, 0.002, gpu=60.0)) is None


def test_the_tables_show_dashes_and_never():
    """What is not known is a dash; what never repays says so; days at a stated load."""
    baseline, small = variant("baseline", 500, 0.003), variant("small", 600, 0.002)
    result = Result(
        schema="slimaffect.result/1",
        recipe=RecipeRecord(name="demo"),
        baseline="baseline",
        variants=[baseline, small, variant("slow", 600, 0.004)],
        ledger=[entry(joules=None, provenance=None)],
    )
    cells = [list(column.cells) for column in bill_table([result]).columns]
    assert cells[5] == ["–"]
    assert cells[8] == ["–"]
    assert "--region" in str(bill_table([result]).caption)
    assert "Germany" in str(bill_table([result], Intensity(344, 2024, "Germany")).caption)
    repaid = [list(column.cells) for column in repaid_table(result, clips_per_day=1000).columns]
    assert repaid[1] == ["100 days", "never"]
    assert repaid[2] == ["–", "–"]
    alone = repaid_table(result.model_copy(update={"baseline": "elsewhere"}))
    assert [list(column.cells) for column in alone.columns][1] == ["–"] * 3
