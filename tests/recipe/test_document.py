"""YAML as recipes read it."""

import pytest

from slimaffect.errors import RecipeError
from slimaffect.recipe.document import parse

BOMB = "a: &a [1,2,3,4,5,6,7,8,9]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


def refusal(text: str) -> str:
    """Parse a text that must be refused and return the message."""
    with pytest.raises(RecipeError) as caught:
        parse(text, "r.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("3e-4", 3e-4),
        ("1.5E+3", 1500.0),
        (".5", 0.5),
        ("-3", -3),
        ("010", 10),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("'3e-4'", "3e-4"),
        ("=", "="),
    ],
)
def test_plain_words_are_read_as_they_look(written: str, read: object) -> None:
    """Only true and false are booleans, `3e-4` is a number, and a time or date stays text."""
    value = parse(f"a: {written}", "r.yaml").value["a"]
    assert value == read
    assert type(value) is type(read)


def test_every_key_and_value_knows_its_line() -> None:
    """A value written below its key has a line of its own; list items have theirs."""
    document = parse("a:\n  b:\n    text\n  c:\n  - 1\n  - {d: 2,\n     e: 3}\n", "r.yaml")
    assert document.where(("a", "b")) == "r.yaml:2"
    assert document.where_value(("a", "b")) == "r.yaml:3"
    assert document.where(("a", "c", 1, "e")) == "r.yaml:7"
    assert document.where(("a", "c", 1, "not there")) == "r.yaml:6"


def test_equal_keys_are_faults_with_both_lines() -> None:
    """All equal keys are found, at any depth, and the first value is kept."""
    document = parse("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n", "r.yaml")
    assert [fault.where for fault in document.faults] == ["r.yaml:4", "r.yaml:5"]
    assert document.faults[1].what == "`a` is written twice: on line 1 and on line 5"
    assert document.value == {"a": 1, "b": {"c": 1}}


@pytest.mark.parametrize(
    ("text", "line", "fragment"),
    [
        (BOMB, 5, "aliases here stand for more than 20,000 values"),
        ("a: &x [*x]", 1, "aliases here stand for more than 20,000 values"),
        ("a: " + "[" * 100_000, 1, "more than 24 levels"),
        ("a:\n" + "- 1\n" * 100_000, 19_999, "more than 20,000 values"),
        (
            "a: 1\nb: !!python/object/apply:os.system [ls]",
            2,
            "the tag `tag:yaml.org,2002:python/object/apply:os.system`",
        ),
        ("a: !secret x", 1, "the tag `!secret`"),
        ("a:\n\tb: 1", 2, "a tab indents this line. Indent with spaces"),
        ("a:\n  - train:\n\t\tepochs: 1", 3, "a tab indents this line"),
        ("a: 1\n---\nb: 2", 2, "a second document starts here"),
        ("a: [1,\n2", 2, "this is no YAML: expected ',' or ']'"),
        ("a: b: c", 1, "this is no YAML: mapping values are not allowed here. The line reads `a: b: c`"),
        ("a: *x", 1, "found undefined alias 'x'"),
        ("a: 'x", 1, "this is no YAML"),
        ("b: 1\na: \x07", 2, "the character U+0007 cannot stand in YAML"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_at_its_line(text: str, line: int, fragment: str) -> None:
    """Broken YAML, tags, bombs and endless nesting end in one fault, at once and without running anything."""
    message = refusal(text)
    assert message.startswith(f"r.yaml:{line}: ")
    assert fragment in message


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("a: " + "9" * 5000, "a whole number of 5000 digits"),
        ("a: 1e999", "`1e999` is no finite number"),
        ("a: -.inf", "`-.inf` is no finite number"),
        ('a: "\\uD800"', "a character that cannot be printed"),
        ('"\\0": 1', "a key with a character that cannot be printed"),
        ("[1, 2]: 3", "a list or mapping stands where a key should"),
        ("<<: {a: 1}", "`<<` merges are not read"),
    ],
)
def test_values_that_no_setting_can_hold_are_faults(text: str, fragment: str) -> None:
    """Such values are told with all the other faults of the recipe."""
    (fault,) = parse(text, "r.yaml").faults
    assert fault.where == "r.yaml:1"
    assert fragment in fault.what


def test_an_alias_is_read_where_it_stands_for_little() -> None:
    """Anchors are plain YAML: they work as long as they are no bomb."""
    assert parse("a: &x [1, 2]\nb: *x", "r.yaml").value == {"a": [1, 2], "b": [1, 2]}
