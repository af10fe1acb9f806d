"""YAML to a checked recipe, or every fault at once with its line."""

from slimaffect.recipe.listing import StepFacts, list_steps, step_tables
from slimaffect.recipe.load import load_recipe, shipped
from slimaffect.recipe.recipe import DeploySettings, EvaluateSettings, Recipe, recipe_hash, resolved_yaml
from slimaffect.recipe.schema import recipe_schema
from slimaffect.recipe.variants import BASELINE, Variant

__all__ = [
    "BASELINE",
    "DeploySettings",
    "EvaluateSettings",
    "Recipe",
    "StepFacts",
    "Variant",
    "list_steps",
    "load_recipe",
    "recipe_hash",
    "recipe_schema",
    "resolved_yaml",
    "shipped",
    "step_tables",
]
