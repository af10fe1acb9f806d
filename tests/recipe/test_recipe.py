"""The recipe as a value: defaults, printing, hashing."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from slimaffect.errors import Fault, RecipeError
from slimaffect.model.shapes import SHAPES
from slimaffect.recipe import Recipe, load_recipe, recipe_hash, resolved_yaml, shipped

TRAIN = {"train": {"epochs": 2}}
once = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def reloaded(recipe: Recipe, folder: Path) -> Recipe:
    """Print a recipe and load what was printed."""
    (folder / "resolved.yaml").write_text(resolved_yaml(recipe))
    return load_recipe(folder / "resolved.yaml")


def faults_or_recipe(path: Path | str, **arguments: Any) -> tuple[list[Fault], Recipe | None]:
    """Load what may be right or wrong; any other exception than a RecipeError fails the test."""
    try:
        return [], load_recipe(path, **arguments)
    except RecipeError as error:
        return error.faults, None


def test_the_defaults_are_the_documented_ones() -> None:
    """One default per decision."""
    recipe = Recipe.model_validate({"steps": [TRAIN]})
    assert recipe.data.source == "synthetic"
    assert recipe.model == "reference"
    assert recipe.folds == "site"
    assert recipe.evaluate.model_dump() == {"seeds": (0,), "margin": 0.03, "replicates": 5000}
    assert recipe.deploy.model_dump() == {
        "clip_frames": 16,
        "runtimes": "auto",
        "engine": "rtx",
        "engine_batch": (1, 1, 4),
        "engine_time": (1, 16, 64),
        "engine_capabilities": ("8.6", "8.9", "12.0"),
        "threads": 1,
    }
    assert recipe.execution.model_dump(include={"on", "workers", "threads", "device", "gpus"}) == {
        "on": "local",
        "workers": "auto",
        "threads": 1,
        "device": "auto",
        "gpus": 0,
    }


def test_a_named_shape_reads_the_crops_that_data_prepares() -> None:
    """A shape's own size is only a default: a recipe says in one place how large the crops are."""
    recipe = Recipe.model_validate({"steps": [TRAIN], "model": "resnet18", "data": {"pixels": 64}})
    assert recipe.spec == SHAPES["resnet18"].model_copy(update={"pixels": 64})


def test_a_spec_reads_the_crops_that_data_prepares(tmp_path: Path) -> None:
    """A model that is written out need not repeat the size of the crops."""
    (tmp_path / "r.yaml").write_text(
        "data: {pixels: 64}\nmodel: {cnn: {kind: plain, widths: [8]}}\nsteps: [train, {distill: {student: {cnn: {kind: plain, widths: [4]}}}}]\n"
    )
    recipe = load_recipe(tmp_path / "r.yaml")
    assert (recipe.spec.pixels, recipe.variants[1].steps[1].model_dump()["student"]["pixels"]) == (64, 64)


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_recipe_survives_printing(name: str, tmp_path: Path) -> None:
    """The printed recipe loads back to an equal one, with an equal hash and the same variants, and stays as it is."""
    recipe = load_recipe(name)
    again = reloaded(recipe, tmp_path)
    assert again == recipe
    assert recipe_hash(again) == recipe_hash(recipe)
    assert again.variants == recipe.variants
    assert resolved_yaml(again) == resolved_yaml(recipe)


def test_the_printed_recipe_has_the_defaults_and_keeps_the_sweeps(tmp_path: Path) -> None:
    """A stored recipe outlives a change of defaults, and short forms are written out."""
    (tmp_path / "r.yaml").write_text("steps:\n- train\n- quantise: {to: {sweep: [int8]}}\n")
    recipe = load_recipe(tmp_path / "r.yaml")
    assert recipe.steps[0]["train"].keys() == set(type(recipe.variants[0].steps[0]).model_fields)
    assert recipe.steps[1]["quantise"]["to"] == {"sweep": ["int8"]}
    assert reloaded(recipe, tmp_path) == recipe


def test_a_recipe_survives_json_and_the_way_to_a_worker(sent) -> None:
    """Results store recipes, and workers receive them."""
    recipe = load_recipe("distill")
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    assert sent(recipe).variants == recipe.variants


def test_a_recipe_cannot_be_changed_or_wrong() -> None:
    """A recipe that did not come from a file is checked as well."""
    with pytest.raises(ValidationError, match="`quantise` needs a `train` before it"):
        Recipe.model_validate({"steps": [{"quantise": {}}]})
    with pytest.raises(ValidationError, match="the model reads `48` pixels and `data` prepares `64`"):
        Recipe.model_validate({"steps": [TRAIN], "model": SHAPES["tiny"], "data": {"pixels": 64}})
    with pytest.raises(ValidationError, match="frozen"):
        load_recipe("baseline").about = "changed"  # pyright: ignore[reportAttributeAccessIssue]


def test_the_hash_knows_what_changes_the_numbers() -> None:
    """Words about a recipe and the number of workers change nothing; seeds and threads do."""
    base = recipe_hash(load_recipe("baseline"))
    assert recipe_hash(load_recipe("baseline", overrides=["about=other", "execution.workers=2"])) == base
    assert recipe_hash(load_recipe("baseline", overrides=["execution.threads=2"])) != base
    assert recipe_hash(load_recipe("baseline", overrides=["evaluate.seeds=[1]"])) != base
    assert recipe_hash(load_recipe("baseline", overrides=["train.epochs=1"])) != base
    assert recipe_hash(load_recipe("baseline", overrides=["folds=site"])) == base
    groups = [recipe_hash(load_recipe("baseline", overrides=[f"folds.subject_groups={n}"])) for n in (2, 3)]
    assert len({base, *groups}) == 3


words = st.sampled_from(
    [
        "extends",
        "about",
        "data",
        "model",
        "steps",
        "evaluate",
        "deploy",
        "execution",
        "train",
        "distill",
        "quantise",
        "sweep",
        "to",
        "student",
        "epochs",
        "int8",
        "fp32",
        "tiny",
        "small",
        "reference",
        "synthetic",
        "source",
        "pixels",
        "clip",
        "frames",
        "seeds",
        "margin",
        "runtimes",
        "auto",
        "yes",
        "no",
        "on",
        "null",
        "true",
        "~",
        "kind",
        "plain",
        "cnn",
        "widths",
        "lstm",
        "layers",
        "features",
        ".",
        "/",
        "baseline",
    ]
)
scalars = words | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(words | st.text(max_size=4), inner, max_size=4)
        | inner.map(lambda value: {"sweep": [value]})
    ),
    max_leaves=25,
)
recipes = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("about", "data", "model", "steps", "evaluate", "deploy", "execution", "extends"), trees),
)


@once
@given(recipes | trees)
def test_any_values_give_a_recipe_or_its_faults(tmp_path: Path, tree: object) -> None:
    """Whatever a recipe holds, it is read or refused with faults that have a place; nothing else is raised."""
    (tmp_path / "r.yaml").write_text(json.dumps(tree))
    faults, recipe = faults_or_recipe(tmp_path / "r.yaml")
    assert all(fault.where.startswith(str(tmp_path)) and fault.what for fault in faults)
    assert recipe is None or reloaded(recipe, tmp_path) == recipe


@once
@given(
    st.binary(max_size=200) | st.text(alphabet="abc:-[]{}&*!|>'\"%@`#,?\t\n 01.~\0é\u2028", max_size=80).map(str.encode)
)
def test_any_bytes_give_a_recipe_or_its_faults(tmp_path: Path, content: bytes) -> None:
    """Whatever a file holds, nothing but a RecipeError comes out."""
    (tmp_path / "r.yaml").write_bytes(content)
    with pytest.raises(RecipeError):
        load_recipe(tmp_path / "r.yaml")


@once
@given(st.text(alphabet="abcdeghilnoprst.0123=[]{}: -", max_size=30))
def test_any_override_gives_a_recipe_or_its_faults(text: str) -> None:
    """Whatever is put in, nothing but a RecipeError comes out."""
    for argument in (text, f"train.{text}", f"steps.{text}", f"model.{text}"):
        faults, recipe = faults_or_recipe("quantise", overrides=[argument])
        assert bool(faults) != bool(recipe)


right = st.fixed_dictionaries(
    {
        "about": st.text(alphabet=st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=30),
        "model": st.sampled_from(sorted(SHAPES)) | st.just({"cnn": {"kind": "plain", "widths": [8, 16]}, "pixels": 48}),
        "evaluate": st.fixed_dictionaries(
            {"seeds": st.lists(st.integers(0, 10**9), min_size=1, unique=True), "margin": st.floats(1e-300, 1)}
        ),
        "deploy": st.fixed_dictionaries(
            {"runtimes": st.sampled_from(["auto", ["openvino"], ["onnxruntime", "openvino"]])}
        ),
        "steps": st.lists(st.sampled_from(["fp32", "fp16", "bf16", "int8"]), min_size=1, unique=True).map(
            lambda to: [
                TRAIN,
                {"distill": {"student": {"sweep": ["tiny", "small"]}}},
                {"quantise": {"to": {"sweep": to}}},
            ]
        ),
    }
)


@once
@given(right)
def test_every_right_recipe_survives_printing(tmp_path: Path, tree: dict) -> None:
    """Text that looks like numbers or booleans, tiny margins and sweeps all load back equal."""
    recipe = Recipe.model_validate(tree)
    assert reloaded(recipe, tmp_path) == recipe


@pytest.mark.parametrize(
    "about",
    ["3e-4", "no", "on", "1_000", "12:30", "null", "~", "", " a ", "a: b", "# a", "0x1", "2024-01-01", "-", "é", "="],
)
def test_text_that_looks_like_something_else_survives_printing(about: str, tmp_path: Path) -> None:
    """The printer quotes what this reader, or another YAML reader, would take for something else."""
    recipe = Recipe.model_validate({"about": about, "steps": [TRAIN]})
    assert reloaded(recipe, tmp_path) == recipe


def test_the_place_of_a_fault_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file below the current folder is named from there, as the user knows it."""
    (tmp_path / "r.yaml").write_text("steps: []")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecipeError, match=r"^r\.yaml:1: "):
        load_recipe(Path.cwd() / "r.yaml")


def test_engine_sizes_rise() -> None:
    """Smallest, usual and largest size of an engine come in that order, or the fault shows what was given."""
    with pytest.raises(ValidationError, match=r"\[4, 2, 1\] does not rise; give the smallest"):
        Recipe.model_validate({"steps": [TRAIN], "deploy": {"engine_batch": [4, 2, 1]}})
