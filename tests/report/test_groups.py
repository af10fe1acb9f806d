"""A result whose folds are groups of subjects says group wherever another says site."""

import re
from io import StringIO

import pytest
from rich.console import Console

from slimaffect.report import print_report, write_report
from slimaffect.report.payload import payload
from slimaffect.report.verdict import verdict
from slimaffect.result import read_result, write_result


@pytest.fixture
def grouped(result):
    """The made-up result as if its people had stood at one site and been dealt into groups."""
    names = dict(zip(result.variants[0].scores.sites, ("group1", "group2", "group3", "group4"), strict=True))
    return result.model_copy(update={
        "folds": "group",
        "data": result.data.model_copy(update={"sites": 1, "coverage": {"all": 0.99}}),
        "variants": [one.model_copy(update={"scores": one.scores and one.scores.model_copy(update={
            "sites": {names[site]: scores for site, scores in one.scores.sites.items()},
            "worst_site": names[one.scores.worst_site]})}) for one in result.variants],
        "ledger": [one.model_copy(update={"fold": names.get(one.fold), "task": "train"}) for one in result.ledger],
        "problems": [],
    })  # fmt: skip


def test_the_verdict_says_what_groups_cannot_tell(grouped, result):
    """New people, not new sites: said beside the headline, and only there where it holds."""
    assert "A group of subjects was held out at a time, not a site" in " ".join(verdict(grouped).beside)
    assert "A group of subjects" not in " ".join(verdict(result).beside)
    alone = grouped.model_copy(update={"variants": grouped.variants[:1]})
    assert verdict(alone).headline.endswith("on groups it has never seen.")


def test_no_word_of_the_page_calls_a_group_a_site(grouped, tmp_path):
    """Of the page's own words only those on the data, which do stand at one site, and the caution speak of sites."""
    html = write_report([grouped], tmp_path).read_text(encoding="utf-8")
    shown = re.sub(
        r"<(script|style)\b.*?</\1>|<pre.*?</pre>|<dt>sites</dt>|id=\"[^\"]*\"|by=\"[^\"]*\"",
        " ",
        html,
        flags=re.DOTALL,
    )
    text = " ".join(shown.replace("not a site: the people", "").replace("How it does at a new site", "").split())
    assert "1 site, 4 groups of subjects" in text
    assert "Every held-out group" in text
    assert 'title="worst group"' in text
    assert re.findall(r".{30}\bsites?\b", text.replace("1 site, 4 groups", "")) == []
    assert payload(grouped)["unit"] == "group"


def test_the_terminal_says_group(grouped):
    """The caption below the scores of each fold names what was held out."""
    console = Console(file=StringIO(), width=170, color_system=None)
    print_report(console, [grouped])
    assert "CCC on each held-out group; ▼ the worst" in console.file.getvalue()


def test_a_result_keeps_what_its_folds_were(grouped, result, tmp_path):
    """Written and read again; a result from before there was a choice is one by site."""
    assert read_result(write_result(grouped, tmp_path / "result.json")).folds == "group"
    assert type(result).model_validate(result.model_dump(exclude={"folds"})).folds == "site"
