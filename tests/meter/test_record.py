"""The record says what was measured, how sure it is, and every flag; unlike records are not set against each other."""

import pytest
from pydantic import ValidationError

from slimaffect.errors import EnergyError, NotComparable
from slimaffect.meter.carbon import Intensity, carbon_of, intensities, intensity
from slimaffect.meter.estimate import Idle
from slimaffect.meter.record import Carbon, EnergyRecord, Identity, refuse_unlike
from slimaffect.meter.recorded import energy_record
from slimaffect.meter.repaid import break_even
from slimaffect.meter.windows import Window

IDENTITY = Identity(name="tiny", scenario="clip", units=0, frames_per_unit=16)


def window(joules=30.0, seconds=6.0, units=100, updates=60, **more):
    told = {"cpu_s": seconds, "missing": {}, "aligned": True, "gap_s": 0.003} | more
    return Window(units=units, seconds=seconds, updates=updates, joules={"gpu:0": joules} if joules else {}, **told)


def counter(machines, **more):
    return machines.KnownCounter(lambda: 0.0, lambda: 0.0, **more)


def test_sums_means_and_idle(machines):
    """Five windows of 30 J for 100 clips, 2 W at rest: 300 mJ in all, 180 above idle, no flag."""
    record = energy_record(IDENTITY, [window()] * 5, [counter(machines)], Idle(2.0, 2.0))
    assert record.mj_per_unit.mean == pytest.approx(300)
    assert record.mj_per_unit_above_idle.mean == pytest.approx(180)
    assert (record.totals.joules_total, record.totals.joules_idle, record.identity.units) == (150, 60, 500)
    assert record.origin.provenance == "measured"
    assert record.uncertainty.gain_rel == 0.05
    assert record.compute.gpu_hours == pytest.approx(30 / 3600)
    assert record.carbon.co2e_g is None
    assert record.flags == []


def test_a_void_window_is_left_out_and_flagged(machines):
    """A window without joules is in no mean; when all are void the joules are missing, with the reason, and not 0."""
    void = window(None, missing={"gpu:0": "it was reset"})
    some = energy_record(IDENTITY, [window()] * 5 + [void], [counter(machines)], None)
    assert some.mj_per_unit.mean == pytest.approx(300)
    assert some.mj_per_unit.n_windows == 5
    assert {"windows_void", "idle_unknown"} <= set(some.flags)
    none = energy_record(IDENTITY, [void], [counter(machines)], None)
    assert none.mj_per_unit.mean is None
    assert none.totals.joules_total is None
    assert none.origin.provenance == "missing"
    assert none.origin.domains_missing == {"gpu:0": "it was reset"}


@pytest.mark.parametrize(
    ("windows", "idle", "flag"),
    [
        ([window(updates=9)] * 5, Idle(2, 2), "few_updates"),
        ([window(seconds=4.0)] * 5, Idle(2, 2), "short_windows"),
        ([window(aligned=False)] * 5, Idle(2, 2), "not_edge_aligned"),
        ([window()] * 4, Idle(2, 2), "few_windows"),
        ([window()] * 5, Idle(5, 5), "below_idle_noise"),
        ([window()] * 5, Idle(2, 2.5), "idle_drifted"),
    ],
)
def test_what_is_doubtful_is_flagged(machines, windows, idle, flag):
    """Each doubt has its flag, and alone it raises no other."""
    assert energy_record(IDENTITY, windows, [counter(machines)], idle).flags == [flag]


def test_one_window_has_no_interval(machines):
    """One window: a mean without an interval, hence no ranking."""
    record = energy_record(IDENTITY, [window()], [counter(machines)], None)
    assert record.mj_per_unit.ci95 is None
    assert record.uncertainty.stat_rel is None


def test_few_phases_are_flagged_on_a_part_time_sensor(machines):
    """A stream seen by a part-time sensor asks for twenty windows of random phase."""
    stream = IDENTITY.model_copy(update={"scenario": "stream30"})
    gpu = counter(machines, flags=("part_time_sensor",))
    assert "few_phases" in energy_record(stream, [window()] * 19, [gpu], Idle(2, 2)).flags
    assert "few_phases" not in energy_record(stream, [window()] * 20, [gpu], Idle(2, 2)).flags


def test_the_record_reads_back_and_keeps_what_it_does_not_know(machines):
    """Written and read it is equal; a field of a newer version is kept; another schema is refused."""
    record = energy_record(IDENTITY, [window()] * 5, [counter(machines)], Idle(2, 2), env={"gpu": "H200"})
    told = record.model_dump(mode="json", by_alias=True)
    assert told["schema"] == "slimaffect.energy/1"
    assert EnergyRecord.model_validate(told) == record
    newer = EnergyRecord.model_validate(told | {"water_l": 3})
    assert newer.model_dump(by_alias=True)["water_l"] == 3
    with pytest.raises(ValidationError):
        EnergyRecord.model_validate(told | {"schema": "slimaffect.energy/2"})


def test_modelled_and_measured_joules_are_not_compared(machines):
    """Another provenance, scope, source or scenario: refused, with both values and what to do."""
    one = energy_record(IDENTITY, [window()] * 5, [counter(machines)], None)
    model = counter(machines)
    model.provenance, model.source, model.scope = "modelled", "cpu_seconds_model", "process_tree"
    other = energy_record(IDENTITY, [window()] * 5, [model], None)
    with pytest.raises(NotComparable, match=r"provenance: measured and modelled.*one `slim bench`"):
        refuse_unlike(one, other)
    stream = energy_record(
        IDENTITY.model_copy(update={"scenario": "stream30"}), [window()] * 5, [counter(machines)], None
    )
    with pytest.raises(NotComparable, match="scenario: clip and stream30"):
        refuse_unlike(one, stream)
    refuse_unlike(one, one)


def test_carbon_only_where_the_user_says_where(machines):
    """No region: null. A region or a figure: grams, with year and source; the building's share is the user's."""
    assert Carbon(**carbon_of(1000.0, intensity())).co2e_g is None
    germany = intensity("deu")
    assert (germany.year, germany.source) == (2024, "Our World in Data, DEU")
    assert carbon_of(3.6e6, germany)["co2e_g"] == pytest.approx(germany.g_per_kwh)
    assert carbon_of(3.6e6, intensity(given=100, pue=1.5))["co2e_g"] == pytest.approx(150)
    assert carbon_of(None, germany)["co2e_g"] is None
    assert isinstance(germany, Intensity)
    assert machines is not None


def test_regions_and_figures_that_cannot_be_are_refused():
    """A typing error is met with a suggestion; figures beyond physics with their range."""
    with pytest.raises(EnergyError, match=r"--region 'GER' is no country.*Did you mean"):
        intensity("GER")
    with pytest.raises(EnergyError, match="--carbon-intensity is 5000 g/kWh"):
        intensity(given=5000)
    with pytest.raises(EnergyError, match=r"--pue is 0\.5"):
        intensity("DEU", pue=0.5)


def test_the_table_holds_no_zero():
    """Every row is a country with a plausible figure, its year and its source."""
    table = intensities()
    assert len(table) > 150
    assert all(
        len(code) == 3 and 10 <= grams <= 1000 and year >= 2023 and source
        for code, (year, grams, source) in table.items()
    )


def test_break_even_has_an_interval_and_may_never_come():
    """What saves nothing never repays; a saving that may be nothing has no upper end; no cost is repaid at once."""
    found = break_even(1000.0, 2.0, 1.0, before_interval=(1.9, 2.1), after_interval=(0.9, 1.1))
    assert found.interval[0] < found.clips < found.interval[1]
    assert break_even(1000.0, 1.0, 1.2).clips == float("inf")
    unsure = break_even(1000.0, 1.0, 0.95, after_interval=(0.85, 1.05))
    assert unsure.clips == pytest.approx(20_000)
    assert unsure.interval[1] == float("inf")
    assert break_even(0.0, 1.0, 0.5).clips == 0
