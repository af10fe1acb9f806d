"""The sentence at the top: true, short, and with what weakens it beside it."""

import pytest

from slimaffect.report.verdict import standing, verdict


def line(made_up, name, **change):
    """Change fields of one made-up line: delta, ms."""

    def new(one):
        parts = list(one)
        if one[0] == name:
            parts[4] = change.get("delta", parts[4])
            parts[5] = change.get("ms", parts[5])
        return tuple(parts)

    return [new(one) for one in made_up]


def test_the_fastest_variant_that_keeps_its_accuracy_is_the_headline(result):
    """Two faster ones are not shown to be within the margin, so they are passed over."""
    said = verdict(result)
    assert said.headline == (
        "`tiny-fp32` keeps CCC within 0.03 of the baseline (−0.012, 95 % interval −0.028 to +0.004) "
        "and runs a 16-frame clip 11 times faster."
    )
    assert said.chosen.name == "tiny-fp32"


def test_the_four_standings_are_told_apart(result):
    """Kept by the lower end, lost by the upper end, not shown between, not compared without an interval."""
    found = {one.name: standing(one, result.baseline) for one in result.variants}
    assert found == {
        "baseline": "baseline", "small-fp32": "kept", "small-int8": "kept", "tiny-fp32": "kept",
        "tiny-int8": "undecided", "micro-fp32": "lost", "micro-int8": "unknown",
    }  # fmt: skip


def test_no_variant_that_keeps_it_is_said_plainly(make_result, made_up):
    """The closest is named, and nothing is called kept."""
    few = [made_up[0], made_up[4], made_up[5]]
    assert verdict(make_result(variants=few)).headline == (
        "No variant is shown to keep CCC within 0.03 of the baseline. `tiny-int8` comes closest "
        "(−0.025, 95 % interval −0.047 to −0.004)."
    )


def test_a_baseline_alone_reports_its_own_score(make_result, made_up):
    """There is nothing to compare, and nothing is claimed."""
    assert verdict(make_result(variants=made_up[:1])).headline == (
        "`baseline` reaches a CCC of 0.512 (95 % interval 0.442 to 0.572) on sites it has never seen."
    )
    assert verdict(make_result(variants=[])).headline == "Nothing was scored."


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (46.8, "needs 2.0 times as long for a 16-frame clip"),
        (23.0, "runs a 16-frame clip as fast as the baseline"),
        (7.8, "runs a 16-frame clip 3.0 times faster"),
        (None, "its speed was not measured against the baseline"),
    ],
)
def test_speed_is_told_as_it_is(make_result, made_up, ms, words):
    """Slower, equal, faster and unmeasured each have their words."""
    two = line([made_up[0], made_up[3]], "tiny-fp32", ms=ms)
    assert words in verdict(make_result(variants=two)).headline


def test_what_weakens_the_headline_stands_beside_it(result, make_result, made_up):
    """Drawn faces, low power, a choice among many, and variants without a score are said; real data says less."""
    beside = " ".join(verdict(result).beside)
    for words in (
        "synthetic",
        "45 subjects",
        "71 % of studies",
        "picked among 5",
        "No score could be given to `micro-int8`",
    ):
        assert words in beside
    real = make_result(variants=[made_up[0], made_up[3]])
    real = real.model_copy(update={"data": real.data.model_copy(update={"synthetic": False})})
    assert "synthetic" not in " ".join(verdict(real).beside)
    assert "picked" not in " ".join(verdict(real).beside)


def test_a_busy_machine_is_admitted(result):
    """A contended measurement is flagged under the headline."""
    busy = result.variants[1].model_copy(update={"flags": ["contended"]})
    said = verdict(result.model_copy(update={"variants": [result.variants[0], busy]}))
    assert "busy with other work while `small-fp32` ran" in " ".join(said.beside)


def test_picking_among_recipes_is_said_not_to_be_paid_for(result):
    """The bound for all variants at once counts those of one recipe; where more stand on the page, it says so."""
    assert not [told for told in verdict(result).beside if "among recipes" in told]
    of_one = [
        one.model_copy(
            update={
                "scores": one.scores.model_copy(
                    update={
                        "versus_baseline": one.scores.versus_baseline.model_copy(
                            update={"looked_at": 2, "lower_of_all": -0.02, "non_inferior_of_all": True}
                        )
                    }
                )
            }
        )
        if one.scores and one.scores.versus_baseline
        else one
        for one in result.variants
    ]
    told = verdict(result.model_copy(update={"variants": of_one})).beside
    assert [one for one in told if one.startswith("2 variants were looked at") and "variants of several recipes" in one]
