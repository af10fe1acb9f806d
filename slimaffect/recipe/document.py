"""A YAML text as plain values that remember their line.

PyYAML alone forgets lines, keeps the last of two equal keys, and reads `3e-4` as text and `no` as false.
"""

import math
import re
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from slimaffect.errors import Fault, RecipeError

MAX_DEPTH = 24  # the deepest shipped recipe has 6 levels
MAX_NODES = 20_000  # after aliases are written out: nine lines of aliases can stand for a billion values
MAX_DIGITS = 18  # a whole number that every tool can hold

Path = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the top, e.g. ("steps", 0, "train", "epochs")."""


@dataclass(frozen=True)
class Document:
    """Plain values (mappings, lists, text, numbers, true, false, null) and the place of each.

    Attributes:
        value: what was read.
        keys: for each path where its key (in a list: its item) stands, as "file:line".
        values: for each path where its value starts; differs from the key's line when it is written below it.
        faults: what is wrong though it could be read, such as equal keys.
        doubtful: paths whose value could not be read and was replaced.
    """

    value: Any
    keys: dict[Path, str] = field(default_factory=dict)
    values: dict[Path, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    doubtful: set[Path] = field(default_factory=set)

    def where(self, path: Path) -> str:
        """Find the line of the key at `path`, or of the nearest thing around it."""
        return _nearest(self.keys, path)

    def where_value(self, path: Path) -> str:
        """Find the line of the value at `path`, or of the nearest thing around it."""
        return _nearest(self.values, path) if path in self.values else self.where(path)

    def at(self, path: Path) -> Any:
        """Return the value at `path`; None where there is none."""
        value = self.value
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def _nearest(places: dict[Path, str], path: Path) -> str:
    return next((places[path[:n]] for n in range(len(path), -1, -1) if path[:n] in places), "")


def parse(text: str, where: str, *, line_numbers: bool = True) -> Document:
    """Read one YAML document.

    Args:
        text: the YAML text.
        where: the file's name, as the user knows it.
        line_numbers: False for a text that is no file (`--set`): its places are then `where` alone.

    Raises:
        RecipeError: the text is no YAML, or uses what a recipe refuses: tags, several documents, aliases that
            stand for too much.
    """
    reader = _Reader(text, where, line_numbers=line_numbers)
    node = reader.root()
    document = Document(None, faults=reader.faults)
    return replace(document, value=None if node is None else reader.build(node, (), document))


class _Loader(yaml.SafeLoader):
    """Compose nodes no deeper than `MAX_DEPTH`, untagged, and only as YAML 1.2 reads plain words."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  filled below
    depth = 0
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()
        if getattr(event, "tag", None):
            raise _Refusal(event.start_mark, f"the tag `{event.tag}`", "Recipes are plain data: remove the tag")
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _Refusal(event.start_mark, f"more than {MAX_NODES:,} values", "A recipe is a page long: shorten it")
        if self.depth >= MAX_DEPTH:
            raise _Refusal(event.start_mark, f"more than {MAX_DEPTH} levels", "Flatten what stands on this line")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", [*"~nN", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    # also `3e-4` and `1.`, which YAML 1.1 takes for text
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", "-+."),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))

RESOLVERS = _Loader.yaml_implicit_resolvers
"""By first character: the plain words that are no text."""


class _Refusal(yaml.MarkedYAMLError):
    """What a recipe refuses though YAML allows it."""

    def __init__(self, mark: yaml.Mark, what: str, next_: str) -> None:
        super().__init__(problem=what, problem_mark=mark, note=next_)


class _Reader:
    """Build plain values from nodes, and collect the faults on the way."""

    def __init__(self, text: str, where: str, *, line_numbers: bool) -> None:
        self.text, self.file, self.line_numbers = text, where, line_numbers
        self.faults: list[Fault] = []
        self.built = 0

    def place(self, line_index: int) -> str:
        return f"{self.file}:{line_index + 1}" if self.line_numbers else self.file

    def root(self) -> yaml.Node | None:
        """Compose the text, and say in a recipe writer's words why it cannot be."""
        try:
            loader = _Loader(self.text)
            return loader.get_single_node()
        except yaml.reader.ReaderError as error:
            line = self.text.count("\n", 0, error.position)
            what = f"the character U+{int(error.character):04X} cannot stand in YAML"
            raise RecipeError(
                [Fault(self.place(line), what, "Remove it, or save the file as plain UTF-8 text")]
            ) from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise RecipeError([Fault(self.place(mark.line if mark else 0), *_explain(error, self.text))]) from None

    def build(self, node: yaml.Node, path: Path, document: Document) -> Any:
        """Return the node's plain value and note the places of all that is in it."""
        self.built += 1
        if self.built > MAX_NODES or len(path) > MAX_DEPTH:
            what = f"the aliases here stand for more than {MAX_NODES:,} values or {MAX_DEPTH} levels"
            raise RecipeError([Fault(document.where(path[:1]), what, "Write the values out")])
        document.values[path] = self.place(node.start_mark.line)
        document.keys.setdefault(path, document.values[path])
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path, document)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index), document) for index, item in enumerate(node.value)]
        faults_before = len(self.faults)
        value = self.scalar(node)
        document.doubtful.update([path] if len(self.faults) > faults_before else [])
        return value

    def mapping(self, node: yaml.MappingNode, path: Path, document: Document) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = self.place(key_node.start_mark.line)
            key = str(key_node.value)
            if not isinstance(key_node, yaml.ScalarNode):
                self.faults.append(
                    Fault(line, "a list or mapping stands where a key should", "Write a word before the colon")
                )
            elif key == "<<":
                self.faults.append(Fault(line, "`<<` merges are not read", "Use `extends:`, or write the keys out"))
            elif not _printable(key):
                self.faults.append(
                    Fault(line, f"a key with a character that cannot be printed: {key[:40]!r}", "Remove it")
                )
            elif key in built:
                first = document.keys[*path, key]
                where = f": on line {_line(first)} and on line {_line(line)}" if first != line else " on this line"
                what = f"`{key}` is written twice{where if self.line_numbers else ''}"
                self.faults.append(Fault(line, what, "Keep one"))
            else:
                document.keys[*path, key] = line
                built[key] = self.build(value_node, (*path, key), document)
        return built

    def scalar(self, node: yaml.Node) -> str | int | float | bool | None:
        kind, text = node.tag.rpartition(":")[2], str(node.value)
        place = self.place(node.start_mark.line)
        if kind == "int" and len(text) > MAX_DIGITS:
            self.faults.append(Fault(place, f"a whole number of {len(text)} digits", f"{MAX_DIGITS} are the most"))
            return 0
        if kind == "float" and not (text[-1] in "0123456789." and math.isfinite(float(text))):
            self.faults.append(Fault(place, f"`{text[:40]}` is no finite number", "Write a number"))
            return 0.0
        if kind == "str" and not _printable(text):
            self.faults.append(
                Fault(place, f"text with a character that cannot be printed: {text[:40]!r}", "Remove it")
            )
            return ""
        return {"null": _null, "bool": _bool, "int": int, "float": float}.get(kind, str)(text)


def _null(_: str) -> None:
    return None


def _bool(text: str) -> bool:
    return text.lower() == "true"


def _printable(text: str) -> bool:
    return all(c.isprintable() or c in "\n\t" for c in text)


def _line(place: str) -> str:
    return place.rpartition(":")[2]


def _explain(error: yaml.MarkedYAMLError, text: str) -> tuple[str, str]:
    """Say what is wrong and what would be right."""
    problem, mark = str(error.problem or error.context), error.problem_mark
    line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
    if isinstance(error, _Refusal):
        return problem, str(error.note)
    if "'\\t'" in problem or line[: len(line) - len(line.lstrip())].count("\t"):
        return "a tab indents this line", "Indent with spaces: YAML does not read tabs"
    if "expected a single document" in str(error.context):
        return "a second document starts here (`---`)", "Keep one recipe per file"
    if "undefined alias" in problem:
        return f"this is no YAML: {problem}", "Write the value out"
    return (
        f"this is no YAML: {problem}",
        f"The line reads `{line.strip()[:60]}`: look for a missing colon, quote, bracket or dash",
    )
