"""A manifest of any shape: columns, delimiters, times, and paths that stay inside."""

import numpy as np
import pytest

from slimaffect.data import read_dataset
from slimaffect.data.importers import import_dataset
from slimaffect.data.labels import read_labels
from slimaffect.errors import DataError, RecipeError


def labels_of(result, name):
    """The labels that were written for a recording."""
    return read_labels(next(r.labels for r in result.recordings if r.name == name))


@pytest.fixture
def described(trees, tmp_path):
    """Import the manifest that these lines are, beside videos a, b and images."""

    def run(*lines, **options):
        source = tmp_path / "source"
        for subject in "ab":
            trees.write_video(source / "videos" / f"{subject}.mp4")
        trees.crops(source / "images", range(1, 7))
        trees.write_text(source / "manifest.csv", *lines)
        return import_dataset("manifest", source, tmp_path / "target", options=options)

    return run


def test_marks_and_nan_are_dropped_and_counted(imported, told):
    """NaN, -999, -2 and an empty cell are rows without annotation."""
    result = imported("manifest")
    assert "4 of 6 rows are not annotated (-999, -2; first on line 3)" in told(result, "labels/a.csv")[0].what
    assert np.allclose(labels_of(result, "a").times, [0, 1])


def test_a_value_of_seven_is_refused_with_its_cause(described, told):
    """The message shows the value, its line, the range and the likely scale."""
    result = described("subject,path,time,valence,arousal", "a,videos/a.mp4,0,0.5,0.5", "a,videos/a.mp4,1,0.1,0.5",
                       "b,videos/b.mp4,0,7,2", "b,videos/b.mp4,1,3,2")  # fmt: skip
    problem = told(result, "line 4")[0]
    assert "holds 7 on line 4, outside [-1, 1]; its values go from 2 to 7, as on a scale of 1..7" in problem.what
    assert "affect_range=[1, 7]" in problem.next


def test_columns_of_any_name_and_separator(described):
    """Tabs, semicolons or bars separate; names are mapped."""
    head = "Lab|Person|Film|Sec|V|A"
    columns = {"site": "Lab", "subject": "person", "path": "Film", "time": "Sec", "valence": "V", "arousal": "A"}
    result = described(
        head, "r|p1|videos/a.mp4|0|1|9", "r|p1|videos/a.mp4|1,5|5|5", columns=columns, affect_range=[1, 9]
    )
    assert result.recordings[0].where == "r/p1/a"
    assert np.allclose(labels_of(result, "a").affect, [[-1, 1], [0, 0]])


def test_frames_are_counted_from_the_number_said(described):
    """Frame numbers become times by the video's own rate, from 0 or from 1."""
    rows = ("subject,path,frame,valence,arousal", "a,videos/a.mp4,1,0,0", "a,videos/a.mp4,26,1,0")
    assert np.allclose(labels_of(described(*rows, first_frame=1), "a").times, [0, 1])


def test_one_rating_per_recording_is_constant(described):
    """Without time and frame a row is a rating of the whole recording."""
    result = described("subject,path,valence,arousal", "a,videos/a.mp4,0.5,-0.5")
    assert np.allclose(labels_of(result, "a").affect, [0.5, -0.5])


def test_rows_that_name_images_are_a_sequence(described):
    """Each row an image: the facts' manifest row, with `clip` and `valid`."""
    rows = [f"s,p,g,clip1,{k},images/{k:05d}.jpg,0.{k},0.1,{int(k != 4)}" for k in range(1, 7)]
    result = described("site,subject,group,clip,frame,path,valence,arousal,valid", *rows, rate=10, first_frame=1)
    assert result.recordings[0].where == "s/p/clip1"
    assert result.recordings[0].video.suffix == ".frames"
    assert np.allclose(labels_of(result, "clip1").times, [0, 0.1, 0.2, 0.4, 0.5])


def test_without_a_site_there_is_none_and_loso_is_advised_against(described):
    """The dataset says so, and the three ways on are told."""
    result = described("subject,path,valence,arousal", "a,videos/a.mp4,0.5,-0.5")
    assert read_dataset(result.root).facts.sites == "none"
    assert all(part in result.advice[0] for part in ("(1)", "(2)", "(3)"))


def test_a_subject_under_two_sites_is_set_aside(described, told):
    """A person who is trained on at one site must not be tested at another."""
    result = described(
        "site,subject,path,valence,arousal", "r,x,videos/a.mp4,0,0", "o,x,videos/b.mp4,0,0", "o,y,videos/a.mp4,0,0"
    )
    assert [r.where for r in result.recordings] == ["o/y/a"]
    assert "several sites: o, r" in told(result, "x:")[0].what
    assert not (result.root / "r").exists()


@pytest.mark.parametrize("path", ["../../etc/passwd.mp4", "/etc/passwd.mp4", "videos/../../x.mp4", "..\\..\\x.mp4"])
def test_a_path_that_leaves_the_source_is_refused(described, told, path):
    """Neither upwards nor absolute paths are followed."""
    result = described("subject,path,valence,arousal", f"a,{path},0,0", "b,videos/b.mp4,0,0")
    assert "leaves" in told(result, "line 2")[0].what
    assert len(result.recordings) == 1


def test_a_missing_file_is_told(described, told):
    """With the path as it was written."""
    result = described("subject,path,valence,arousal", "a,videos/z.mp4,0,0", "b,videos/b.mp4,0,0")
    assert "there is no file videos/z.mp4" in told(result, "line 2")[0].what


def test_formulas_are_text_and_no_numbers(described, told):
    """A cell that a spreadsheet would run is neither run nor counted as a value, and no folder begins with it."""
    result = described("subject,path,valence,arousal", '"=HYPERLINK(""x"")",videos/a.mp4,0,0', "b,videos/b.mp4,=1+1,0")
    assert "no pair of numbers" in told(result, "line 3")[0].what
    assert not result.recordings[0].subject.startswith("=")


def test_a_column_that_is_missing_is_named_with_a_guess(described):
    """The message says which, what there is, and what may be meant."""
    with pytest.raises(DataError, match=r"no column subject: its header names subjekt, path.*Did you mean subjekt"):
        described("subjekt,path,valence,arousal", "a,videos/a.mp4,0,0")


def test_people_of_one_video_under_two_subjects_are_told(described, told):
    """A split by subject would part them; mapping the group as subject keeps them together."""
    rows = ("subject,group,path,valence,arousal", "a_left,a,videos/a.mp4,0,0", "a_right,a,videos/b.mp4,0,0")
    assert "1 groups hold several subjects (first: a)" in told(described(*rows), "manifest.csv")[0].what


def test_an_incomplete_row_is_told(described, told):
    """A row without subject belongs to nobody."""
    result = described("subject,path,valence,arousal", ",videos/a.mp4,0,0", "b,videos/b.mp4,0,0")
    assert "has no subject" in told(result, "line 2")[0].what


def test_two_tables_need_a_choice(described, trees, tmp_path):
    """Which of two files is the manifest is not guessed; the file itself can be given as source."""
    trees.write_text(tmp_path / "source" / "other.csv", "subject,path,valence,arousal", "b,videos/b.mp4,0,0")
    with pytest.raises(DataError, match="2 files may be the manifest"):
        described("subject,path,valence,arousal", "a,videos/a.mp4,0,0")
    result = import_dataset("manifest", tmp_path / "source" / "other.csv", tmp_path / "target")
    assert [r.name for r in result.recordings] == ["b"]


def test_a_word_that_is_not_ours_is_refused(described):
    """The mapping's left side is checked."""
    with pytest.raises(RecipeError, match=r"columns\.sight"):
        described("subject,path", columns={"sight": "lab"})
