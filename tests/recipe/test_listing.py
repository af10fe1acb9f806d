"""The list behind `slim steps`."""

import io
import json
import re

import pytest
from rich.console import Console

from slimaffect.errors import RecipeError
from slimaffect.recipe import list_steps, load_recipe, shipped, step_tables
from slimaffect.steps import STEPS


def test_steps_are_listed_with_what_their_classes_say() -> None:
    """`slim steps` shows the word, a summary, and every setting with type, default and description."""
    listed = {facts.name: facts for facts in list_steps()}
    assert list(listed) == sorted(STEPS)
    assert all(facts.summary.endswith(".") for facts in listed.values())
    assert all(setting.description and setting.type for facts in listed.values() for setting in facts.settings)
    to = next(setting for setting in listed["quantise"].settings if setting.name == "to")
    assert (to.type, to.required) == ("one of fp32, fp16, bf16, int8", False)
    assert listed["quantise"].last
    assert not listed["train"].needs_training
    assert next(s for s in listed["distill"].settings if s.name == "student").required


def test_settings_inside_settings_are_listed_as_set_takes_them() -> None:
    """Every listed name works as a path of `--set`, with the listed default as its value."""
    for facts in list_steps():
        optional = [setting for setting in facts.settings if not setting.required and setting.default is not None]
        values = [f"{facts.name}.{setting.name}={json.dumps(setting.default)}" for setting in optional]
        if facts.name == "prune":  # its recipe cuts deeper than the default multiples go
            values.append("prune.until.macs=0.5")
        assert load_recipe(facts.name if facts.name in shipped() else "distill", overrides=values)


def test_a_step_is_shown_as_a_table() -> None:
    """The table shows each setting with its default, what it may be, and what it does."""
    (table,) = step_tables("quantise")
    console = Console(width=120, file=io.StringIO())
    console.print(table)
    shown = console.file.getvalue()
    assert "quantise" in shown
    assert re.search(r"to +int8 +one of fp32, fp16, bf16, int8", shown)
    assert len(step_tables()) == len(STEPS)


def test_an_unknown_step_is_answered_with_the_one_that_was_meant() -> None:
    """A typo in `slim steps NAME` is a fault with a suggestion."""
    with pytest.raises(RecipeError, match=r"distil: there is no such step\. Did you mean `distill`"):
        step_tables("distil")
