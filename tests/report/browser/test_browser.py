"""The page in a real browser: switched, clicked, typed into, read aloud and printed."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from slimaffect.report.fronts import front
from slimaffect.report.page import page as page_of
from slimaffect.result import SiteDelta

POINTS = "[...document.querySelectorAll('#points [role=option]')]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for one page that several tests read."""
    return tmp_path_factory.mktemp("browser")


@pytest.fixture
def page(result, folder):
    """The page of the made-up result, subjects included, written once."""
    path = folder / "report.html"
    if not path.exists():
        path.write_text(page_of(with_people(result), b""), encoding="utf-8")
    return path


def with_people(result):
    """Give every site of every variant three subjects, and its own difference from the baseline."""
    variants = []
    for one in result.variants:
        if one.scores:
            sites = {
                site: score.model_copy(update={"ccc_of_subjects": {f"{site}{n}": score.ccc - n / 50 for n in range(3)}})
                for site, score in one.scores.sites.items()
            }
            told = {"sites": sites}
            if against := one.scores.versus_baseline:
                deltas = {site: SiteDelta(delta=against.delta, interval=against.interval) for site in sites}
                told["versus_baseline"] = against.model_copy(update={"of_sites": deltas})
            one = one.model_copy(update={"scores": one.scores.model_copy(update=told)})  # noqa: PLW2901
        variants.append(one)
    return result.model_copy(update={"variants": variants})


def choose(browser, axis, key):
    """Choose an axis as a person does: the list changes and says so."""
    browser.run(f"(() => {{ const l = document.getElementById('{axis}'); l.value = '{key}'; l.dispatchEvent(new Event('change', {{bubbles: true}})); }})()")  # fmt: skip


def drawn_front(browser):
    """The numbers of the variants that are drawn as on the front."""
    return set(browser.run(f"{POINTS}.filter((one) => one.dataset.front === 'true').map((one) => Number(one.dataset.number))"))  # fmt: skip


def test_every_pair_of_axes_is_drawn_right(browser, page):
    """The script's front is that of the package, for every pair; no console error; nothing but the file itself is loaded."""
    browser.open(page)
    assert browser.requests() == [page.as_uri()]
    data = json.loads(browser.run("document.getElementById('data').textContent"))
    assert browser.run(f"{POINTS}.length") == 6
    for x in data["axes"][::4]:
        for y in data["axes"][::3]:
            choose(browser, "x", x["key"])
            choose(browser, "y", y["key"])
            on = front(list(zip(x["values"], y["values"], strict=True)), (x["gain"], y["gain"]))
            expected = {point["number"] for point, kept in zip(data["points"], on, strict=True) if kept}
            assert drawn_front(browser) == expected, (x["key"], y["key"])
    assert browser.faults() == []
    assert browser.requests() == [page.as_uri()]


def test_a_click_shows_what_a_point_is(browser, page):
    """Its recipe, its bundle, its sites and its interval; hovering shows its figures."""
    browser.open(page)
    browser.hover('#points [data-number="3"] .halo')
    assert browser.run("document.getElementById('tip').hidden") is False
    assert "tiny-int8: not shown" in browser.run("document.getElementById('tip').textContent")
    browser.click('#points [data-number="3"] .halo')
    told = browser.run("document.getElementById('detail').textContent")
    for words in (
        "tiny-int8",
        "student: tiny",
        "slim bundle show bundles/tiny-int8",
        "delft",
        "−0.025 (−0.047 to −0.004)",
        "Difference from the baseline on each held-out site",
    ):
        assert words in told
    browser.hover('#points [data-number="3"] .halo')
    assert browser.run("document.getElementById('tip').hidden") is False
    assert "tiny-int8: not shown" in browser.run("document.getElementById('tip').textContent")
    assert browser.run("document.querySelector('#people-of').value") == "3"
    assert browser.run("document.querySelectorAll('#people-chart rect').length") == 12
    assert browser.faults() == []


def test_the_keyboard_reaches_every_point(browser, page):
    """One tab stop; arrows move from left to right, Enter shows; each point says its figures aloud."""
    browser.open(page)
    assert browser.run(f"{POINTS}.filter((one) => one.getAttribute('tabindex') === '0').length") == 1
    browser.run(f"{POINTS}[0].focus()")
    browser.press("ArrowRight")
    browser.press("End")
    assert browser.run("document.activeElement.getAttribute('aria-label')").startswith(
        "baseline: baseline; CCC on held-out sites: 0.512 (95 % interval 0.442 to 0.572); median time per clip, ms"
    )
    browser.press("Enter")
    assert browser.run("document.activeElement.getAttribute('aria-selected')") == "true"
    assert browser.run("document.querySelector('#detail h3').textContent").endswith("baseline")
    assert browser.faults() == []


def test_the_filter_keeps_what_fits_everywhere(browser, page):
    """Words of names, standings and settings; chart and tables follow, and emptied it shows all."""
    browser.open(page)
    browser.click("#filter")
    browser.write("kept int8")
    assert browser.run(f"{POINTS}.map((one) => one.getAttribute('aria-label').split(':')[0])") == ["small-int8"]
    rows = "[...document.querySelectorAll('tr[data-number]')].filter((one) => !one.hidden).map((one) => one.dataset.number)"
    assert set(browser.run(rows)) == {"5"}
    assert browser.run("document.getElementById('filtered').textContent") == "1 of 7 variants"
    browser.run("document.getElementById('filter').value = 'nothing fits'; document.getElementById('filter').dispatchEvent(new Event('input'))")  # fmt: skip
    assert browser.run("document.getElementById('chart').textContent") == "No variant fits the filter."
    assert browser.faults() == []


def test_tables_sort_and_files_are_saved(browser, page):
    """A click on a head sorts, missing values last; the picture and the plain result can be saved."""
    browser.open(page)
    browser.click("[aria-label=Variants] thead th:nth-child(2) button")
    names = "[...document.querySelectorAll('[aria-label=Variants] tbody th code')].map((one) => one.textContent)"
    assert browser.run(names) == ["micro-fp32", "tiny-int8", "tiny-fp32", "small-int8", "baseline", "small-fp32", "micro-int8"]  # fmt: skip
    browser.run("window.saved = []; HTMLAnchorElement.prototype.click = function () { window.saved.push([this.download, this.href]); }")  # fmt: skip
    browser.run("document.getElementById('save-picture').click(); document.getElementById('save-result').dispatchEvent(new MouseEvent('click', {cancelable: true}))")  # fmt: skip
    browser.until("window.saved.length === 2")
    assert {name for name, _ in browser.run("window.saved")} == {"front.svg", "result.json"}
    assert browser.faults() == []


@pytest.mark.skipif(find_spec("axe_core_python") is None, reason="axe-core-python is not installed")
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_no_serious_fault(browser, page, dark):
    """Rules of WCAG 2.1 A and AA, in both colour schemes, with every detail opened."""
    browser.open(page, dark=dark)
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    browser.run(Path(find_spec("axe_core_python").origin).with_name("axe.min.js").read_text(encoding="utf-8") + ";0")
    found = browser.run("axe.run(document).then((done) => done.violations.map((one) => [one.impact, one.id, one.nodes.map((node) => node.html.slice(0, 120))]))")  # fmt: skip
    assert [one for one in found if one[0] in ("serious", "critical")] == []


@pytest.mark.parametrize("wide", [1440, 390])
def test_nothing_overflows(browser, page, wide):
    """On a desk and on a phone the page itself never scrolls sideways; tables do."""
    browser.open(page, wide=wide)
    assert browser.run("document.documentElement.scrollWidth") <= wide
    assert browser.run(f"{POINTS}.length") == 6


def test_five_hundred_variants_stay_usable(browser, crowd):
    """All are drawn, the front alone carries names, the filter answers, and the keyboard still has one stop."""
    browser.open(crowd)
    assert browser.run(f"{POINTS}.length") == 500
    assert browser.run("document.querySelectorAll('text.name').length") <= len(drawn_front(browser)) + 1
    on = drawn_front(browser)
    browser.click("#frontOnly")
    assert browser.run(f"{POINTS}.length") == len(on) < 40
    browser.click("#frontOnly")
    browser.click("#filter")
    browser.write("trial-1 int8")
    assert browser.run(f"{POINTS}.length") == 50
    assert browser.faults() == []


def test_it_prints(browser, page):
    """A PDF of a few pages."""
    browser.open(page)
    paper = browser.paper()
    assert paper.startswith(b"%PDF")
    assert 2 <= paper.count(b"/Type /Page\n") <= 12
