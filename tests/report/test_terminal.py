"""The tables in the terminal: everything named, nothing read as markup, a dash for what is missing."""

from io import StringIO

import pytest
from rich.console import Console

from slimaffect.report import print_report


def printed(results, width=170):
    """Print to a string."""
    console = Console(file=StringIO(), width=width, color_system=None)
    print_report(console, results)
    return console.file.getvalue()


def test_the_verdict_the_variants_the_sites_and_the_problems_are_printed(result):
    """One report, top to bottom."""
    text = printed([result])
    assert text.split("\n")[1].startswith("tiny-fp32 keeps CCC within 0.03 of the baseline")
    for one in result.variants:
        assert text.count(one.name) >= 2
    for words in ("athens", "▼ 0.402", "modelled", "no face in 41 % of the frames", "20 trainings", "23.4", "p90 25.3"):
        assert words in text


def test_what_was_not_measured_is_a_dash(result):
    """The unscored variant shows dashes and no zero."""
    line = next(one for one in printed([result]).split("\n") if "micro-int8" in one and "83.0 k" in one)
    assert line.count("–") >= 6
    assert " 0 " not in line


@pytest.mark.parametrize("width", [80, 100, 130])
def test_a_narrow_terminal_keeps_what_decides(result, width):
    """No line is cut off with an ellipsis, and the CCC, its comparison and the clip time stay."""
    text = printed([result], width)
    assert "…" not in text
    for words in ("−0.012", "0.500", "2.11"):
        assert words in text


def test_names_are_never_read_as_markup(make_result, made_up):
    """A name in square brackets is printed as it is."""
    text = printed([make_result(variants=[made_up[0], ("[red]x[/red]", *made_up[3][1:])])])
    assert "[red]x[/red]" in text
