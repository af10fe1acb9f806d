"""Tables to take away: every figure in CSV, what decides in Markdown and LaTeX."""

import csv
from io import StringIO

from slimaffect.report.table import COLUMNS, caption, flat, to_csv, to_latex, to_markdown


def test_every_figure_of_every_variant_is_in_the_csv(result):
    """As numbers that come back exactly; what was not measured is empty."""
    found = list(csv.DictReader(StringIO(to_csv(result))))
    assert [one["variant"] for one in found] == ["baseline", "micro-fp32", "tiny-int8", "tiny-fp32", "small-int8", "small-fp32", "micro-int8"]  # fmt: skip
    assert tuple(found[0]) == COLUMNS
    tiny = next(one for one in found if one["variant"] == "tiny-fp32")
    assert (float(tiny["ccc"]), float(tiny["clip_ms"]), float(tiny["delta_low"])) == (0.5, 2.11, -0.028)
    assert tiny["energy_provenance"] == "modelled"
    assert (found[-1]["ccc"], found[-1]["clip_ms"], found[-1]["size_mb"]) == ("", "", "0.12")


def test_a_name_is_no_formula(make_result, made_up):
    """A spreadsheet must not run what a recipe was called."""
    evil = make_result(variants=[made_up[0], ("=HYPERLINK(1)", *made_up[1][1:])])
    assert "\n2,'=HYPERLINK(1),fp32," in to_csv(evil)


def test_units_stand_in_the_names(result):
    """Milliseconds are milliseconds: CPU-seconds are turned into them."""
    line = flat(result)[0]
    assert (line["cpu_ms"], line["clip_ms"]) == (25.1, 23.4)
    assert line["energy_mj"] == 25.1 * 4


def test_markdown_is_a_table_with_its_caption(result):
    """Head, rule, one row each; intervals beside figures; what it rests on below; pipes do not break cells."""
    lines = to_markdown(result).splitlines()
    assert lines[0].startswith("| variant | CCC (95 % interval) |")
    assert len(lines) == 2 + len(result.variants) + 2
    assert "| tiny-fp32 | 0.500 (0.43 to 0.56) | −0.012 (−0.028 to +0.004), kept | 0.390 | 2.11 | 2.24 | 0.980 | 246 k |" in lines  # fmt: skip
    assert "| worst group |" in to_markdown(result.model_copy(update={"folds": "group"})).splitlines()[0]
    piped = result.model_copy(update={"variants": [result.variants[0].model_copy(update={"name": "a|b\nc<d"})]})
    assert "| a\\|b c&lt;d |" in to_markdown(piped)


def test_the_caption_names_data_margin_machine_and_commit(result):
    """A table without these is a rumour."""
    for words in (
        "synthetic faces",
        "45 subjects",
        "above -0.03",
        "A made-up CPU for this fixture",
        "0123456789abcdef",
    ):
        assert words in caption(result)


def test_latex_sets_any_name_as_it_is(make_result, made_up):
    """Every letter with a meaning in TeX is written out; the table has its rules."""
    text = to_latex(make_result(variants=[made_up[0], (r"50%_of $a\b{c}~^#&", *made_up[1][1:])]))
    assert r"50\%\_of \$a\textbackslash{}b\{c\}\textasciitilde{}\textasciicircum{}\#\& &" in text
    for words in (r"\toprule", r"\midrule", r"\bottomrule", r"\begin{tabular}{lrrrrrrr}", "booktabs"):
        assert words in text
    assert "−" not in text
