"""Sweeps: `{sweep: [a, b]}` stands for a and for b; steps with several sweeps stand for their product."""

import json
import re
from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

from slimaffect.recipe.complaints import Complaint, shown
from slimaffect.recipe.document import Path

SWEEP = "sweep"
MAX_VARIANTS = 256  # each is trained on every fold: more is a search, not a comparison
MAX_NAME = 60  # characters; a variant's name becomes a folder's

Choice = dict[Path, int]
"""For each sweep, by its path, which of its values is taken."""


def is_sweep(value: Any) -> bool:
    """Tell a sweep from other values."""
    return isinstance(value, dict) and SWEEP in value


def find(value: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Find every sweep in reading order, also those inside swept values."""
    if is_sweep(value):
        yield path, value
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from find(inner, (*path, key))


def count(value: Any) -> int:
    """Count the alternatives that a value stands for, without writing them out."""
    if is_sweep(value):
        return sum(count(item) for item in value[SWEEP])
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return prod(count(item) for item in inner)


def alternatives(value: Any, path: Path = ()) -> list[Choice]:
    """List every choice of swept values, the last sweep changing fastest.

    >>> alternatives({"a": {"sweep": ["x", "y"]}})
    [{('a',): 0}, {('a',): 1}]
    """
    if is_sweep(value):
        below = [(*path, SWEEP)]
        items = enumerate(value[SWEEP])
        return [{path: n, **choice} for n, item in items for choice in alternatives(item, (*below[0], n))]
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    combinations = product(*(alternatives(inner, (*path, key)) for key, inner in entries))
    return [{at: n for choice in combination for at, n in choice.items()} for combination in combinations]


def take(value: Any, choice: Choice, path: Path = ()) -> Any:
    """Return the value with every sweep replaced by its chosen value.

    >>> take([{"sweep": ["x", "y"]}], {(0,): 1})
    ['y']
    """
    if is_sweep(value):
        return take(value[SWEEP][choice[path]], choice, (*path, SWEEP, choice[path]))
    if isinstance(value, dict):
        return {key: take(inner, choice, (*path, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [take(inner, choice, (*path, n)) for n, inner in enumerate(value)]
    return value


def origin(path: Path, choice: Choice) -> Path:
    """Return where in the recipe a path of the chosen values comes from.

    >>> origin((0, "epochs"), {(0,): 1})
    (0, 'sweep', 1, 'epochs')
    """
    source: Path = ()
    for part in (*path, None):
        while source in choice:
            source = (*source, SWEEP, choice[source])
        source = source if part is None else (*source, part)
    return source


def misuses(value: Any) -> list[Complaint]:
    """Say what is wrong with the sweeps in a value."""
    return [complaint for path, sweep in find(value) for complaint in _misuses_of(sweep, path)]


def _misuses_of(sweep: dict[str, Any], path: Path) -> list[Complaint]:
    values, others = sweep[SWEEP], [key for key in sweep if key != SWEEP]
    if others:
        what = f"`{others[0]}` stands beside `sweep`"
        return [Complaint((*path, others[0]), what, "A sweep stands alone: `{sweep: [a, b]}`", of_key=True)]
    if not isinstance(values, list) or not values:
        what = "a sweep of nothing" if values == [] else f"`sweep` is {shown(values)}; it must be a list"
        return [Complaint((*path, SWEEP), what, "Write the values to try: `{sweep: [a, b]}`", of_key=True)]
    written = [json.dumps(item, sort_keys=True) for item in values]
    again = [n for n, text in enumerate(written) if text in written[:n]]
    what = "{} stands twice in the same sweep"
    return [Complaint((*path, SWEEP, n), what.format(shown(values[n])), "Keep one") for n in again]


def name(value: Any, choice: Choice) -> str:
    """Name a variant by its chosen values, readably and fit for a folder.

    >>> name({"student": {"sweep": ["small", "tiny"]}, "keep": {"sweep": [0.5]}}, {("student",): 1, ("keep",): 0})
    'tiny-keep0.5'
    """
    labels = []
    for path, n in choice.items():
        key = next((part for part in reversed(path) if isinstance(part, str) and part != SWEEP), "step")
        chosen = value
        for part in (*path, SWEEP, n):
            chosen = chosen[part]
        labels.append("" if is_sweep(chosen) else _label(key, chosen, n))
    return "-".join(filter(None, labels))[:MAX_NAME].strip("-.") or "variant"


def _label(key: str, value: Any, number: int) -> str:
    """Word one chosen value: text as it is, numbers after their key, mappings by their one entry or their number."""
    if isinstance(value, dict) and len(value) == 1:
        ((key, value),) = value.items()
        return "" if is_sweep(value) else _label(key, value, number) if value else _slug(key)
    if isinstance(value, str):
        return _slug(value) or f"{_slug(key)}{number + 1}"
    if isinstance(value, (dict, list)):
        return f"{_slug(key)}{number + 1}"
    return _slug(f"{key}{json.dumps(value)}")


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", text)[:40].strip("-.")
