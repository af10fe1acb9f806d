"""The contract that every step is run through; a new file under `slimaffect/steps` is picked up by itself."""

from pathlib import Path

import pytest

from slimaffect.recipe import load_recipe, shipped
from slimaffect.steps import STEPS

ROOT = Path(__file__).parent.parent
each = pytest.mark.parametrize("name", STEPS)


@each
def test_has_a_card(name):
    """Every step has a card that says when to use it, where to start, what it costs and where it comes from."""
    card = (ROOT / "docs" / "methods" / f"{name}.md").read_text()
    assert all(f"## {title}" in card for title in ("Use it when", "Starting values", "What it costs", "Interactions"))


@each
def test_has_a_recipe_that_loads(name):
    """Every step is used by a shipped recipe."""
    recipes = {recipe: load_recipe(recipe) for recipe in shipped()}
    assert [recipe for recipe, loaded in recipes.items() for v in loaded.variants if name in {s.name for s in v.steps}]


@each
def test_has_a_test_of_its_own(name):
    """Every step's mathematics is tested."""
    assert (ROOT / "tests" / "steps" / f"test_{name}.py").is_file()


@each
def test_explains_itself(name):
    """Every step says in one line what it does, and of every setting what it means."""
    step = STEPS[name]
    assert step.__doc__
    assert step.__doc__.splitlines()[0].endswith(".")
    assert not [field for field, facts in step.model_fields.items() if not facts.description]
