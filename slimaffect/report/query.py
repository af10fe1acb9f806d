"""Questions to results: `ccc > 0.6 and (precision == int8 or clip_ms < 0.5)`. Parsed here; nothing is ever evaluated.

A question is comparisons joined by `and`, `or`, `not` and parentheses. A comparison names a figure on its left, one of
`< <= > >= == != ~` (`~`: contains the text), and a number, a word, a quoted text, true, false or none on its right.
What was not measured fulfils no comparison but `== none`.
"""

import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from slimaffect.errors import ResultError

Line = Mapping[str, Any]
Question = Callable[[Line], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<sign><=|>=|==|!=|<|>|~|\(|\))|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])"
    r"|'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<word>[\w.\-]+))"
)
_CONSTANTS = {"true": True, "false": False, "none": None}
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def question(text: str, names: Collection[str]) -> Question:
    """Turn a question into a function that answers it for one line.

    Raises:
        ResultError: it is no question; the message shows the place.

    >>> asked = question("ccc > 0.6 and precision == int8", {"ccc", "precision"})
    >>> asked({"ccc": 0.7, "precision": "int8"}), asked({"ccc": None, "precision": "int8"})
    (True, False)
    """
    parser = _Parser(text, names)
    asked = parser.either()
    parser.end()
    return asked


def sort_key(name: str, names: Collection[str]) -> tuple[str, bool]:
    """Read what to sort by: a name, with a minus before it for the largest first.

    Raises:
        ResultError: there is no such name.
    """
    bare = name.removeprefix("-")
    if bare not in names:
        raise ResultError(_unknown(bare, names))
    return bare, name.startswith("-")


def ordered(lines: Iterable[Line], name: str, *, down: bool) -> list[Line]:
    """Sort lines by one figure; those where it was not measured stand last, whichever way."""
    known, missing = [], []
    for line in lines:
        (missing if line[name] is None else known).append(line)
    return [*sorted(known, key=lambda line: line[name], reverse=down), *missing]


class _Parser:
    """Recursive descent: either = both (or both)*; both = one (and one)*; one = not one | (either) | comparison."""

    def __init__(self, text: str, names: Collection[str]) -> None:
        self._text, self._names, self._at = text, names, 0

    def either(self) -> Question:
        found = [self._both()]
        while self._word("or"):
            found.append(self._both())
        return lambda line: any(one(line) for one in found)

    def end(self) -> None:
        if self._text[self._at :].strip():
            raise self._fault("expected `and`, `or` or the end")

    def _both(self) -> Question:
        found = [self._one()]
        while self._word("and"):
            found.append(self._one())
        return lambda line: all(one(line) for one in found)

    def _one(self) -> Question:
        if self._word("not"):
            inner = self._one()
            return lambda line: not inner(line)
        if self._sign("("):
            inner = self.either()
            if not self._sign(")"):
                raise self._fault("expected `)`")
            return inner
        return self._comparison()

    def _comparison(self) -> Question:
        token = self._take("word")
        if token is None:
            raise self._fault("expected the name of a figure, `not` or `(`")
        if token not in self._names:
            raise ResultError(_unknown(token, self._names))
        sign = self._take("sign")
        if sign is None or sign in "()":
            raise self._fault(f"expected one of < <= > >= == != ~ after {token}")
        value = self._value()
        return lambda line: _compare(line[token], sign, value)

    def _value(self) -> Any:
        for kind in ("number", "single", "double", "word"):
            token = self._take(kind)
            if token is not None:
                return float(token) if kind == "number" else _CONSTANTS.get(token, token) if kind == "word" else token
        raise self._fault("expected a number, a word or a quoted text")

    def _take(self, kind: str) -> str | None:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found[kind] is None:
            return None
        self._at = found.end()
        return found[kind]

    def _word(self, word: str) -> bool:
        return self._when("word", word)

    def _sign(self, sign: str) -> bool:
        return self._when("sign", sign)

    def _when(self, kind: str, wanted: str) -> bool:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found[kind] != wanted:
            return False
        self._at = found.end()
        return True

    def _fault(self, expected: str) -> ResultError:
        rest = self._text[self._at :].strip() or "nothing more"
        return ResultError(
            f"--where {self._text!r}: {expected}, found {rest!r}. For example: ccc > 0.6 and precision == int8"
        )


def _compare(value: Any, sign: str, wanted: Any) -> bool:
    if wanted is None or value is None:
        return sign in ("==", "!=") and wanted is None and (value is None) == (sign == "==")
    if sign == "~":
        return str(wanted).lower() in str(value).lower()
    if isinstance(value, bool) or isinstance(wanted, bool):
        return sign in ("==", "!=") and _ORDERED[sign](value, wanted)
    if isinstance(value, int | float) != isinstance(wanted, int | float):
        value, wanted = str(value), f"{wanted:g}" if isinstance(wanted, float) else str(wanted)
    return _ORDERED[sign](value, wanted)


def _unknown(name: str, names: Collection[str]) -> str:
    near = get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"{name!r} is no figure of a result.{hint} There are: {', '.join(names)}."
