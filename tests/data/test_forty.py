"""The promise of the whole room: forty recordings, twelve broken in twelve ways, and nothing else is lost."""

import shutil

import pytest
from typer.testing import CliRunner

from slimaffect.cli import app
from slimaffect.data import ClipSettings, DatasetFacts, DataSettings, prepare, write_dataset_yaml
from slimaffect.errors import DataError

LABELS = "time,valence,arousal\n"

# What is broken, what replaces which file (None removes it), and a part of the reason that is told.
BROKEN = [
    ("task.mp4", b"", "the file is empty (0 bytes)"),
    ("task.mp4", b"<html>404 not found</html>", "cannot be opened as mp4"),
    ("task.mp4", "sound", "has no video stream, it holds audio"),
    ("task.mp4", "short", "has 4 frames, a clip has 5"),
    ("task.mp4", "nobody", "shows no face that can be found"),
    ("task.mp4", None, "has no video beside it"),
    ("task.csv", None, "has no annotation"),
    ("task.csv", b"PK\x03\x04\x00\x00", "is binary, not text"),
    ("task.csv", (LABELS + "0,0,0\n1,,0\n").encode(), "rows that are empty or NaN"),
    ("task.csv", (LABELS + "0,0,0\n2,-5,0\n").encode(), "outside [-1, 1]"),
    ("task.csv", (LABELS + "0,0,0\n2000,0,0\n").encode(), "look like milliseconds"),
    ("task.csv", (LABELS + "1,0,0\n0,0,0\n").encode(), "times that do not rise"),
]


@pytest.fixture(scope="module")
def forty(films, tmp_path_factory):
    """Two sites with twenty people each; the first six at either site have a broken recording."""
    root = tmp_path_factory.mktemp("forty") / "lab"
    made = root.parent
    good = films.film(made / "good.mp4", [films.face()] * 10, rate=10)
    videos = {
        "sound": films.audio(made / "sound.mp4"),
        "short": films.film(made / "short.mp4", [films.face()] * 4, rate=10),
        "nobody": films.film(made / "nobody.mp4", [films.still()] * 10, rate=10),
    }
    for number in range(40):
        folder = root / f"S{number % 2 + 1}" / f"p{number:02d}"
        films.labels(folder / "task.csv", 1.0)
        shutil.copyfile(good, folder / "task.mp4")
        if number < len(BROKEN):
            name, content, _ = BROKEN[number]
            (folder / name).unlink()
            if isinstance(content, bytes):
                (folder / name).write_bytes(content)
            elif content:
                shutil.copyfile(videos[content], folder / name)
    write_dataset_yaml(root, DatasetFacts(name="lab"))
    return DataSettings(source=str(root), rate=10, pixels=16, clip=ClipSettings(frames=5, stride=5))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Where it is prepared."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def prepared(forty, cache):
    """The dataset, prepared."""
    return prepare(forty, cache)


def test_twenty_eight_are_prepared(prepared):
    """Every sound recording is there, whole, with all its faces."""
    recordings = prepared.clips.recordings
    assert sorted(recording.subject for recording in recordings) == [f"p{n:02d}" for n in range(12, 40)]
    assert all(len(recording) == 10 and recording.valid.all() for recording in recordings)


def test_twelve_are_listed_each_with_its_own_reason(prepared):
    """One line per broken recording: where it is, what is wrong, and what would mend it."""
    aside = {problem.where: problem for problem in prepared.problems if problem.severity == "set aside"}
    assert len(aside) == 12
    assert len({problem.what for problem in aside.values()}) == 12
    for number, (_, _, what) in enumerate(BROKEN):
        (problem,) = (p for where, p in aside.items() if where.startswith(f"S{number % 2 + 1}/p{number:02d}/"))
        assert what in problem.what
        assert problem.next


def test_nothing_else_is_told_but_the_uneven_sites(prepared):
    """The one recording of nobody makes its site's coverage lower: a warning, and no other."""
    warnings = [problem for problem in prepared.problems if problem.severity == "warning"]
    assert [problem.where for problem in warnings] == ["S1"]
    assert "a face is found in" in warnings[0].what


def test_strict_refuses_with_exit_code_three(forty, tmp_path):
    """`--strict` ends the run before anything is decoded, and lists what the index knows."""
    with pytest.raises(DataError, match="2 problems, and --strict accepts none") as caught:
        prepare(forty, tmp_path / "cache", strict=True)
    assert caught.value.exit_code == 3


def test_a_check_lists_them_and_ends_with_zero_and_strictly_with_three(forty, prepared, cache):
    """What a person sees: every broken recording by its place, exit code 0, and 3 where nothing may be set aside."""
    reading = [part for text in ("rate=10", "pixels=16", "clip.frames=5") for part in ("--set", f"data.{text}")]
    told = ["data", "check", forty.source, *reading, "--set", "data.clip.stride=5", "--cache", str(cache)]
    outcome = CliRunner().invoke(app, [*told, "--workers", "1", "--allow-uneven"])
    assert outcome.exit_code == 0, outcome.output
    places = {problem.where for problem in prepared.problems if problem.severity == "set aside"}
    assert len(places) == 12
    assert all(place.split("/")[1] in outcome.output for place in places), outcome.output
    assert CliRunner().invoke(app, [*told, "--workers", "1", "--allow-uneven", "--strict"]).exit_code == 3
