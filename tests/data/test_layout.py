"""Promises of the layout: what is complete is indexed, what is not is set aside with a reason, nothing is guessed."""

import os

import pytest

from slimaffect.data import DatasetFacts, read_dataset, write_dataset_yaml
from slimaffect.errors import DataError


@pytest.fixture
def lab(tmp_path):
    """Two sites, two subjects each; the files are empty, for indexing opens none."""
    root = tmp_path / "lab"
    for place in ("A/a1", "A/a2", "B/b1", "B/b2"):
        add(root, f"{place}/one.mp4", f"{place}/one.csv")
    write_dataset_yaml(root, DatasetFacts(name="lab", affect_range=(1, 9), annotation_delay_s=0.5))
    return root


def add(root, *places):
    """Make empty files."""
    for place in places:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).touch()


def found(root):
    """Places of what is used."""
    return [source.where for source in read_dataset(root).sources]


def the_problem(root):
    """The one problem of a dataset."""
    (problem,) = read_dataset(root).problems
    return problem


ALL = ["A/a1/one", "A/a2/one", "B/b1/one", "B/b2/one"]


def test_a_complete_dataset_has_no_problems(lab):
    """Sites, subjects and recordings come in alphabetical order, with what dataset.yaml declares."""
    dataset = read_dataset(lab)
    assert found(lab) == ALL
    assert dataset.problems == ()
    assert dataset.sites == ("A", "B")
    assert (dataset.name, dataset.facts.affect_range, dataset.facts.annotation_delay_s) == ("lab", (1, 9), 0.5)


def test_names_may_hold_blanks_dots_and_any_script(lab):
    """Only the last suffix is cut off; composed and decomposed letters are the same name."""
    add(
        lab,
        "A/a1/día 1.v2.MP4",
        "A/a1/di\u0301a 1.v2.csv",
        "A/a1/10-60-1280x720_right.webm",
        "A/a1/10-60-1280x720_right.csv",
    )
    assert found(lab) == ["A/a1/10-60-1280x720_right", "A/a1/día 1.v2", *ALL]
    assert read_dataset(lab).problems == ()


def test_hidden_files_and_notes_are_no_matter(lab):
    """What a system or a person leaves beside the recordings is passed over."""
    add(lab, ".DS_Store", "A/.thumbs/x.mp4", "A/a1/._one.mp4", "A/a1/notes.txt", "README.md")
    assert found(lab) == ALL
    assert read_dataset(lab).problems == ()


@pytest.mark.parametrize(
    ("places", "where", "what", "next_"),
    [
        (["A/a1/two.mp4"], "A/a1/two.mp4", "has no annotation", "Add two.csv"),
        (["A/a1/two.csv"], "A/a1/two.csv", "has no video beside it", "Add a video"),
        (["A/a1/one.mkv"], "A/a1/one.mkv", "one of 2 videos of that name: one.mkv, one.mp4", "Keep one"),
        (["A/a1/two.wmv"], "A/a1/two.wmv", "is a .wmv file", "Convert it"),
        (["A/a1/raw/two.mp4"], "A/a1/raw", "folder inside a subject's folder", "one level up"),
        (["A/two.mp4"], "A/two.mp4", "outside a subject's folder", "Move it"),
    ],
)
def test_what_is_incomplete_is_set_aside_with_a_reason(lab, places, where, what, next_):
    """Each fault is listed once, with its place and its remedy, and the rest is used."""
    add(lab, *places)
    problem = the_problem(lab)
    assert (problem.where, problem.severity) == (where, "set aside")
    assert what in problem.what
    assert next_ in problem.next
    assert set(found(lab)) >= set(ALL) - {"A/a1/one"}
    assert ("A/a1/one" in found(lab)) == (places != ["A/a1/one.mkv"])


def test_a_subject_under_two_sites_is_set_aside_at_both(lab):
    """Nobody may be trained on at one site and tested at another."""
    add(lab, "B/a1/one.mp4", "B/a1/one.csv")
    assert found(lab) == ["A/a2/one", "B/b1/one", "B/b2/one"]
    problem = the_problem(lab)
    assert problem.where == "A/a1"
    assert "A/a1 and B/a1" in problem.what


def test_links_may_not_leave_the_dataset(lab, tmp_path):
    """A link to somewhere else is a problem, whether it is a file or a folder; one inside is not."""
    outside = tmp_path / "elsewhere"
    add(outside, "secret.mp4", "c1/one.mp4", "c1/one.csv")
    (lab / "A/a1/two.mp4").symlink_to(outside / "secret.mp4")
    add(lab, "A/a1/two.csv")
    (lab / "A/c1").symlink_to(outside / "c1")
    (lab / "A/a1/three.mp4").symlink_to(lab / "A/a1/one.mp4")
    add(lab, "A/a1/three.csv")
    (lab / "B/b1/gone.mp4").symlink_to(lab / "nowhere.mp4")
    assert found(lab) == ["A/a1/one", "A/a1/three", "A/a2/one", "B/b1/one", "B/b2/one"]
    problems = {problem.where: problem.what for problem in read_dataset(lab).problems}
    assert "leaves the dataset" in problems["A/a1/two.mp4"]
    assert "leaves the dataset" in problems["A/c1"]
    assert problems["B/b1/gone.mp4"] == "is a link to nothing"
    assert problems["A/a1/two.csv"] == "has no video beside it"


def test_a_name_that_is_no_text_is_set_aside(lab):
    """Control characters in a name never reach a terminal."""
    add(lab, "A/a1/bad\x1bname.mp4")
    assert "\\x1b" in the_problem(lab).where
    assert "\x1b" not in str(the_problem(lab))


def test_a_lost_site_ends_the_run(lab):
    """When every recording of a site is set aside, the experiment would be another one."""
    for subject in ("b1", "b2"):
        (lab / "B" / subject / "one.csv").unlink()
    with pytest.raises(DataError, match=r"site B has no usable recording.*B/b1/one.mp4: has no annotation"):
        read_dataset(lab)


def test_a_lost_site_is_told_its_own_problems_only(lab):
    """A site whose name another site's name begins with is not blamed for it."""
    add(lab, "B10/x1/one.mp4", "B10/x2/one.mp4", "B10/x2/one.csv")
    (lab / "B/b1/one.csv").unlink()
    (lab / "B/b2/one.csv").unlink()
    with pytest.raises(DataError, match="site B has no usable recording") as caught:
        read_dataset(lab)
    assert "B10" not in str(caught.value)


def test_a_site_folder_without_recordings_is_a_lost_site(lab):
    """An empty site folder is not passed over in silence."""
    (lab / "C").mkdir()
    with pytest.raises(DataError, match="site C has no usable recording"):
        read_dataset(lab)


def test_no_dataset_at_all(tmp_path):
    """A missing folder, a folder without dataset.yaml, and one without recordings each say so."""
    with pytest.raises(DataError, match="no such folder"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"has no dataset\.yaml"):
        read_dataset(tmp_path)
    write_dataset_yaml(tmp_path, DatasetFacts(name="empty"))
    with pytest.raises(DataError, match="no usable recording") as caught:
        read_dataset(tmp_path)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name: [", "is no YAML"),
        ("- 1\n", "name: Field required"),
        ("name: lab\naffect_rnge: [0, 1]\n", "affect_rnge: Extra inputs"),
        ("name: lab\naffect_range: [1, -1]\n", "the lower bound comes first"),
        ("name: lab\nannotation_delay_s: -1\n", "annotation_delay_s"),
    ],
)
def test_a_faulty_dataset_yaml_is_refused(lab, text, reason):
    """The file, the key and what it may hold are named."""
    (lab / "dataset.yaml").write_text(text)
    with pytest.raises(DataError, match=r"dataset\.yaml") as caught:
        read_dataset(lab)
    assert reason in str(caught.value)


def test_what_is_written_is_read_again(tmp_path):
    """dataset.yaml keeps what it was given, in any script."""
    facts = DatasetFacts(name="día", licence="CC0-1.0", affect_range=(0, 10), annotation_delay_s=2.5)
    write_dataset_yaml(tmp_path, facts)
    add(tmp_path, "A/a1/one.mp4", "A/a1/one.csv")
    assert read_dataset(tmp_path).facts == facts


def test_problems_are_plain_values(lab):
    """A problem can be written as JSON and read as a sentence."""
    add(lab, "A/a1/two.csv")
    problem = the_problem(lab)
    assert set(problem.as_dict()) == {"where", "what", "next", "severity"}
    assert (
        str(problem) == "A/a1/two.csv: has no video beside it. Add a video of the same name, or remove the annotation"
    )


def test_boxes_stand_beside_their_video(tmp_path, films):
    """<recording>.boxes.csv is no annotation: it belongs to its video, and without one it is told."""
    for place in ("A/a1/task", "B/b1/task"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / f"{place}.mp4").touch()
        films.labels(tmp_path / f"{place}.csv", 2.0)
    (tmp_path / "A/a1/task.boxes.csv").touch()
    (tmp_path / "A/a1/gone.boxes.csv").touch()
    write_dataset_yaml(tmp_path, DatasetFacts(name="lab"))
    dataset = read_dataset(tmp_path)
    assert [source.boxes for source in dataset.sources] == [tmp_path / "A/a1/task.boxes.csv", None]
    (problem,) = dataset.problems
    assert (problem.where, problem.what) == ("A/a1/gone.boxes.csv", "has no video beside it")


@pytest.mark.parametrize("name", ["one.mp4", "one.csv"])
def test_a_pipe_is_told_and_never_opened(lab, name):
    """Whoever opens a pipe waits for ever: its recording is set aside before that."""
    (lab / "A/a1" / name).unlink()
    os.mkfifo(lab / "A/a1" / name)
    assert found(lab) == ALL[1:]
    told = {problem.where: problem.what for problem in read_dataset(lab).problems}
    assert told[f"A/a1/{name}"] == "is neither a file nor a folder"
