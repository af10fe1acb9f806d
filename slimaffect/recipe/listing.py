"""What `slim steps` shows, read from the classes of the steps and written down nowhere else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from slimaffect.errors import Fault, RecipeError
from slimaffect.recipe.describe import describe, nearest
from slimaffect.settings import Settings
from slimaffect.steps import STEPS, Step

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class SettingFacts:
    """One setting of a step.

    Attributes:
        name: its key; of a setting inside another, both keys with a dot between, as `--set` takes them.
        type: what it may be, in words.
        default: as a recipe would write it; None when it is `required`, or when null is the default.
    """

    name: str
    type: str
    required: bool
    default: Any
    description: str


@dataclass(frozen=True)
class StepFacts:
    """One step: its word, the first line of its docstring, its settings, and its place among others."""

    name: str
    summary: str
    settings: tuple[SettingFacts, ...]
    needs_training: bool
    last: bool


def list_steps() -> tuple[StepFacts, ...]:
    """List every step with its settings, in alphabetical order."""
    return tuple(_step_facts(step) for step in STEPS.values())


def _step_facts(step: type[Step]) -> StepFacts:
    summary = (step.__doc__ or "").strip().split("\n")[0]
    return StepFacts(step.name, summary, tuple(_settings(step)), step.needs_training, step.last)


def _settings(kind: type[BaseModel], default: BaseModel | None = None, prefix: str = "") -> Iterator[SettingFacts]:
    """List the settings of a class and of the settings inside it; `default` overrules the defaults of the class."""
    for name, field in kind.model_fields.items():
        value = getattr(default, name) if default else None if field.is_required() else field.get_default()
        if (
            isinstance(field.annotation, type)
            and issubclass(field.annotation, Settings)
            and isinstance(value, Settings)
        ):
            yield from _settings(field.annotation, value, f"{prefix}{name}.")
            continue
        plain = to_jsonable_python(value)
        required = field.is_required() and default is None
        yield SettingFacts(prefix + name, describe(field.annotation), required, plain, _description(kind, name))


def _description(kind: type[BaseModel], name: str) -> str:
    """Return a setting's sentence; a class that only changes a default leaves the sentence to the class above."""
    above = (base.model_fields[name].description for base in kind.__mro__ if name in getattr(base, "model_fields", {}))
    return " ".join(next(filter(None, above), "").split())


def step_tables(name: str | None = None) -> "list[Table]":
    """Show every step, or one, as a table of its settings.

    Raises:
        RecipeError: there is no such step.
    """
    if name is not None and name not in STEPS:
        raise RecipeError([Fault(name, "there is no such step", f"{nearest(name, STEPS)}Steps: {', '.join(STEPS)}")])
    return [_table(facts) for facts in list_steps() if name in (None, facts.name)]


def _table(facts: StepFacts) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    title = Text.assemble((facts.name, "bold"), f"  {facts.summary}")
    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("setting", "default", "what it may be", "what it does"):
        table.add_column(heading, overflow="fold")
    for setting in facts.settings:
        default = "required" if setting.required else _shown(setting.default)
        table.add_row(*(Text(cell) for cell in (setting.name, default, setting.type, setting.description)))
    return table


def _shown(default: Any) -> str:
    """Show a default as YAML has it; a third does not need sixteen digits."""
    if default is None or isinstance(default, bool):
        return {None: "null", True: "true", False: "false"}[default]
    return f"{default:.4g}" if isinstance(default, float) else str(default)
