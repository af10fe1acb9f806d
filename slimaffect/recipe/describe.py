"""What a setting may be, in words: for faults, for `slim steps` and for suggestions."""

import difflib
import types
from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from slimaffect.recipe.document import Path

_WORDS = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("text", "texts"),
    bool: ("true or false", "true or false"),
    FilePath: ("a path", "paths"),
    type(None): ("null", "nulls"),
}


def describe(annotation: Any, *, many: bool = False) -> str:
    """Say in words what a type accepts.

    >>> describe(tuple[int, ...])
    'a list of whole numbers'
    >>> describe(Literal["fp32", "int8"] | None)
    'one of fp32, int8, or null'
    """
    return ", or ".join(dict.fromkeys(_describe_one(member, many=many) for member in members(annotation)))


def _describe_one(kind: Any, *, many: bool) -> str:
    if kind in _WORDS:
        return _WORDS[kind][many]
    arguments = get_args(kind)
    if get_origin(kind) is Literal:
        return ("" if len(arguments) == 1 else "any of " if many else "one of ") + ", ".join(map(str, arguments))
    if get_origin(kind) is tuple and arguments and arguments[-1] is not Ellipsis:
        return f"a list of {len(arguments)}: " + ", ".join(describe(a) for a in arguments)
    if get_origin(kind) in (tuple, list, set, frozenset):
        return ("lists of " if many else "a list of ") + describe(arguments[0], many=True)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return ("mappings" if many else "a mapping") + f" with {', '.join(kind.model_fields)}"
    return "mappings" if many else "a mapping"


def members(annotation: Any) -> tuple[Any, ...]:
    """List the alternatives of a union, without the constraints around them."""
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(member for alternative in get_args(annotation) for member in members(alternative))
    return (annotation,)


def inside(annotation: Any, part: str | int) -> Any:
    """Return the type of the value under one key or list position; a union where several fit, `Any` where none does."""
    found: list[Any] = []
    for member in members(annotation):
        arguments = [a for a in get_args(member) if a is not Ellipsis]
        if isinstance(member, type) and issubclass(member, BaseModel):
            found += [field.annotation for name, field in member.model_fields.items() if name == part]
        elif get_origin(member) is dict:
            found.append(arguments[1])
        elif arguments and isinstance(part, int) and get_origin(member) in (tuple, list, set, frozenset):
            found.append(arguments[min(part, len(arguments) - 1)])
    return Union[tuple(found)] if found else Any  # noqa: UP007  the number of members is known only here


def at(annotation: Any, path: Path) -> Any:
    """Return the type of the value at `path` below a value of type `annotation`."""
    for part in path:
        annotation = inside(annotation, part)
    return annotation


def choices(annotation: Any) -> list[str]:
    """List the words that a type accepts: the values of its literals."""
    return [str(a) for member in members(annotation) if get_origin(member) is Literal for a in get_args(member)]


def keys(annotation: Any, given: dict[str, Any]) -> list[str]:
    """List the keys that a mapping may have; where several kinds fit, those of the kinds that `given` names."""
    models = [m for m in members(annotation) if isinstance(m, type) and issubclass(m, BaseModel)]
    named = [m for m in models if _names(m, given)]
    return list(dict.fromkeys(name for model in named or models for name in model.model_fields))


def _names(model: type[BaseModel], given: dict[str, Any]) -> bool:
    """Tell whether a mapping such as `{kind: plain}` names this model by one of its literal fields."""
    literals = {name: choices(field.annotation) for name, field in model.model_fields.items()}
    return any(len(words) == 1 and given.get(name) == words[0] for name, words in literals.items())


def nearest(given: object, allowed: Iterable[str]) -> str:
    """Suggest the allowed word that resembles `given`; an empty string where none does.

    >>> nearest("epoch", ["epochs", "student"])
    'Did you mean `epochs`? '
    """
    words = {word.lower(): word for word in allowed}
    close = difflib.get_close_matches(str(given)[:80].lower(), words, n=1, cutoff=0.6)
    return f"Did you mean `{words[close[0]]}`? " if close else ""
