"""`--set` and `--data`."""

from pathlib import Path

import pytest

from slimaffect.errors import RecipeError
from slimaffect.evaluate.groups import SubjectGroups
from slimaffect.recipe import Recipe, load_recipe

TEXT = "data: synthetic\nsteps:\n  - train\n  - distill: {student: tiny, epochs: 3}\n  - quantise: {to: {sweep: [fp16, int8]}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A recipe to override."""
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT)
    return path


def first(recipe: Recipe, step: str) -> dict:
    """Return the settings of a step as the recipe has them."""
    return next(line[step] for line in recipe.steps if step in line)


def test_values_are_put_in_by_section_by_number_and_by_step(file: Path) -> None:
    """A path begins with a section, with `steps.N`, or with the name of a step."""
    recipe = load_recipe(
        file,
        overrides=[
            "data.pixels=64",
            "evaluate.seeds=[0, 1, 2]",
            "steps.0.train.epochs=7",
            "distill.epochs=2",
            "about=a",
        ],
    )
    assert (recipe.data.pixels, recipe.evaluate.seeds) == (64, (0, 1, 2))
    assert first(recipe, "train")["epochs"] == 7
    assert first(recipe, "distill")["epochs"] == 2
    assert recipe.about == "a"


def test_a_later_value_wins(file: Path) -> None:
    """Values are put in from left to right."""
    assert load_recipe(file, overrides=["data.pixels=64", "data.pixels=32"]).data.pixels == 32


def test_a_sweep_is_replaced_or_changed(file: Path) -> None:
    """A sweep can be replaced by a value, given anew, or changed in one of its values."""
    names = lambda text: [v.name for v in load_recipe(file, overrides=[text]).variants][1:]  # noqa: E731
    assert names("quantise.to=int8") == ["distill-quantise"]
    assert names("quantise.to={sweep: [fp32, int8]}") == ["fp32", "int8"]
    assert names("quantise.to.sweep.0=fp32") == ["fp32", "int8"]


def test_a_named_shape_is_written_out_to_change_a_part_of_it(file: Path) -> None:
    """`model.lstm.layers=0` turns the reference into its per-frame control and leaves the rest as it was."""
    recipe = load_recipe(file, overrides=["model.lstm.layers=0", "data.pixels=64"])
    assert recipe.spec.lstm.layers == 0
    assert recipe.spec.model_copy(update={"lstm": load_recipe(file).spec.lstm, "pixels": 48}) == load_recipe(file).spec


def test_folds_by_groups_replace_folds_by_site(file: Path) -> None:
    """The words of the refusal work as they stand, whether or not the recipe says `folds: site`."""
    for text in (TEXT, TEXT + "folds: site\n", TEXT + "folds: {subject_groups: 9, seed: 0}\n"):
        file.write_text(text)
        recipe = load_recipe(file, overrides=["folds.subject_groups=4", "folds.seed=2"])
        assert recipe.folds == SubjectGroups(subject_groups=4, seed=2)


def test_data_replaces_the_source_and_keeps_the_rest(file: Path) -> None:
    """`--data PATH` is the same preparation on another dataset."""
    file.write_text(TEXT.replace("data: synthetic", "data: {pixels: 32}"))
    recipe = load_recipe(file, data="/data/ours")
    assert (recipe.data.source, recipe.data.pixels) == ("/data/ours", 32)


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("train.epoch=2", "unknown key `epoch` in `train`. Did you mean `epochs`?"),
        ("trian.epochs=2", "the recipe has no section or step `trian`. Did you mean `train`?"),
        ("dat.pixels=2", "no section or step `dat`. Did you mean `data`?"),
        ("extends=other.yaml", "no section or step `extends`"),
        ("steps.9.train.epochs=2", "there is no step `9`. Steps by number: 0 train, 1 distill, 2 quantise"),
        ("steps.first.epochs=2", "there is no step `first`"),
        ("steps.0.distill.epochs=2", "step 0 is `train`, not `distill`. Write `steps.0.train`"),
        ("evaluate.seeds.0.x=2", "`seeds` is a mapping; it must be a list of whole numbers"),
        ("distill.epochs.x=2", "`steps.1.distill.epochs` is `3` and holds no `x`"),
        ("quantise.to.sweep.7=int8", "`7` is no item of a list of 2. Items count from 0"),
        ("train.epochs=-2", "`epochs` is `-2`; it must be"),
        ("train.epochs=[1", "this is no YAML"),
        ("train={epochs: 1, epochs: 2}", "`epochs` is written twice"),
        ("train.epochs", "is no path=value. Write `--set train.epochs=2`"),
        ("=2", "is no path=value"),
        ("model=refrence", "Did you mean `reference`?"),
        ("evaluate=", "`evaluate` is `null`; it must be a mapping with seeds"),
        (
            "folds=sites",
            "`folds` is the text `sites`; it must be site, or a mapping with subject_groups, seed. Did you",
        ),
        ("folds.subject_groups=1", "`subject_groups` is `1`; it must be greater than or equal to 2"),
    ],
)
def test_a_wrong_override_says_where_it_came_from(text: str, fragment: str, file: Path) -> None:
    """The fault names the argument instead of a line, with a suggestion."""
    with pytest.raises(RecipeError) as caught:
        load_recipe(file, overrides=[text])
    (fault,) = caught.value.faults
    assert fault.where == f"--set {text}"
    assert fragment in f"{fault.what}. {fault.next}"


def test_a_step_that_stands_twice_must_be_numbered(file: Path) -> None:
    """A name that means two steps is not guessed at."""
    file.write_text("steps: [train, {distill: {student: tiny}}, train]")
    with pytest.raises(RecipeError) as caught:
        load_recipe(file, overrides=["train.epochs=2"])
    (fault,) = caught.value.faults
    assert fault.what == "`train` stands in `steps` 2 times"
    assert fault.next == "Write `steps.0.train.epochs` or `steps.2.train.epochs`"


def test_faults_of_overrides_come_with_those_of_the_file(file: Path) -> None:
    """Whatever is wrong, in the file or on the command line, is told at once; the file's faults come first."""
    file.write_text(TEXT + "evaluate: {margin: -1}\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe(file, overrides=["train.epoch=2", "nonsense"], data="")
    assert [fault.where for fault in caught.value.faults] == [
        f"{file}:6",
        "--data ",
        "--set nonsense",
        "--set train.epoch=2",
    ]
