"""Several sites: tasks with curves or ratings."""

import numpy as np

from slimaffect.data import read_dataset
from slimaffect.data.labels import read_labels


def labels_of(result, where):
    """The labels that were written for a recording."""
    return read_labels(next(r.labels for r in result.recordings if r.where == where))


def test_folders_are_sites_subjects_and_tasks(imported):
    """A task is a video, or a folder with one; the layout reads it back with its sites."""
    result = imported("multisite")
    assert [r.where for r in result.recordings] == [
        "east/p4/reading",
        "north/p1/reading",
        "north/p2/calls",
        "south/p3/reading",
    ]
    assert read_dataset(result.root).facts.sites == "folders"


def test_a_curve_with_semicolons_and_decimal_commas_is_read(imported):
    """Headers with blanks and capitals too."""
    assert np.allclose(labels_of(imported("multisite"), "north/p2/calls").affect[2], [0.1, -0.1])


def test_a_rating_per_task_is_constant_over_the_recording(imported):
    """It lasts from the first frame to the video's end."""
    labels = labels_of(imported("multisite"), "south/p3/reading")
    assert np.allclose(labels.affect, [[0.5, -0.25]] * len(labels.times))
    assert np.allclose(labels.times[[0, -1]], [0, 2])


def test_a_manikins_scale_is_declared_or_refused(imported, told, trees):
    """1..9 is refused for all ratings of a table, also those that would fit -1..1, with its likely cause."""

    def rate(source):
        for path in [source / "ratings.csv", *source.rglob("reading.csv"), *source.rglob("front.csv")]:
            path.unlink()
        trees.write_text(source / "south" / "ratings.csv", "subject,task,valence,arousal", "p3,reading,5,9")
        trees.write_text(
            source / "east" / "ratings.csv", "subject,task,valence,arousal", "p4,reading,1,3", "p4,resting,1,1"
        )

        trees.write_text(source / "north" / "ratings.csv", "subject,task,valence,arousal", "p2,calls,0.5,0.5")

    result = imported("multisite", rate)
    problem = told(result, "south/p3/reading.mp4")[0]
    assert "holds 5 on south/ratings.csv line 2, outside [-1, 1]" in problem.what
    assert "its values go from 5 to 9, as on a scale of 1..9" in problem.what
    assert "affect_range=[1, 9]" in problem.next
    assert "line 2, outside" in told(result, "east/p4/resting.mp4")[0].what  # 1 is no "very positive" on this scale
    assert [r.where for r in result.recordings] == ["north/p2/calls"]


def test_the_declared_scale_is_mapped_to_one(imported, trees):
    """[1, 9] becomes [-1, 1]: 5 is 0, 9 is 1."""

    def rate(source):
        for path in source.rglob("*.csv"):
            path.unlink()
        trees.write_text(source / "south" / "ratings.csv", "who,task,V,A", "p3,reading,5,9")

    result = imported(
        "multisite", rate, affect_range=[1, 9], columns={"subject": "who", "valence": "V", "arousal": "A"}
    )
    assert np.allclose(labels_of(result, "south/p3/reading").affect[0], [0, 1])


def test_what_has_no_partner_is_told(imported, told):
    """A video without annotation, a rating without video, a rating beside a curve."""
    result = imported("multisite")
    assert "no annotation" in told(result, "east/p4/resting.mp4")[0].what
    assert "no video" in told(result, "south/ratings.csv line 3")[0].what
    assert "annotates over time" in told(result, "ratings.csv line 3")[0].what


def test_several_cameras_need_a_choice(imported, told, trees):
    """Two videos of a task are refused until one is named."""

    def film(source):
        trees.write_video(source / "north" / "p2" / "calls" / "side.mp4")

    assert "2 videos to choose from: front.mp4, side.mp4" in told(imported("multisite", film), "front.mp4")[0].what


def test_the_camera_can_be_chosen(imported, trees):
    """`camera` names it."""
    result = imported("multisite", lambda s: trees.write_video(s / "north/p2/calls/side.mp4"), camera="side")
    assert next(r for r in result.recordings if r.subject == "p2").video.resolve().name == "side.mp4"


def test_milliseconds_are_refused(imported, told, trees):
    """Times that last a thousand videos are no seconds."""
    rows = [f"{i * 200},0.1,0.1" for i in range(11)]
    result = imported("multisite", lambda s: trees.curve(s / "north/p1/reading.csv", *rows))
    assert told(result, "look like milliseconds")[0].where == "north/p1/reading.csv"
