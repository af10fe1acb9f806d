"""The JSON Schema of a recipe, for editors: completion, help on hover, and typos underlined."""

import copy
from typing import Any

from slimaffect.recipe.recipe import Recipe
from slimaffect.recipe.sweep import SWEEP
from slimaffect.steps import STEPS, Step

Schema = dict[str, Any]


def recipe_schema() -> Schema:
    """Describe every section, every step with its settings, and sweeps wherever steps may have them."""
    schema = Recipe.model_json_schema()
    definitions: Schema = schema.setdefault("$defs", {})
    lines = [_step_schema(step, definitions) for step in STEPS.values()]
    alone = {
        "enum": [name for name, step in STEPS.items() if not any(f.is_required() for f in step.model_fields.values())]
    }
    properties = schema["properties"]
    properties["steps"] |= {"items": _sweepable({"anyOf": [*lines, alone]}), "minItems": 1}
    properties["data"] = {
        "anyOf": [{"type": "string"}, properties["data"]],
        "description": properties["data"]["description"],
    }
    extends = {"type": "string", "description": "A recipe whose sections this one takes over, unless it has its own."}
    schema["properties"] = {"extends": extends, **properties}
    del schema["required"]  # a recipe that extends another may leave `steps` to it
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "slimaffect recipe"}


def _step_schema(step: type[Step], definitions: Schema) -> Schema:
    """Describe one line; the definitions it refers to are copied, because only below steps may they hold sweeps."""
    own = copy.deepcopy(step.model_json_schema())
    for name, definition in own.pop("$defs", {}).items():
        definitions[f"{name}.swept"] = _renamed(_with_sweeps(definition))
    settings = _renamed(_with_sweeps(own))
    return {
        "type": "object",
        "description": settings.get("description", ""),
        "properties": {step.name: _sweepable({"anyOf": [settings, {"type": "null"}]})},
        "required": [step.name],
        "additionalProperties": False,
    }


def _sweepable(schema: Schema) -> Schema:
    """Allow a value, or `{sweep: [...]}` of such values."""
    values = {"type": "array", "items": schema, "minItems": 1, "uniqueItems": True}
    sweep = {"type": "object", "properties": {SWEEP: values}, "required": [SWEEP], "additionalProperties": False}
    kept = {key: schema[key] for key in ("description", "default") if key in schema}
    return {"anyOf": [schema, sweep], **kept}


def _with_sweeps(schema: Schema) -> Schema:
    """Allow sweeps at every key of a mapping."""
    properties = {name: _sweepable(inner) for name, inner in schema.get("properties", {}).items()}
    return schema | {"properties": properties} if properties else schema


def _renamed(value: Any) -> Any:
    """Let references to definitions point at their copies."""
    if isinstance(value, list):
        return [_renamed(item) for item in value]
    if not isinstance(value, dict):
        return f"{value}.swept" if isinstance(value, str) and value.startswith("#/$defs/") else value
    return {key: _renamed(inner) for key, inner in value.items()}
