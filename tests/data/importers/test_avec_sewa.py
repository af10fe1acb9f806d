"""SEWA as AVEC packed it."""

import numpy as np

from slimaffect.data import read_dataset
from slimaffect.data.labels import read_labels


def labels_of(result, name):
    """The labels that were written for a recording."""
    return read_labels(next(r.labels for r in result.recordings if r.name == name))


def test_arousal_stands_before_valence_and_times_are_text(imported):
    """Without a header the third column is arousal; 'quoted' names and text times are understood."""
    labels = labels_of(imported("avec-sewa"), "Train_DE_01")
    assert np.allclose(labels.affect[0], [-0.25, 0.5])
    assert np.allclose(labels.times, np.arange(21) / 10)


def test_the_culture_is_the_site(imported):
    """DE and HU are two sites, so leave-one-site-out works."""
    result = imported("avec-sewa")
    assert result.sites == ("DE", "HU")
    assert read_dataset(result.root).facts.sites == "folders"


def test_site_none_keeps_one_folder(imported):
    """Who does not take cultures for sites says so, and has none."""
    assert read_dataset(imported("avec-sewa", site="none").root).facts.sites == "none"


def test_names_of_2017_have_no_culture(imported):
    """No site is invented for them."""

    def rename(source):
        for path in [*source.rglob("*_DE_*"), *source.rglob("*_HU_*")]:
            path.rename(path.with_name(path.name.replace("_DE", "").replace("_HU", "")))

    assert imported("avec-sewa", rename).sites == ("all",)


def test_a_name_without_culture_among_others_is_set_aside(imported, told):
    """It can belong to no site."""

    def rename(source):
        (source / "labels" / "Train_DE_01.csv").rename(source / "labels" / "Train_01.csv")
        (source / "video" / "Train_DE_01.mp4").rename(source / "video" / "Train_01.mp4")

    assert "no culture in its name" in told(imported("avec-sewa", rename), "Train_01")[0].what


def test_the_test_part_without_labels_is_told(imported, told):
    """A file without the columns, and a video without a file, are both listed."""
    result = imported("avec-sewa")
    assert "withheld" in told(result, "labels/Test_HU_03.csv")[0].next
    assert "withheld" in told(result, "video/Test_HU_04.avi")[0].what


def test_unequal_lengths_are_told_with_both_values(imported, told):
    """Labels that end before or after the video are used where both are, and told."""
    result = imported("avec-sewa")
    assert "its labels end at 5.9 s, its video at 2.0 s" in told(result, "Train_HU_02")[0].what
    assert "its labels end at 0.4 s, its video at 2.0 s" in told(result, "Test_HU_01")[0].what
