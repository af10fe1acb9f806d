"""The page: whole, safe, small, and honest about what is missing."""

import base64
import gzip
import json
import re
import struct
from html.parser import HTMLParser
from io import BytesIO

import pytest

from slimaffect.report import write_report
from slimaffect.report.merge import merge
from slimaffect.report.page import dearest, missing
from slimaffect.report.page import page as page_of
from slimaffect.report.payload import payload
from slimaffect.report.picture import move_apart, write_picture
from slimaffect.result import LedgerEntry, Result, SiteDelta


class Loaded(HTMLParser):
    """Collects what a browser would fetch, and the text outside of scripts and styles."""

    def __init__(self):
        super().__init__()
        self.fetched, self.text, self.tags, self._skip = [], [], [], False

    def handle_starttag(self, tag, attrs):
        """Remember the tag and its links."""
        self.tags.append(tag)
        self._skip = tag in ("script", "style")
        self.fetched += [value for key, value in attrs if key in ("src", "href", "srcset", "action", "poster", "data")]

    def handle_endtag(self, tag):  # noqa: ARG002
        """Text follows again."""
        self._skip = False

    def handle_data(self, data):
        """Remember what a reader sees."""
        if not self._skip:
            self.text.append(data)


def read(page):
    """Parse a page."""
    parser = Loaded()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def page_data(page):
    """What the page's scripts are given."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for one page that several tests read."""
    return tmp_path_factory.mktemp("report")


@pytest.fixture
def page(result, folder):
    """The page of the made-up result, written once."""
    return folder / "report.html" if (folder / "report.html").exists() else write_report([result], folder)


def test_the_page_loads_nothing(page):
    """No link or source but data inside the page; the policy in its head forbids the rest."""
    found = read(page)
    assert all(one.startswith(("data:", "#")) for one in found.fetched)
    assert "link" not in found.tags
    assert "iframe" not in found.tags
    assert "default-src 'none'" in page.read_text(encoding="utf-8")
    own = page.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")  # a name, never fetched
    assert not re.search(r"https?://|url\(|@import|fetch\(|XMLHttpRequest|WebSocket|sendBeacon", own)


def test_the_page_can_be_mailed(page):
    """Everything inside, far under 6 MB; pictures and tables for papers lie beside it."""
    assert page.stat().st_size < 1e6
    names = ["pareto.png", "pareto.svg", "report.html", "table.csv", "table.md", "table.tex"]
    assert [path.name for path in sorted(page.parent.iterdir())] == names


def test_the_page_says_what_the_result_says(page, result):
    """The verdict, every variant, every site, the provenance of joules, the recipe, the machine, the problems."""
    text = " ".join("".join(read(page).text).split())
    assert "tiny-fp32 keeps CCC within 0.03 of the baseline (−0.012, 95 % interval −0.028 to +0.004)" in text
    for one in result.variants:
        assert text.count(one.name) >= 3
    for words in (*result.variants[0].scores.sites, "modelled", "teacher_weight: 0.7", "A made-up CPU for this fixture",
                  "no face in 41 % of the frames", "drawn by a program", "No energy counter could be read"):  # fmt: skip
        assert words in text


def test_what_was_not_measured_is_a_dash(page):
    """The row of the unscored variant has a dash for the score, the interval and every time."""
    html = page.read_text(encoding="utf-8")
    row = next(one for one in html.split("<tr data-number")[1:] if "micro-int8</code></button>" in one)
    cells = [re.sub(r"<[^>]+>", "", one).strip() for one in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
    assert cells[0] == "–"
    assert cells[2:6] == ["–"] * 4
    assert "None" not in row
    assert "nan" not in row


def test_the_worst_site_of_each_variant_is_marked(page):
    """One mark per scored variant, in shape and weight and not in colour alone."""
    assert page.read_text(encoding="utf-8").count('class="worst" title="worst site"') == 6


def test_hostile_names_stay_text(make_result, made_up, tmp_path):
    """Names, recipes and problems may hold markup: none of it becomes a tag, in the page or in the chart."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    bad = make_result(evil, [made_up[0], (evil, *made_up[3][1:])])
    bad = bad.model_copy(
        update={
            "recipe": bad.recipe.model_copy(update={"about": evil, "yaml": "</pre>" + evil}),
            "problems": [
                one.model_copy(update={"where": evil, "what": evil + "`", "next": evil}) for one in bad.problems
            ],
        }
    )
    (tmp_path / "report.html").write_text(page_of(bad, b""), encoding="utf-8")
    found = read(tmp_path / "report.html")
    assert found.tags.count("script") == 2
    assert found.tags.count("img") == 1  # the picture without scripts
    assert evil in "".join(found.text)
    assert page_data(tmp_path / "report.html")["points"][1]["name"] == evil  # JSON, from which it is put in as text


def test_an_empty_result_still_makes_a_page(make_result, tmp_path):
    """Nothing scored, nothing measured, nothing described: dashes and sentences, no crash."""
    bare = make_result(variants=[]).model_copy(update={"ledger": [], "problems": [], "data": None})
    (tmp_path / "report.html").write_text(page_of(bare, b""), encoding="utf-8")
    text = "".join(read(tmp_path / "report.html").text)
    assert "Nothing was scored." in text
    assert "the cost was not measured" in text


def test_measured_joules_get_an_axis_and_modelled_ones_do_not(result):
    """The switch offers joules only when a counter or a sensor gave all of them."""
    assert "energy_mj" not in [axis["key"] for axis in payload(result)["axes"]]
    counted = [
        one.model_copy(
            update={
                "deploy": one.deploy.model_copy(
                    update={
                        "energy_j_per_clip": one.deploy.energy_j_per_clip.model_copy(update={"provenance": "measured"})
                    }
                )
            }
        )
        for one in result.variants
        if one.deploy.energy_j_per_clip
    ]
    measured = result.model_copy(update={"variants": counted})
    titles = {axis["key"]: axis["title"] for axis in payload(measured)["axes"]}
    assert titles["energy_mj"] == "energy per clip, mJ (measured)"
    assert not any("No energy counter" in one for one in missing(measured))


def test_the_picture_is_a_png(page):
    """Wide enough for print, and it is really a PNG."""
    head = (page.parent / "pareto.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:]) == (1920, 840)


def test_the_svg_is_the_same_each_time(result):
    """Equal results give equal pictures, without a date."""
    one, two = BytesIO(), BytesIO()
    for picture in (one, two):
        write_picture(result, picture, "svg")
    assert one.getvalue() == two.getvalue()
    assert one.getvalue().startswith(b"<?xml")


def test_names_on_the_picture_do_not_lie_on_each_other():
    """Three points in one place have names in three lines; a fourth elsewhere stays beside its point."""
    from matplotlib.figure import Figure

    figure = Figure(dpi=200)
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    beside = {"xytext": (-6, 5), "textcoords": "offset points", "ha": "right"}
    names = [axes.annotate("small-int8", (x, 0.5), fontsize=8, **beside) for x in (0.5, 0.5, 0.51, 0.9)]
    figure.draw_without_rendering()
    move_apart(names)
    assert names[0].get_window_extent().count_overlaps([one.get_window_extent() for one in names[1:]]) == 0
    assert [one.xyann[1] for one in names] == [5, 15, 25, 5]


def test_the_page_carries_its_result(page, result):
    """The links save the table and the result without a script: CSV as it is, JSON packed."""
    links = [one for one in read(page).fetched if one.startswith("data:")]
    table, packed = (base64.b64decode(one.split(",")[1]) for one in links if not one.startswith("data:image"))
    assert table.decode().count("\n") == 1 + len(result.variants)
    assert Result.model_validate_json(gzip.decompress(packed)) == merge([result])


def test_a_long_ledger_shows_what_cost_most():
    """The dearest tasks, in the order in which they ran."""
    ledger = [LedgerEntry(task=str(number), cpu_s=cost) for number, cost in enumerate((5.0, 1.0, None, 9.0))]
    assert [one.task for one in dearest(ledger, most=2)] == ["0", "3"]


def test_one_variant_or_five_hundred(make_result, made_up, crowd):
    """The page of one says so in words; that of five hundred stays under 6 MB, and every variant is in it."""
    assert "reaches a CCC of 0.512" in page_of(make_result(variants=made_up[:1]), b"")
    assert crowd.stat().st_size < 6e6
    assert len(page_data(crowd)["points"]) == 500


def test_differences_on_each_site_are_shown_where_they_are_known(result):
    """In the chosen variant's details and as a row beside the sites' scores; what was not computed is a dash."""
    old = next(one for one in result.variants if one.name == "tiny-fp32")
    known = {"athens": SiteDelta(delta=-0.02, interval=(-0.05, 0.01)), "bonn": SiteDelta(delta=0.01)}
    against = old.scores.versus_baseline.model_copy(update={"of_sites": known})
    scored = old.model_copy(update={"scores": old.scores.model_copy(update={"versus_baseline": against})})
    told = result.model_copy(update={"variants": [scored if one is old else one for one in result.variants]})
    html = page_of(told, b"")
    row = "<td>−0.020<small>−0.050 to +0.010</small></td><td>+0.010<small>–</small></td><td>–</td><td>–</td></tr>"
    assert row in html
    assert "Difference from the baseline on each site" in html
    assert "Difference from the baseline on each site" not in page_of(result, b"")
    given = {one["name"]: one["deltas"] for one in payload(told)["points"]}
    assert given["tiny-fp32"] == {"athens": [-0.02, [-0.05, 0.01]], "bonn": [0.01, None]}
    assert given["small-fp32"] == {}
