"""The page: whole, safe, small, and honest about what is missing."""

import re
import shutil
import struct
import subprocess
from html.parser import HTMLParser

import pytest

from slimaffect.report import write_report
from slimaffect.report.page import chart, missing


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
    assert all(one.startswith("data:") for one in found.fetched)
    assert "link" not in found.tags
    assert "iframe" not in found.tags
    assert "default-src 'none'" in page.read_text(encoding="utf-8")
    own = re.sub(r"<script>/\*.*?</script>", "", page.read_text(encoding="utf-8"), count=1, flags=re.DOTALL)
    assert not re.search(r"https?://|url\(|@import", own)


def test_the_page_can_be_mailed(page):
    """Everything inside, under 6 MB."""
    assert page.stat().st_size < 6e6
    assert [path.name for path in sorted(page.parent.iterdir())] == ["pareto.png", "report.html"]


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
    row = next(one for one in html.split("<tr") if "micro-int8" in one and "not compared" in one)
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
    found = read(write_report([bad], tmp_path))
    assert found.tags.count("script") == 3
    assert found.tags.count("img") == 1  # the picture without scripts
    assert evil in "".join(found.text)
    assert all("<" not in point["name"] for point in chart(bad)["points"])


def test_an_empty_result_still_makes_a_page(make_result, tmp_path):
    """Nothing scored, nothing measured, nothing described: dashes and sentences, no crash."""
    bare = make_result(variants=[]).model_copy(update={"ledger": [], "problems": [], "data": None})
    text = "".join(read(write_report([bare], tmp_path)).text)
    assert "Nothing was scored." in text
    assert "the cost was not measured" in text


def test_measured_joules_get_an_axis_and_modelled_ones_do_not(result):
    """The switch offers joules only when a counter or a sensor gave all of them."""
    assert [axis["key"] for axis in chart(result)["axes"]] == ["clip_ms", "cpu_ms"]
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
    assert chart(measured)["axes"][2]["title"] == "energy per clip, mJ (measured)"
    assert not any("No energy counter" in one for one in missing(measured))


def test_the_picture_is_a_png(page):
    """Wide enough for print, and it is really a PNG."""
    head = (page.parent / "pareto.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:]) == (1920, 840)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
def test_a_browser_draws_the_chart(page, tmp_path):
    """In a real browser the chart appears with its marks and names, and no script fails."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
               "--disable-background-networking", "--disable-component-update", "--disable-sync",
               "--enable-logging=stderr", "--virtual-time-budget=5000", f"--user-data-dir={tmp_path}", "--dump-dom", page.as_uri()]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    drawn = done.stdout.split('id="pareto"')[1]
    assert drawn.count('class="annotation-text"') == 6
    assert "small-int8" in drawn.split("</section>")[0]
    assert "Uncaught" not in done.stderr
