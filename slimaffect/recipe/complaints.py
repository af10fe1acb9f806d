"""Settings from plain values, or everything that is wrong with them at once, in a recipe writer's words."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from slimaffect.errors import SlimError
from slimaffect.recipe.describe import at, choices, describe, inside, keys, members, nearest
from slimaffect.recipe.document import Path
from slimaffect.settings import Settings

ROUNDS = 8  # each round removes what the last one found wrong, so that checks of the whole get to run

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Complaint:
    """One thing wrong with plain values: a fault that does not know its line yet."""

    path: Path
    what: str
    next: str = ""
    of_key: bool = False  # True where the key is at fault, not its value
    other: Path | None = None  # a second line that the message is about; `{line}` in `what` stands for it

    def under(self, prefix: Path) -> "Complaint":
        """Return the same complaint about a value that stands deeper."""
        other = None if self.other is None else (*prefix, *self.other)
        return Complaint((*prefix, *self.path), self.what, self.next, self.of_key, other)


def understand(kind: type[S], given: Any) -> tuple[S | None, list[Complaint]]:
    """Check plain values against settings; None and the complaints when anything is wrong."""
    settings, complaints = _validate(kind, given)
    told = {complaint.path for complaint in complaints}
    complaints += [complaint for complaint in _misread(given, kind) if complaint.path not in told]
    return (None if complaints else settings), complaints


def _validate(kind: type[S], given: Any) -> tuple[S | None, list[Complaint]]:
    """Let pydantic check, remove what it finds wrong and let it check again, until checks of the whole got to run."""
    complaints: list[Complaint] = []
    left = copy.deepcopy(given)
    for _ in range(ROUNDS):
        try:
            return kind.model_validate(left), complaints
        except SlimError as error:
            return None, [*complaints, Complaint((), str(error))]
        except ValidationError as error:
            found = _from_errors(error.errors(include_url=False), kind, left)
        found = [complaint for complaint in found if not _was_removed(complaint, given, left)]
        complaints += found
        removed = [_remove(left, complaint.path) for complaint in found]
        if not any(removed):
            break
    return None, complaints


def _remove(value: Any, path: Path) -> bool:
    """Remove what stands at `path`, with the whole list where it stands in one; True when something was removed."""
    last_key = next((n for n in range(len(path) - 1, -1, -1) if isinstance(path[n], str)), None)
    if last_key is None:
        return False
    holder = _follow(value, path[:last_key])
    return isinstance(holder, dict) and holder.pop(path[last_key], _ABSENT) is not _ABSENT


_ABSENT = object()


def _was_removed(complaint: Complaint, given: Any, left: Any) -> bool:
    """Tell whether something is missing only because an earlier round removed it."""
    return _follow(given, complaint.path) is not _ABSENT and _follow(left, complaint.path) is _ABSENT


def _from_errors(errors: Iterable[ErrorDetails], kind: type[Settings], given: Any) -> list[Complaint]:
    """Word pydantic's errors; of a union's errors keep those of the alternative that came furthest."""
    placed = [(_path(error, given), error) for error in errors]
    kept: dict[tuple[Path, str], Complaint] = {}
    for path, error in placed:
        came_further = any(
            other[: len(path)] == path and (len(other) > len(path) or (_of_kind(error) and not _of_kind(rival)))
            for other, rival in placed
        )
        if len(path) == len(error["loc"]) or not came_further:  # a shorter path: an alternative's name was left out
            complaint = _word(path, error, kind, given)
            kept.setdefault((complaint.path, complaint.what), complaint)
    return list(kept.values())


def _of_kind(error: ErrorDetails) -> bool:
    """Tell whether a value is of the wrong kind altogether, rather than out of its bounds."""
    return error["type"].endswith(("_type", "_parsing", "literal_error", "enum", "int_from_float"))


def _path(error: ErrorDetails, given: Any) -> Path:
    """Turn pydantic's location into a path: without the names of the union's alternatives."""
    path: list[str | int] = []
    for position, part in enumerate(error["loc"]):
        is_last = position == len(error["loc"]) - 1
        if isinstance(given, dict) and (part in given or (is_last and error["type"] == "missing")):
            path.append(part)
            given = given.get(str(part))
        elif isinstance(given, list) and isinstance(part, int) and part < len(given):
            path.append(part)
            given = given[part]
    return tuple(path)


def _word(path: Path, error: ErrorDetails, kind: type[Settings], given: Any) -> Complaint:
    wanted, holder = at(kind, path), at(kind, path[:-1])
    match error["type"]:
        case "extra_forbidden":
            allowed = keys(holder, _follow(given, path[:-1]))
            what = f"unknown key `{path[-1]}`{_in(path)}"
            return Complaint(path, what, f"{nearest(path[-1], allowed)}Allowed: {', '.join(allowed)}", of_key=True)
        case "missing":
            return Complaint(path, f"`{path[-1]}` is missing{_in(path)}", f"Write {describe(wanted)}", of_key=True)
        case "value_error" | "assertion_error":
            return Complaint(path, error["msg"].partition(", ")[2])
        case "union_tag_invalid" | "union_tag_not_found":
            return _unnamed_kind(path, error)
        case _ if _of_kind(error) or _is_of_other_sort(error["input"], wanted):
            return mistaken(path, error["input"], wanted)
        case _:
            return Complaint(path, f"{_name(path)} is {shown(error['input'])}; it {_rule(error['msg'])}")


def _rule(message: str) -> str:
    """Turn pydantic's `Input should be greater than 0` into `must be greater than 0`."""
    _, should, rule = message.partition(" should ")
    return f"must {rule.partition(' after validation')[0]}" if should else f"is refused: {message}"


def _unnamed_kind(path: Path, error: ErrorDetails) -> Complaint:
    """Complain about a mapping that does not say which of several kinds it is."""
    context = error.get("ctx", {})
    key, given = context["discriminator"].strip("'"), context.get("tag")
    if given is None:
        return Complaint(
            (*path, key), f"`{key}` is missing in {_name(path)}", "It says which kind this is", of_key=True
        )
    allowed = context["expected_tags"].replace("'", "")
    what = f"`{key}` is {shown(given)}; it must be one of {allowed}"
    return Complaint((*path, key), what, nearest(given, allowed.split(", ")).strip())


def mistaken(path: Path, given: Any, wanted: Any) -> Complaint:
    """Complain that a value is of the wrong kind, or not one of the words allowed."""
    next_ = nearest(given, choices(wanted)) if isinstance(given, str) else ""
    if isinstance(given, str) and _is_number(given) and "number" in describe(wanted):
        next_ = "Write it without quotes"
    elif isinstance(given, (bool, int, float)) and "text" in describe(wanted):
        next_ = f'Write "{shown(given).strip("`")}" in quotes'
    return Complaint(path, f"{_name(path)} is {shown(given)}; it must be {describe(wanted)}", next_.strip())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _misread(given: Any, wanted: Any, path: Path = ()) -> list[Complaint]:
    """Find values that pydantic would take for others: `true` for 1, "12" for 12, on for true."""
    if isinstance(given, (dict, list)):
        entries = given.items() if isinstance(given, dict) else enumerate(given)
        return [found for key, inner in entries for found in _misread(inner, inside(wanted, key), (*path, key))]
    return [mistaken(path, given, wanted)] if _is_of_other_sort(given, wanted) else []


def _is_of_other_sort(given: Any, wanted: Any) -> bool:
    sorts = {sort for member in members(wanted) for sort in _sorts(member)}
    return bool(sorts) and isinstance(given, (bool, int, float, str)) and _sort(given) not in sorts


def _sorts(kind: Any) -> set[str]:
    """Name the sorts of plain values that a type accepts; none where it accepts only lists and mappings."""
    if get_origin(kind) is Literal:
        return {_sort(word) for word in get_args(kind)}
    return (
        {"bool"}
        if kind is bool
        else {"number"}
        if kind in (int, float)
        else {"text"}
        if kind in (str, FilePath)
        else set()
    )


def _sort(value: Any) -> str:
    return "bool" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"


def _follow(value: Any, path: Path) -> Any:
    """Return the value at `path`, or `_ABSENT`."""
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return value


def _name(path: Path) -> str:
    """Name a value as its reader sees it."""
    if not path:
        return "this"
    return f"item {path[-1] + 1}{_in(path)}" if isinstance(path[-1], int) else f"`{path[-1]}`"


def _in(path: Path) -> str:
    holder = next((part for part in reversed(path[:-1]) if isinstance(part, str)), None)
    return "" if holder is None else f" in `{holder}`"


def shown(value: Any) -> str:
    """Show a given value in a message: scalars as YAML has them, shortened; of the rest only what it is.

    >>> shown(True), shown("twelve"), shown([1, 2])
    ('`true`', 'the text `twelve`', 'a list')
    """
    if isinstance(value, (list, tuple, dict)):
        return ("a " if value else "an empty ") + ("mapping" if isinstance(value, dict) else "list")
    if value is None or isinstance(value, bool):
        return f"`{ {None: 'null', True: 'true', False: 'false'}[value] }`"
    if isinstance(value, str):
        return f"the text `{' '.join(value.split())[:40]}`" if value else "an empty text"
    return f"`{value}`"
