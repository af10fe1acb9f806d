"""Ladders, people, curves, strips and lists: what the sections of the page rest on."""

import pytest

from slimaffect.errors import ResultError
from slimaffect.report.axes import axes_of
from slimaffect.report.curves import curves
from slimaffect.report.ladder import ladders
from slimaffect.report.listing import columns_of, find_results, lines, search
from slimaffect.report.strips import Strips
from slimaffect.report.subjects import people, worst_tenth
from slimaffect.result import ClipTime, LedgerEntry, SiteScore, Variant, VariantScores, VersusBaseline, write_result


def test_a_ladder_adds_a_step_at_a_time(result):
    """train, then distil, then quantise: each rung against the one below; int8 of one student is not a rung of another's."""
    found = ladders(result)
    assert [[rung.row.variant.name for rung in rungs] for rungs in found] == [
        ["baseline", "tiny-fp32", "tiny-int8"], ["baseline", "small-fp32", "small-int8"], ["baseline", "micro-fp32", "micro-int8"],
    ]  # fmt: skip
    first, second, third = found[0]
    assert (first.added, second.added, third.added) == ("train", "distill (student tiny)", "quantise (to int8)")
    assert third.ccc_change == pytest.approx(-0.013)
    assert third.faster == pytest.approx(2.11 / 1.52)
    assert third.making_cpu_s == 20
    assert (first.faster, third.interval) == (None, None)


def test_variants_side_by_side_are_no_ladder(result):
    """Students that share only the baseline make no rungs."""
    assert ladders(result.model_copy(update={"variants": [one for one in result.variants if one.precision == "fp32"]})) == []  # fmt: skip


def someone(name, *cccs, margin=0.03):
    """A variant with one site of so many subjects."""
    subjects = {f"p{number}": ccc for number, ccc in enumerate(cccs)}
    against = VersusBaseline(delta=0.0, margin=margin)
    return Variant(name=name, scores=VariantScores(ccc=0.5, sites={"bonn": SiteScore(ccc=0.5, ccc_of_subjects=subjects)}, versus_baseline=against))  # fmt: skip


def test_people_are_looked_at_one_by_one():
    """The worst, the worst tenth, who loses most, and how many lose more than the margin; undefined ones are left out."""
    before = someone("baseline", 0.5, 0.6, 0.7, None)
    after = someone("small", 0.5, 0.4, 0.69, 0.9)
    found = people(after, before)
    assert (found.scored, found.worst, found.tenth, found.harmed) == (4, ("p1", 0.4), 0.4, 1)
    assert [(who, round(change, 2)) for _, who, change in found.changes] == [("p1", -0.2), ("p2", -0.01), ("p0", 0.0)]
    assert found.tenth_change == pytest.approx(-0.2)
    assert people(before, before).changes == ()
    assert people(Variant(name="hidden", scores=VariantScores(ccc=0.5)), before) is None


def test_the_worst_tenth_is_whole_people():
    """Of 11 subjects, two."""
    assert worst_tenth(someone("x", 0.1, 0.3, *[0.9] * 9)) == pytest.approx(0.2)


def test_axes_are_those_that_were_measured(result):
    """No subjects recorded, no axis of the worst tenth; the baseline's own difference is 0."""
    axes = {axis.key: axis for axis in axes_of(result)}
    assert "worst_tenth_ccc" not in axes
    assert axes["worst_site_ccc"].value(result.variants[0]) == pytest.approx(0.402)
    assert axes["delta"].value(result.variants[0]) == 0.0
    assert (axes["clip_ms"].unit, axes["ccc"].unit, axes["size_mb"].unit) == ("ms", "", "MB")


def test_curves_hold_a_line_for_each_training(result):
    """Grouped by step and stage; the first loss stands at the top left, the last at the right."""
    entries = [
        LedgerEntry(task="train", fold=fold, seed=0, curve={"frames": {"epoch": [1, 2, 4], "loss": [0.8, 0.4, 0.2 + shift]}}, step="train", variants=["baseline", "small"])
        for fold, shift in (("bonn", 0.0), ("cadiz", 0.1))
    ]  # fmt: skip
    drawn, count = curves(result.model_copy(update={"ledger": [*entries, LedgerEntry(task="export")]}))
    assert count == len(drawn) == 1
    assert (drawn[0].title, drawn[0].stage, drawn[0].epochs, drawn[0].high, drawn[0].low) == ("train, for baseline and small", "frames", 4, 0.8, 0.2)  # fmt: skip
    assert drawn[0].lines[0] == ("bonn held out, seed 0", "60.0,0.0 120.0,64.0 240.0,96.0")
    assert curves(result) == ([], 0)


def test_strips_share_a_scale():
    """The line spans what is known, the tick is the median, and a lower time stands further left."""
    whole = ClipTime(p50=2.0, p90=4.0, quantiles=[1.0, 1.2, 1.3, 1.5, 2.0, 3.0, 4.0, 5.0, 8.0])
    short = ClipTime(p50=1.0, p90=None)
    strips = Strips.over([whole, short, ClipTime(p50=None)])
    one = strips.of(whole)
    assert strips.whole
    assert one.line[0] == strips.of(short).tick
    assert one.line[0] < one.box[0] < one.tick < one.box[0] + one.box[1] < one.line[0] + one.line[1] < 100
    assert "from 1.00 to 8.00 ms" in one.says
    assert strips.of(ClipTime(p50=None)) is None
    assert strips.of(short).box is None


def test_results_are_found_searched_and_sorted(result, tmp_path):
    """In folders of results; every variant a line, with where it comes from."""
    for name in ("one", "two"):
        write_result(result, tmp_path / name / "result.json")
    found = lines(find_results([tmp_path]))
    assert len(found) == 2 * len(result.variants)
    kept = search(found, "ccc > 0.5 and precision == int8 and run == two")
    assert [(one["run"], one["variant"]) for one in kept] == [("two", "small-int8")]
    assert [one["variant"] for one in search(found, sort="-ccc", most=2)] == ["small-fp32", "small-fp32"]
    assert columns_of("ccc, clip_ms") == ("ccc", "clip_ms")
    assert len(find_results([tmp_path / "one", tmp_path / "two" / "result.json"])) == 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(ResultError, match=r"there is no result under .*`slim run RECIPE` writes one below results/"):
        find_results([tmp_path / "empty"])
