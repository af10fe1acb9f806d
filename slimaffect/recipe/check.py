"""From plain values with places to a recipe, or to every fault with its line."""

from dataclasses import replace
from typing import Any

from pydantic import create_model

from slimaffect.errors import Fault, RecipeError
from slimaffect.recipe import sweep
from slimaffect.recipe.complaints import Complaint, understand
from slimaffect.recipe.describe import nearest
from slimaffect.recipe.document import Document
from slimaffect.recipe.overrides import spread
from slimaffect.recipe.pixels import disagreements, with_pixels
from slimaffect.recipe.recipe import Recipe, full_spec
from slimaffect.recipe.variants import understand_steps
from slimaffect.settings import Settings

MAX_SHOWN = 20  # faults that fit on one screen

SECTIONS = tuple(Recipe.model_fields)
_fields: Any = {name: (field.annotation, field) for name, field in Recipe.model_fields.items() if name != "steps"}
_Sections = create_model("_Sections", __base__=Settings, **_fields)
"""A recipe without its steps, which are checked variant by variant."""


def check(document: Document) -> Recipe:
    """Turn a document into a recipe.

    Raises:
        RecipeError: something is wrong with it; everything that is, at once.
    """
    document = _completed(spread(document))
    settings, in_sections = _sections(document.value)
    complaints = [*_unknown(document.value), *in_sections]
    spec = full_spec(settings.model, settings.data.pixels) if settings and not complaints else None
    _, in_steps = understand_steps(document.value.get("steps"), spec)
    complaints += [complaint.under(("steps",)) for complaint in in_steps]
    read = [c for c in complaints if not any(c.path[:n] in document.doubtful for n in range(len(c.path) + 1))]
    refuse([*document.faults, *(_fault(complaint, document) for complaint in read)])
    return Recipe.model_validate(document.value)


def _completed(document: Document) -> Document:
    """Let models that are written out read crops of the size that `data` prepares, unless they say otherwise."""
    pixels = document.at(("data", "pixels"))
    if not isinstance(pixels, int) or isinstance(pixels, bool):
        return document
    changed = {
        key: with_pixels(value, pixels) if key in {"model", "steps"} else value for key, value in document.value.items()
    }
    return replace(document, value=changed)


def refuse(faults: list[Fault]) -> None:
    """Raise these faults in the order of their lines, as many as fit on a screen; return when there is none.

    Raises:
        RecipeError: there are faults.
    """
    unique = sorted(dict.fromkeys(faults), key=_order)
    rest = unique[MAX_SHOWN:]
    if rest:
        unique = [
            *unique[:MAX_SHOWN],
            Fault(unique[0].where.rpartition(":")[0] or unique[0].where, f"... and {len(rest)} more faults"),
        ]
    if unique:
        raise RecipeError(unique)


def _order(fault: Fault) -> tuple[bool, str, int]:
    file, _, line = fault.where.rpartition(":")
    if fault.where.startswith("--"):
        return True, fault.where, 0
    return False, file, int(line) if line.isdecimal() else 0


def _fault(complaint: Complaint, document: Document) -> Fault:
    where = document.where if complaint.of_key else document.where_value
    what = complaint.what
    if complaint.other is not None:
        file, _, line = document.where(complaint.other).rpartition(":")
        what = what.replace("line {line}", f"line {line}" if file and line.isdecimal() else "--set")
    return Fault(where(complaint.path), what, complaint.next)


def _unknown(recipe: dict[str, Any]) -> list[Complaint]:
    """Complain about sections that a recipe does not have."""
    allowed = ["extends", *SECTIONS]
    return [
        Complaint(
            (key,),
            f"unknown section `{key[:40]}`",
            f"{nearest(key, allowed)}Allowed: {', '.join(allowed)}",
            of_key=True,
        )
        for key in recipe
        if key not in SECTIONS
    ]


def _sections(recipe: dict[str, Any]) -> tuple[Any, list[Complaint]]:
    """Check everything but the steps; None and the complaints where something is wrong."""
    given = {key: value for key, value in recipe.items() if key in SECTIONS and key != "steps"}
    swept = [path for path, _ in sweep.find(given)]
    what, next_ = "a sweep stands outside `steps`", "Sweep settings of steps; for other sections write several recipes"
    complaints = [Complaint(path, what, next_, of_key=True) for path in swept]
    settings, found = understand(_Sections, given)
    complaints += [c for c in found if not any(c.path[: len(path)] == path for path in swept)]
    return settings, complaints + (_disagreements(recipe, settings) if settings else [])


def _disagreements(recipe: dict[str, Any], sections: Any) -> list[Complaint]:
    """Complain about sections that are right alone and wrong together."""
    data = sections.data
    complaints = disagreements({key: recipe[key] for key in ("model", "steps") if key in recipe}, data.pixels)
    if data.source != "synthetic" and "/" not in data.source and nearest(data.source, ["synthetic"]):
        what = f"there is no dataset `{data.source[:40]}`"
        complaints.append(Complaint(("data", "source"), what, "Did you mean `synthetic`? A folder has a `/`: `./NAME`"))
    return complaints
