"""One recipe, from data to result."""

from slimaffect.run.experiment import run_recipe
from slimaffect.run.places import Places
from slimaffect.run.planned import show_plan

__all__ = ["Places", "run_recipe", "show_plan"]
