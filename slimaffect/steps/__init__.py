"""The steps. The folder is the registry: every file in it is imported, a broken one fails loudly."""

import importlib
import pkgutil

from slimaffect.steps.step import Step

for _file in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_file.name}")

STEPS: dict[str, type[Step]] = {step.name: step for step in sorted(Step.__subclasses__(), key=lambda step: step.name)}
"""Every step by the word that a recipe uses for it."""

__all__ = ["STEPS", "Step"]
