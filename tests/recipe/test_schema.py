"""The JSON Schema that editors read."""

import json
from typing import Any

from slimaffect.recipe import Recipe, recipe_schema
from slimaffect.steps import STEPS


def references(value: Any) -> set[str]:
    """Collect every reference in a schema."""
    if isinstance(value, list):
        return {found for item in value for found in references(item)}
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own | {found for inner in value.values() for found in references(inner)}


def test_the_schema_is_whole_json() -> None:
    """Every reference leads to a definition, and the schema is JSON."""
    schema = json.loads(json.dumps(recipe_schema()))
    assert {r.removeprefix("#/$defs/") for r in references(schema)} <= set(schema["$defs"])


def test_the_schema_has_every_section_with_its_description() -> None:
    """Editors complete sections and explain them; an unknown one is underlined."""
    schema = recipe_schema()
    assert set(schema["properties"]) == {"extends", *Recipe.model_fields}
    assert all(section["description"] for section in schema["properties"].values())
    assert schema["additionalProperties"] is False


def test_the_schema_offers_every_step_and_sweeps_in_its_settings() -> None:
    """Each step is one alternative; each of its settings takes a value or a sweep of such values."""
    step, swept = recipe_schema()["properties"]["steps"]["items"]["anyOf"]
    lines = {line["required"][0]: line["properties"] for line in step["anyOf"] if "required" in line}
    assert set(lines) == set(STEPS)
    settings, _ = lines["quantise"]["quantise"]["anyOf"][0]["anyOf"]
    value, sweep = settings["properties"]["to"]["anyOf"]
    assert value["enum"] == ["fp32", "fp16", "bf16", "int8"]
    assert sweep["properties"]["sweep"]["items"] == value
    assert swept["required"] == ["sweep"]
