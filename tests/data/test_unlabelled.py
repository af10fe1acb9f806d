"""Videos without labels: prepared like the others, never scored, never of a site or a person that is held out."""

import shutil

import numpy as np
import pytest

from slimaffect.data import DatasetFacts, prepare, write_dataset_yaml
from slimaffect.data.prepare import already_prepared
from slimaffect.errors import DataError


@pytest.fixture
def strangers(films, tmp_path):
    """Videos without annotations: at site A, at B, of subject b1 under another site, and at a site of their own."""
    root = tmp_path / "archive"
    for number, subject in enumerate(("A/x1", "B/x2", "C/b1", "C/x3")):
        films.film(root / subject / "task.mp4", [films.face(x=70 + 2 * number)] * 20, rate=10)
    write_dataset_yaml(root, DatasetFacts(name="archive"))
    return root


@pytest.fixture
def both(settings, strangers):
    """The labelled dataset with the other beside it."""
    return settings.model_copy(update={"unlabelled": str(strangers)})


def test_they_are_prepared_beside_the_labelled_ones(both, settings, tmp_path):
    """Same crops, no labels, and the labelled clips stay what they were; a plan finds them again without decoding."""
    prepared, alone = prepare(both, tmp_path / "cache"), prepare(settings, tmp_path / "cache")
    assert alone.clips.unlabelled is None
    assert len(prepared.clips) == len(alone.clips)
    assert (prepared.clips.sites, prepared.clips.subjects) == (alone.clips.sites, alone.clips.subjects)
    found = prepared.clips.unlabelled
    assert found.subjects == ("b1", "x1", "x2", "x3")
    assert (found.pixels, found.length, found.rate) == (16, 5, 10)
    assert all(np.isnan(r.affect).all() and r.valid.any() for r in found.recordings)
    assert already_prepared(both, tmp_path / "cache").fingerprint == prepared.fingerprint


def test_they_change_the_fingerprint(both, settings, strangers, films, tmp_path):
    """No finished task is taken for one with other videos; and without any the fingerprint is the old one."""
    first = prepare(both, tmp_path / "cache").fingerprint
    films.film(strangers / "C/x4/task.mp4", [films.face()] * 20, rate=10)
    fingerprints = {
        first,
        prepare(both, tmp_path / "cache").fingerprint,
        prepare(settings, tmp_path / "cache").fingerprint,
    }
    assert len(fingerprints) == 3


def test_the_held_out_site_and_its_people_are_never_among_them(both, tmp_path):
    """By the site's name, and by a held-out subject's name at whatever site; other picks leave all of them behind."""
    clips = prepare(both, tmp_path / "cache").clips
    assert clips.without_site("B").unlabelled.subjects == ("x1", "x3")
    assert clips.without_site("A").unlabelled.subjects == ("b1", "x2", "x3")
    assert clips.without_site("A").sites == ("B",)
    assert clips.without_site(None) is clips
    assert clips.of_sites(["A"]).unlabelled is None
    assert clips.of_subjects(["a1"]).unlabelled is None
    assert clips.pick([0]).unlabelled is clips.unlabelled


def test_annotations_among_them_are_not_read(both, strangers, tmp_path):
    """Not even broken ones: a labelled archive can serve as one without labels."""
    before = prepare(both, tmp_path / "cache").fingerprint
    (strangers / "A" / "x1" / "task.csv").write_text("no labels at all")
    assert prepare(both, tmp_path / "cache").fingerprint == before


def test_one_dataset_may_be_both(settings, tmp_path):
    """Read with labels and without them it is kept in two places, so neither undoes the other."""
    both = settings.model_copy(update={"unlabelled": settings.source})
    clips = prepare(both, tmp_path / "cache").clips
    assert clips.unlabelled.subjects == clips.subjects
    assert np.isfinite(clips.recordings[0].affect[clips.recordings[0].valid]).all()
    assert np.isnan(clips.unlabelled.recordings[0].affect).all()


def test_what_cannot_be_used_is_listed(both, strangers, tmp_path):
    """A broken video beside the good ones is a problem with a place; a folder of nothing else is refused."""
    (strangers / "A" / "x1" / "task.mp4").write_bytes(b"no video")
    prepared = prepare(both, tmp_path / "cache")
    assert [problem.where for problem in prepared.problems] == ["A/x1/task.mp4"]
    assert prepared.clips.unlabelled.subjects == ("b1", "x2", "x3")
    for site in "BC":
        shutil.rmtree(strangers / site)
    with pytest.raises(DataError, match="archive: no usable recording"):
        prepare(both, tmp_path / "cache")
