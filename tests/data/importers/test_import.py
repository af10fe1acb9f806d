"""What every import keeps to: links, confinement, nothing dropped in silence, all or nothing."""

import json
import os
import random

import numpy as np
import pytest
import yaml

from slimaffect.data import DataSettings, prepare, read_dataset
from slimaffect.data.importers import FORMATS, format_of, import_dataset, options_of
from slimaffect.data.importers.names import safe
from slimaffect.errors import DataError, RecipeError

NAMES = ["afew-va", "aff-wild2", "avec-recola", "avec-sewa", "manifest", "multisite", "omg", "recola"]


def test_the_folder_is_the_list(trees):
    """Every format of the issue is there, says what it reads, and has a tree to test it with."""
    assert list(FORMATS) == NAMES == sorted(trees.TREES)
    assert all(
        kind.__doc__ and all(field.description for field in kind.model_fields.values()) for kind in FORMATS.values()
    )


@pytest.mark.parametrize("name", NAMES)
def test_an_imported_dataset_is_prepared_into_clips(imported, tmp_path, name):
    """Import, layout and preparation fit together: every recording that was imported yields frames with labels."""
    result = imported(name)
    clip = {"frames": 2, "stride": 2}
    settings = DataSettings(source=str(result.root), detector="none", pixels=16, rate=10, clip=clip)
    prepared = prepare(settings, tmp_path / "cache")
    assert {r.name for r in prepared.clips.recordings} == {r.name for r in result.recordings}
    assert all(r.valid.any() and np.isfinite(r.affect[r.valid]).all() for r in prepared.clips.recordings)


@pytest.mark.parametrize("name", NAMES)
def test_videos_are_linked_and_the_source_stays_as_it_was(imported, mutations, tmp_path, trees, name):
    """Nothing is copied or changed."""
    trees.TREES[name](tmp_path / "source")
    before = mutations.snapshot(tmp_path / "source")
    result = imported(name)
    mutations.check_target(result.root, tmp_path / "source")
    assert all(r.video.is_symlink() or r.video.suffix == ".frames" for r in result.recordings)
    assert mutations.snapshot(tmp_path / "source") == before


@pytest.mark.parametrize("name", ["aff-wild2", "afew-va"])
def test_copies_need_no_source(imported, tmp_path, name):
    """`copy_media` brings videos and images along: the dataset works when the source is gone."""
    result = imported(name, copy_media=True)
    (tmp_path / "source").rename(tmp_path / "gone")
    assert not any(path.is_symlink() for path in result.root.rglob("*"))
    settings = DataSettings(source=str(result.root), detector="none", pixels=16, clip={"frames": 2, "stride": 2})
    assert len(prepare(settings, tmp_path / "cache").clips.recordings) == len(result.recordings)


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_used_or_told(imported, tmp_path, name):
    """A stray file in any folder, hidden or not, is told with its place."""

    def stray(source):
        for folder in [source, *(path for path in source.rglob("*") if path.is_dir())]:
            (folder / "stray.dat").write_text("x")
            (folder / "._stray.tmp").write_text("x")

    result = imported(name, stray)
    told = {
        (problem.where, suffix) for problem in result.problems for suffix in (".dat", ".tmp") if suffix in problem.what
    }
    folders = [tmp_path / "source", *(path for path in (tmp_path / "source").rglob("*") if path.is_dir())]
    places = {path.relative_to(tmp_path / "source").as_posix() for path in folders}
    assert told == {(place, suffix) for place in places for suffix in (".dat", ".tmp")}


def test_the_record_tells_what_was_imported(imported):
    """import.json holds format, source, options and every problem."""
    result = imported("omg", rate=10)
    record = json.loads((result.root / "import.json").read_text())
    assert (record["format"], record["options"]) == ("omg", {"rate": 10.0})
    assert record["problems"] == [problem.as_dict() for problem in result.problems]


def test_a_table_gives_sites_to_a_dataset_without(imported, tmp_path, trees, told):
    """A column is named as site by a table of subjects; a subject without a row is set aside."""
    table = trees.write_text(tmp_path / "sites.csv", "Subject;Site", "P16;north")
    result = imported("recola", sites=table)
    assert [r.where for r in result.recordings] == ["north/P16/P16"]
    assert "P17 has no row in the table of sites" in told(result, "P17")[0].what
    assert read_dataset(result.root).facts.sites == "folders"


def test_dataset_yaml_declares_what_the_layout_needs(imported, tmp_path):
    """Name, licence, delay, gap and the one folder that links may point into."""
    result = imported("recola", dataset="RECOLA", licence="by agreement", delay_s=2.0)
    declared = yaml.safe_load((result.root / "dataset.yaml").read_text())
    assert declared | {"sites": "none", "label_gap_s": 0.2, "annotation_delay_s": 2.0, "name": "RECOLA"} == declared
    assert declared["media"] == str((tmp_path / "source").resolve())


def test_a_target_that_is_there_is_refused(imported, tmp_path):
    """Nothing is overwritten."""
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "mine.txt").write_text("x")
    with pytest.raises(DataError, match="is there already"):
        imported("recola")
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["mine.txt"]


def test_a_target_inside_the_source_is_refused(trees, tmp_path):
    """The source stays untouched."""
    source = trees.recola(tmp_path / "source")
    with pytest.raises(DataError, match="lies inside"):
        import_dataset("recola", source, source / "slim")


def test_a_source_of_another_format_is_refused(trees, tmp_path):
    """The message says what was looked for; nothing is left behind."""
    with pytest.raises(DataError, match="no recording of the format omg can be used"):
        import_dataset("omg", trees.recola(tmp_path / "source"), tmp_path / "target")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_source_that_is_not_there_is_refused(tmp_path):
    """With its path."""
    with pytest.raises(DataError, match="there is no such folder"):
        import_dataset("recola", tmp_path / "nothing", tmp_path / "target")


def test_unknown_formats_and_options_are_refused_with_the_choice():
    """Each with what there is."""
    with pytest.raises(RecipeError, match="Choose one of afew-va, aff-wild2"):
        format_of("afew", {})
    with pytest.raises(RecipeError, match=r"option rates: Extra inputs.*afew-va takes .*rate"):
        format_of("afew-va", {"rates": 25})


def test_pairs_become_options():
    """Values are YAML, a dot reaches into a mapping; a pair without value is refused."""
    assert options_of(["rate=12.5", "columns.site=lab"]) == {"rate": 12.5, "columns": {"site": "lab"}}
    with pytest.raises(RecipeError, match="has no value"):
        options_of(["rate"])
    with pytest.raises(RecipeError, match=r"option columns\.site.*stands beside columns=3"):
        options_of(["columns=3", "columns.site=lab"])


def test_a_broken_video_is_told_with_its_own_reason(imported, told):
    """It is set aside and the others are imported."""
    result = imported("recola", lambda s: (s / "RECOLA-Video-recordings" / "P17.mp4").write_bytes(b""))
    assert "is empty" in told(result, "P17")[0].what
    assert [r.name for r in result.recordings] == ["P16"]


def test_binary_and_endless_lines_are_told(imported, told):
    """NUL bytes, a line beyond the limit and a file of 10 GB are refused without being read whole."""

    def spoil(source):
        folder = source / "labels"
        (folder / "Train_DE_01.csv").write_bytes(b"a;0;0\0;0;0\n")
        (folder / "Devel_DE_01.csv").write_bytes(b"1" * 200_000)
        with (folder / "Test_HU_01.csv").open("wb") as file:
            file.truncate(10 << 30)

    result = imported("avec-sewa", spoil)
    assert "is binary" in told(result, "Train_DE_01.csv")[0].what
    assert "more than 65536 characters on line 1" in told(result, "Devel_DE_01.csv")[0].what
    assert "has 10737 MB" in told(result, "Test_HU_01.csv")[0].what


def test_links_out_and_loops_and_pipes_are_told(imported, told, tmp_path):
    """A link that leaves, a link to itself, a link to a folder above and a pipe are problems, never followed."""
    (tmp_path / "secret.csv").write_text("x")

    def spoil(source):
        (source / "labels" / "out.csv").symlink_to(tmp_path / "secret.csv")
        (source / "labels" / "loop.csv").symlink_to("loop.csv")
        (source / "labels" / "up").symlink_to("..")
        os.mkfifo(source / "labels" / "pipe.csv")

    result = imported("avec-sewa", spoil)
    assert "leaves the folder" in told(result, "labels/out.csv")[0].what
    assert "to itself" in told(result, "labels/loop.csv")[0].what
    assert "link to a folder" in told(result, "labels/up")[0].what
    assert "neither a file nor a folder" in told(result, "labels/pipe.csv")[0].what


def test_hostile_names_become_harmless_folders(imported, tmp_path):
    """An actor called ../../x, or a control character, leads nowhere and stays apart from its neighbours."""

    def rename(source):
        for clip, actor in (("001", "../../x"), ("002", "a\u001b[31m"), ("004", "__.._x")):
            path = source / clip / f"{clip}.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"actor": actor}))

    result = imported("afew-va", rename)
    assert len({r.subject for r in result.recordings}) == 5
    assert all(r.labels.resolve().is_relative_to(tmp_path / "target") for r in result.recordings)
    assert all(
        "/" not in r.subject and r.subject.isprintable() and not r.subject.startswith(".") for r in result.recordings
    )


def test_safe_names_keep_apart_what_was_apart():
    """Two names that replacing would make equal stay two; a safe name stays itself."""
    rng = random.Random(0)
    raw = {"".join(rng.choice("ab/\\\x00 .=é") for _ in range(rng.randint(0, 6))) for _ in range(2000)}
    made = {name: safe(name) for name in raw}
    assert len(set(made.values())) == len(raw)
    assert all(safe(name) == name and name not in {"", ".", ".."} and "/" not in name for name in made.values())


def test_a_video_of_an_unknown_codec_is_told(imported, told):
    """A codec that FFmpeg has no decoder for is a reason in words."""

    def spoil(source):
        path = source / "RECOLA-Video-recordings" / "P17.mp4"
        path.write_bytes(path.read_bytes().replace(b"mp4v", b"zzzz").replace(b"esds", b"free"))

    assert "its codec is unknown" in told(imported("recola", spoil), "P17")[0].what
