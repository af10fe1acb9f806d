"""`--set path=value` and `--data PATH`: values from the command line, put into a recipe before it is checked."""

import copy
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from slimaffect.errors import Fault, RecipeError
from slimaffect.model.shapes import SHAPES
from slimaffect.recipe.complaints import shown
from slimaffect.recipe.describe import nearest
from slimaffect.recipe.document import Document, Path, parse

EXAMPLE = "Write `--set train.epochs=2` or `--set evaluate.seeds=[0,1,2]`"


def override(document: Document, overrides: Iterable[str], data: str | None, sections: Iterable[str]) -> Document:
    """Return the document with these values put in; a later one wins.

    Args:
        document: the recipe as read.
        overrides: `path=value` each; a path begins with a section, or with the name of a step that stands in `steps`.
        data: the dataset instead of the recipe's, or None.
        sections: the sections that a recipe can have.
    """
    changed = replace(document, faults=list(document.faults))
    for text in overrides:
        try:
            changed = _apply(changed, text, tuple(sections))
        except RecipeError as error:
            changed.faults.extend(error.faults)
    if data is None:
        return changed
    return put(spread(changed), ("data", "source"), Document(data), f"--data {data[:60]}")


def spread(document: Document) -> Document:
    """Write the short form `data: PATH` as the mapping that it stands for."""
    source = document.value.get("data")
    return _write(document, ("data",), {"source": source}) if isinstance(source, str) else document


def _apply(document: Document, text: str, sections: tuple[str, ...]) -> Document:
    where = f"--set {text[:60]}"
    written, equals, value_text = text.partition("=")
    if not equals or not written.strip():
        raise RecipeError([Fault(where, "is no path=value", EXAMPLE)])
    value = parse(value_text, where, line_numbers=False)
    parts = tuple(int(p) if p.isdecimal() and len(p) < 9 else p for p in written.strip().split("."))
    path = _find(parts, document.value, sections, where)
    return put(_unfold(spread(document), path), path, value, where)


def _find(parts: Path, recipe: dict[str, Any], sections: tuple[str, ...], where: str) -> Path:
    """Return the whole path; `train.epochs` stands for `steps.0.train.epochs`.

    Raises:
        RecipeError: nothing in the recipe is meant by the path.
    """
    standing = _standing(recipe)
    first, rest = parts[0], parts[1:]
    if first in sections:
        return _checked(parts, standing, where) if first == "steps" and rest else parts
    places = [number for number, name in enumerate(standing) if name == first]
    if len(places) == 1:
        return ("steps", places[0], *parts)
    tail = ".".join(str(part) for part in parts)
    if places:
        next_ = f"Write `steps.{places[0]}.{tail}` or `steps.{places[-1]}.{tail}`"
        raise RecipeError([Fault(where, f"`{first}` stands in `steps` {len(places)} times", next_)])
    known = [*sections, *dict.fromkeys(name for name in standing if name)]
    what = f"the recipe has no section or step `{str(first)[:40]}`"
    raise RecipeError([Fault(where, what, f"{nearest(first, known)}There are: {', '.join(known)}")])


def _checked(parts: Path, standing: list[str | None], where: str) -> Path:
    """Refuse a path to a step that is not there."""
    number, name = parts[1], parts[2] if len(parts) > 2 else None
    if not isinstance(number, int) or number >= len(standing):
        listed = ", ".join(f"{n} {name or 'swept'}" for n, name in enumerate(standing)) or "none"
        raise RecipeError([Fault(where, f"there is no step `{number}`", f"Steps by number: {listed}")])
    if name not in (None, standing[number], "sweep") and standing[number]:
        next_ = f"Write `steps.{number}.{standing[number]}`"
        raise RecipeError([Fault(where, f"step {number} is `{standing[number]}`, not `{name}`", next_)])
    return parts


def _standing(recipe: dict[str, Any]) -> list[str | None]:
    """List the names of the steps; None where an item is no plain step."""
    steps = recipe.get("steps")
    lines = [{line: {}} if isinstance(line, str) else line for line in steps] if isinstance(steps, list) else []
    return [next(iter(line)) if isinstance(line, dict) and len(line) == 1 else None for line in lines]


def _unfold(document: Document, path: Path) -> Document:
    """Write out the names on the way to `path`: a step without settings, a shape, folds by site."""
    if path[:1] == ("steps",) and len(path) > 2 and isinstance(line := document.at(path[:2]), str):
        document = _write(document, path[:2], {line: {}})
    if path[:1] == ("model",) and len(path) > 1 and (name := document.value.get("model", "reference")) in list(SHAPES):
        document = _write(document, ("model",), SHAPES[name].model_dump(mode="json", exclude={"pixels"}))
    if path[:1] == ("folds",) and len(path) > 1 and document.value.get("folds") == "site":
        document = _write(document, ("folds",), {})
    return document


def _write(document: Document, path: Path, value: Any) -> Document:
    """Write a value at a path whose holder exists; its place stays."""
    changed = copy.deepcopy(document.value)
    holder = changed
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    return replace(document, value=changed)


def put(document: Document, path: Path, value: Document, where: str) -> Document:
    """Put a value at a path, with `where` as its place; mappings on the way are made.

    Raises:
        RecipeError: something on the way is no mapping.
    """
    changed = copy.deepcopy(document.value)
    holder = changed
    made: list[Path] = []
    for depth, part in enumerate(path):
        is_last = depth == len(path) - 1
        if isinstance(holder, list) and not (isinstance(part, int) and part < len(holder)):
            raise RecipeError([Fault(where, f"`{part}` is no item of a list of {len(holder)}", "Items count from 0")])
        if not isinstance(holder, (dict, list)):
            what = f"`{'.'.join(map(str, path[:depth]))}` is {shown(holder)} and holds no `{part}`"
            raise RecipeError([Fault(where, what, "Set it whole")])
        key: Any = str(part) if isinstance(holder, dict) else part
        if is_last:
            holder[key] = value.value
        elif isinstance(holder, list) or holder.get(key) is not None:
            holder = holder[key]
        else:
            made.append(path[: depth + 1])
            holder[key] = holder = {}
    keys, values = (_replaced(places, path, made, where) for places in (document.keys, document.values))
    doubtful = {p for p in document.doubtful if p[: len(path)] != path} | {(*path, *p) for p in value.doubtful}
    return Document(changed, keys, values, document.faults + value.faults, doubtful)


def _replaced(places: dict[Path, str], path: Path, made: list[Path], where: str) -> dict[Path, str]:
    kept = {p: place for p, place in places.items() if p[: len(path)] != path}
    return kept | dict.fromkeys([*made, path], where)
