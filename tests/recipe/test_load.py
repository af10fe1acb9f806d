"""Which file a recipe comes from, and what is said when it cannot be read."""

import os
from pathlib import Path

import pytest

from slimaffect.errors import RecipeError
from slimaffect.model.count import parameters
from slimaffect.recipe import load_recipe, shipped

TRAIN = "steps:\n  - train: {epochs: 2}\n"
DISTILL = "steps:\n  - train: {epochs: 2}\n  - distill: {student: tiny}\n"


def refusal(path: Path | str) -> str:
    """Load a recipe that must be refused and return the message."""
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize(
    "file", sorted((shipped()["baseline"].parent / "reference").glob("*.yaml")), ids=lambda f: f.stem
)
def test_the_recipes_of_the_reference_benchmark_load(file):
    """Each says how to run it, reads 64 pixels, and trains the same residual baseline of a million parameters."""
    recipe = load_recipe(file)
    assert "slim run" in file.read_text() or "benchmarks/reference.py" in file.read_text()
    assert recipe.variants[0].steps == load_recipe(file.with_name("baseline.yaml")).variants[0].steps
    assert (recipe.data.pixels, round(parameters(recipe.spec), -4)) == (64, 1_030_000)


FULL_SIZE = {"workingage", "workingage_slim"}  # they need a dataset of one's own, and GPUs


@pytest.mark.parametrize("name", sorted(set(shipped()) - FULL_SIZE))
def test_every_shipped_recipe_loads(name: str) -> None:
    """Every shipped recipe is found by its bare name, says what it is and how to launch it, and has a baseline."""
    recipe = load_recipe(name)
    first_lines = shipped()[name].read_text().splitlines()[:3]
    assert recipe.variants[0].name == "baseline"
    assert recipe.about
    assert recipe.data.source == "synthetic"
    assert f"# Run it with:  slim run {name}" in first_lines


def test_the_shipped_recipes_are_these() -> None:
    """The shipped recipes are found whether the package is a source tree or a wheel."""
    assert set(shipped()) >= {"baseline", "distill", "quantise"}


def test_the_distill_recipe_sweeps_students_and_precisions() -> None:
    """It gives the baseline and three students in two precisions, in reading order."""
    names = [variant.name for variant in load_recipe("distill").variants]
    assert names == ["baseline", "resnet8-fp32", "resnet8-int8", "small-fp32", "small-int8", "micro-fp32", "micro-int8"]


def test_a_missing_file_suggests_a_neighbour(tmp_path: Path) -> None:
    """A mistyped file name is answered with the name that was meant."""
    (tmp_path / "distill.yaml").write_text(TRAIN)
    assert "there is no such file. Did you mean `distill.yaml`?" in refusal(tmp_path / "distil.yaml")


def test_a_missing_name_suggests_a_shipped_recipe() -> None:
    """A mistyped bare name is answered with the shipped recipe that was meant."""
    assert "there is no such file. Did you mean `quantise`?" in refusal("quantize")


def test_an_empty_name_lists_the_shipped_recipes() -> None:
    """An empty name is no recipe, least of all the current folder."""
    assert "its name is empty. Shipped: baseline" in refusal("")


def test_a_folder_lists_the_recipes_in_it(tmp_path: Path) -> None:
    """A folder is refused with the recipes in it."""
    (tmp_path / "mine.yaml").write_text(TRAIN)
    assert "is a folder. Name a recipe in it: mine.yaml" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "broken.yaml:1: this is no UTF-8 text: byte 0x89"),
        (b"steps:\n  - train\nabout: \xff\n", "broken.yaml:3: this is no UTF-8 text: byte 0xff"),
        (b"about: a\0b\n", "broken.yaml:1: the character U+0000 cannot stand in YAML"),
        ("steps: [train]".encode("utf-16"), "broken.yaml:1: this is no UTF-8 text"),
        (b"", "broken.yaml:1: the recipe is empty. Begin with `steps:`"),
        (b"# only a comment\n", "broken.yaml:1: the recipe is empty"),
        (b"- train\n- quantise\n", "broken.yaml:1: a recipe is a mapping of sections; this is a list"),
        (b"train", "broken.yaml:1: a recipe is a mapping of sections; this is the text `train`"),
        (b"a" * (1 << 20) + b"a", "broken.yaml: has 1,048,577 bytes; 1,048,576 are the most"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(content: bytes, fragment: str, tmp_path: Path) -> None:
    """Binary files, other encodings, empty files and books are refused in a sentence, not a traceback."""
    (tmp_path / "broken.yaml").write_bytes(content)
    assert fragment in refusal(tmp_path / "broken.yaml")


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """A recipe saved by Windows' editors, with a byte order mark and CRLF, is read."""
    (tmp_path / "recipe.yaml").write_bytes(b"\xef\xbb\xbf" + TRAIN.replace("\n", "\r\n").encode())
    assert len(load_recipe(tmp_path / "recipe.yaml").variants) == 1


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs POSIX users")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    """A recipe that may not be read is refused with the system's reason."""
    file = tmp_path / "secret.yaml"
    file.write_text(TRAIN)
    file.chmod(0)
    was = os.geteuid()
    try:
        if was == 0:
            os.seteuid(65534)  # root may read everything; nobody may not
        message = refusal(file)
    finally:
        os.seteuid(was)
    assert "secret.yaml: cannot be read: Permission denied" in message


def test_a_pipe_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    """Reading a pipe would wait for ever."""
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "pipe.yaml: is no regular file" in refusal(tmp_path / "pipe.yaml")


def test_names_that_no_file_can_have_are_refused(tmp_path: Path) -> None:
    """A null byte, an endless name and a folder that is a file are faults like others."""
    (tmp_path / "file").touch()
    assert "cannot be read" in refusal("a\0b.yaml")
    assert "cannot be read" in refusal("x" * 5000)
    assert "cannot be read: Not a directory" in refusal(tmp_path / "file" / "recipe.yaml")


def test_extends_replaces_whole_sections(tmp_path: Path) -> None:
    """A section of the recipe replaces the base's; nothing of the base's section is left in it."""
    (tmp_path / "base.yaml").write_text("evaluate: {seeds: [3], margin: 0.1}\nmodel: tiny\n" + TRAIN)
    (tmp_path / "mine.yaml").write_text("extends: base.yaml\nevaluate: {seeds: [4]}\n")
    recipe = load_recipe(tmp_path / "mine.yaml")
    assert (recipe.evaluate.seeds, recipe.evaluate.margin, recipe.model) == ((4,), 0.03, "tiny")


def test_extends_finds_a_shipped_recipe(tmp_path: Path) -> None:
    """A recipe outside the package may extend a shipped one by its name, with or without the ending."""
    for name in ("baseline", "baseline.yaml"):
        (tmp_path / "mine.yaml").write_text(f"extends: {name}\nabout: mine\n")
        assert load_recipe(tmp_path / "mine.yaml").variants == load_recipe("baseline").variants


def test_a_fault_in_the_base_is_told_with_the_bases_line(tmp_path: Path) -> None:
    """Faults stand where they were written, in the base or in the recipe."""
    (tmp_path / "base.yaml").write_text("about: x\nmodel: refrence\n" + TRAIN)
    (tmp_path / "mine.yaml").write_text("extends: base.yaml\nevaluate: {margin: -1}\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe(tmp_path / "mine.yaml")
    assert [Path(fault.where).name for fault in caught.value.faults] == ["base.yaml:2", "mine.yaml:2"]


def test_a_chain_of_bases_is_refused_with_both_lines(tmp_path: Path) -> None:
    """One level is the most: who reads a recipe opens two files, not five."""
    (tmp_path / "a.yaml").write_text(TRAIN)
    (tmp_path / "b.yaml").write_text("about: b\nextends: a.yaml\n")
    (tmp_path / "c.yaml").write_text("extends: b.yaml\n")
    message = refusal(tmp_path / "c.yaml")
    assert message.startswith(f"{tmp_path / 'c.yaml'}:1: `b.yaml` extends `a.yaml` itself ({tmp_path / 'b.yaml'}:2)")


@pytest.mark.parametrize(
    ("line", "fragment"),
    [
        ("extends: bass.yaml", "mine.yaml:2: there is no recipe `bass.yaml` to extend. Did you mean `base.yaml`?"),
        ("extends: mine.yaml", "mine.yaml:2: the recipe extends itself"),
        ("extends: [base.yaml]", "mine.yaml:2: `extends` is a list; it must be a file's name"),
        ("extends:", "mine.yaml:2: `extends` is `null`; it must be a file's name"),
        ("extends: ..", "mine.yaml:2: there is no recipe `..` to extend"),
        ('extends: "a\tb\\0"', "mine.yaml:2: "),
    ],
)
def test_a_bad_base_is_refused(line: str, fragment: str, tmp_path: Path) -> None:
    """A base that is missing, the recipe itself, or no name at all is a fault of the line that names it."""
    (tmp_path / "base.yaml").write_text(TRAIN)
    (tmp_path / "mine.yaml").write_text(f"about: x\n{line}\n")
    assert fragment in refusal(tmp_path / "mine.yaml")


@pytest.mark.parametrize("name", sorted(FULL_SIZE))
def test_full_size_recipes_share_their_training(name: str) -> None:
    """Both recipes of the full size begin with the same training, so that the second finds it in the cache."""
    recipe, full = load_recipe(name), load_recipe("workingage")
    assert recipe.variants[0].steps == full.variants[0].steps
    assert recipe.spec == full.spec
    assert recipe.data == full.data
    assert (recipe.spec.lstm.layers, recipe.spec.lstm.hidden) == (2, 256)
