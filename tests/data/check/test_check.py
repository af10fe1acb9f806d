"""Promises of the check: it counts rightly, refuses masks that tell the site, and its page holds no face."""

import re
import shutil
from io import StringIO

import pytest
from rich.console import Console

from slimaffect.data import DatasetFacts, write_dataset_yaml
from slimaffect.data.check import check_dataset, check_tables, refuse_uneven, write_check
from slimaffect.errors import DataError


def printed(check):
    """What a terminal shows."""
    console = Console(width=200, record=True, file=StringIO())
    for part in check_tables(check):
        console.print(part)
    return console.export_text()


@pytest.fixture
def check(settings, dataset, films, tmp_path):
    """The small dataset with a copied video, an annotation without a video, and another frame rate."""
    shutil.copyfile(dataset / "A/a2/task.mp4", dataset / "B/b2/task.mp4")
    films.film(dataset / "B/b1/task.mkv", lambda i: films.face(x=60 + i), count=50)
    (dataset / "B/b1/task.mp4").unlink()
    (dataset / "A/a1/alone.csv").write_text("time,valence,arousal\n0,0,0\n1,0,0\n")
    return check_dataset(settings, tmp_path / "cache")


def test_sites_are_counted(check):
    """People, recordings, hours, cameras and faces of each site."""
    a, b = check.sites
    assert (a.name, a.subjects, a.recordings, a.usable, a.coverage) == ("A", 2, 2, 2, 1.0)
    assert a.hours * 3600 == pytest.approx(4)
    assert a.labelled_hours * 3600 == pytest.approx(4)
    assert (a.rates, a.codecs, a.sizes) == ((("10", 2),), (("h264", 2),), (("160x120", 2),))
    assert dict(b.rates) == {"10": 1, "25": 1}


def test_affect_is_summed_over_moments(check):
    """Labels rise from 0 by 0.01 and fall by 0.02 a second, for two seconds."""
    a = check.sites[0]
    assert (a.valence.low, a.valence.high) == pytest.approx((0, 0.019), abs=1e-6)
    assert a.arousal.mean == pytest.approx(-0.019, abs=1e-6)
    assert sum(a.valence.shares) == pytest.approx(1)
    assert a.valence.shares[10] == 1


def test_labels_that_fill_little_of_the_scale_are_remarked(check):
    """Values up to 0.04 may have been divided by their scale twice."""
    assert any("labels of A reach only 0.038 from 0" in remark for remark in check.remarks)
    assert any("frame rates differ: 10, 25" in remark for remark in check.remarks)


def test_a_copied_video_is_a_leak_and_is_told_once(check):
    """The file's hash tells it; its face would too."""
    (twins,) = [pair for pair in check.twins if pair.how == "same file"]
    assert (twins.one, twins.other, twins.leak) == ("A/a2/task", "B/b2/task", True)
    assert [(p.one, p.other) for p in check.twins].count(("A/a2/task", "B/b2/task")) == 1


def test_missing_pairs_are_among_the_problems(check):
    """What has no video beside it is listed."""
    assert [problem.where for problem in check.problems] == ["A/a1/alone.csv"]


def test_the_terminal_shows_what_was_found(check):
    """Sites, delay, copies and problems."""
    text = printed(check)
    for part in ("lab", "h264", "160x120", "Annotators' delay: no estimate", "yes: two subjects", "A/a1/alone.csv"):
        assert part in text


def test_the_page_holds_everything_and_no_face(check, tmp_path):
    """One file, nothing loaded from elsewhere, no raster image, names escaped."""
    named = type(check)(**{**check.__dict__, "name": "<b>lab</b>"})
    page = write_check(named, tmp_path / "check.html").read_text("utf-8")
    assert "&lt;b&gt;lab&lt;/b&gt;" in page
    assert "<b>lab" not in page
    assert not re.search(r"<img|data:image|https?://|<script", page)
    assert "font: 16px/1.55 var(--sans)" in page
    assert '"Segoe UI"' in page
    assert page.count("<svg") == 4
    assert "A/a1/alone.csv" in page


def test_uneven_faces_are_refused_unless_allowed(settings, dataset, films, tmp_path):
    """A site with a person that is never found: refused with both values, and the caller may go on."""
    films.film(dataset / "A/a1/task.mp4", [films.still()] * 20, rate=10)
    check = check_dataset(settings, tmp_path / "cache")
    assert check.uneven_points == pytest.approx(50)
    with pytest.raises(DataError, match=r"50\.0% of A's frames but in 100\.0% of B's: 50\.0 points apart, 5 are"):
        refuse_uneven(check)
    refuse_uneven(check, most_points=60)
    assert "50.0 points" in write_check(check, tmp_path / "check.html").read_text("utf-8")


def test_even_faces_are_not_refused(settings, dataset, tmp_path):
    """A declared delay is shown beside the estimate."""
    write_dataset_yaml(dataset, DatasetFacts(name="lab", annotation_delay_s=0.5))
    check = check_dataset(settings, tmp_path / "cache")
    refuse_uneven(check)
    assert check.delay.declared_s == 0.5
