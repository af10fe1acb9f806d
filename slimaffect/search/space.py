"""What a search may choose: a range or some words for each setting, and points of the unit cube for all of them."""

import difflib
import math
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import numpy as np
from jaxtyping import Float
from pydantic import Field, ValidationError, model_validator

from slimaffect.settings import Settings

Value = bool | int | float | str
Values = dict[str, Value]
"""One choice: a value for each searched setting, by its path."""
Of = TypeVar("Of", bound=Settings)


class Span(Settings):
    """All numbers between two."""

    low: float
    """The lowest value."""
    high: float
    """The highest value."""
    log: bool = False
    """Search factors rather than distances: for what spans decades."""

    @model_validator(mode="after")
    def _rises(self) -> "Span":
        if not self.low < self.high:
            raise ValueError(f"low is {self.low:g} and high is {self.high:g}; low must be the smaller one")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low:g}; with log: true it must be above 0")
        return self


class Words(Settings):
    """Some values."""

    of: Annotated[tuple[Value, ...], Field(min_length=2)]
    """The values, in their natural order if they have one."""


Range = Span | Words
Space = dict[str, Range]
"""What may be chosen, by the path of the setting."""


def value_at(base: Settings, path: str) -> Any:
    """Read the setting at a path such as `frames.rate`; None where there is none.

    >>> from slimaffect.train.settings import TrainSettings
    >>> value_at(TrainSettings(), "frames.batch"), value_at(TrainSettings(), "frames.speed")
    (128, None)
    """
    found: Any = base
    for part in path.split("."):
        found = getattr(found, part, None) if isinstance(found, Settings) and part in type(found).model_fields else None
    return None if isinstance(found, Settings) else found


def paths(base: Settings, before: str = "") -> list[str]:
    """List the path of every setting that is a plain value."""
    found: list[str] = []
    for name in type(base).model_fields:
        value = getattr(base, name)
        found += paths(value, f"{before}{name}.") if isinstance(value, Settings) else [f"{before}{name}"]
    return found


def chosen(base: Of, values: Mapping[str, Value]) -> Of:
    """Answer the settings with these values in their places, checked.

    Raises:
        ValidationError: a value is none that the setting may have.
    """
    plain = base.model_dump()
    for path, value in values.items():
        *holders, last = path.split(".")
        inner = plain
        for holder in holders:
            inner = inner[holder]
        inner[last] = value
    return type(base).model_validate(plain)


def faults(space: Space, base: Settings) -> list[str]:
    """Say of each path whether there is such a setting, and of each range whether the setting may have its ends."""
    known = paths(base)
    return [fault for path, of in space.items() for fault in _faults(path, of, base, known)]


def _faults(path: str, of: Range, base: Settings, known: list[str]) -> list[str]:
    if path not in known:
        close = difflib.get_close_matches(path, known, n=1)
        meant = f"Did you mean `{close[0]}`? " if close else ""
        return [f"there is no setting `{path}` to search. {meant}There are: {', '.join(known)}"]
    if isinstance(of, Span) and (isinstance(value_at(base, path), bool | str) or value_at(base, path) is None):
        return [f"`{path}` is no number: list its values, {{of: [a, b]}}"]
    ends = (as_kept(of.low, path, base), as_kept(of.high, path, base)) if isinstance(of, Span) else of.of
    return [fault for end in ends if (fault := _refused(path, end, base))]


def _refused(path: str, value: Value, base: Settings) -> str | None:
    try:
        chosen(base, {path: value})
    except ValidationError as error:
        rule = error.errors()[0]["msg"].removeprefix("Value error, ").replace("Input should", "it should")
        return f"`{path}` may not be {value}: {rule}"
    return None


def as_kept(value: float, path: str, base: Settings) -> int | float:
    """Round to a whole number where the setting is one."""
    return round(value) if isinstance(value_at(base, path), int) else value


def to_values(point: Float[np.ndarray, " settings"], space: Space, base: Settings) -> Values:
    """Answer the choice that a point of the unit cube stands for.

    >>> from slimaffect.train.settings import TrainSettings
    >>> space = {"frames.rate": Span(low=1e-4, high=1e-2, log=True), "keep": Words(of=("last", "best"))}
    >>> to_values(np.array([0.5, 0.2]), space, TrainSettings())
    {'frames.rate': 0.001, 'keep': 'last'}
    """
    return {path: _value(float(unit), path, of, base) for unit, (path, of) in zip(point, space.items(), strict=True)}


def _value(unit: float, path: str, of: Range, base: Settings) -> Value:
    if isinstance(of, Words):
        return of.of[min(int(unit * len(of.of)), len(of.of) - 1)]
    value = of.low * (of.high / of.low) ** unit if of.log else of.low + unit * (of.high - of.low)
    # Twelve digits, so that a value is the same however it was computed.
    return as_kept(float(f"{min(max(value, of.low), of.high):.12g}"), path, base)


def to_point(values: Mapping[str, Value], space: Space) -> Float[np.ndarray, " settings"]:
    """Answer the point of the unit cube that a choice stands at; words stand in the middle of their parts."""
    return np.array([_unit(values[path], of) for path, of in space.items()])


def _unit(value: Value, of: Range) -> float:
    if isinstance(of, Words):
        return (of.of.index(value) + 0.5) / len(of.of)
    assert not isinstance(value, str)
    return math.log(value / of.low) / math.log(of.high / of.low) if of.log else (value - of.low) / (of.high - of.low)


def inside(values: Mapping[str, Value], space: Space) -> bool:
    """Tell whether a choice lies in the space."""
    return all(_is_inside(values[path], of) for path, of in space.items())


def _is_inside(value: Value, of: Range) -> bool:
    if isinstance(of, Words):
        return value in of.of
    return not isinstance(value, str) and of.low <= value <= of.high
