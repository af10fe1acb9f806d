"""Questions to results: parsed, never evaluated."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimaffect.errors import ResultError
from slimaffect.report.query import ordered, question, sort_key

LINE = {"ccc": 0.62, "clip_ms": 0.4, "precision": "int8", "variant": "tiny-int8", "non_inferior": True, "energy_mj": None, "parameters": 1000}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ccc > 0.6", True),
        ("ccc >= 0.63", False),
        ("ccc > .6 and clip_ms < 1e-1", False),
        ("ccc > 0.9 or clip_ms < 0.5", True),
        ("not ccc > 0.9", True),
        ("not (ccc > 0.6 and precision == int8)", False),
        ("ccc > 0.9 and ccc > 0.9 or precision == int8", True),  # `and` binds first
        ("ccc > 0.9 and (ccc > 0.9 or precision == int8)", False),
        ("precision != 'fp32'", True),
        ('variant ~ "TINY"', True),
        ("variant ~ small", False),
        ("variant == tiny-int8", True),
        ("non_inferior == true", True),
        ("non_inferior != true", False),
        ("parameters == 1000", True),
        ("energy_mj < 5", False),  # not measured: no comparison holds,
        ("energy_mj > 5", False),
        ("energy_mj != 5", False),
        ("energy_mj == none", True),  # but this one
        ("ccc != none", True),
        ("precision > 3", True),  # as texts
    ],
)
def test_a_question_is_answered(text, expected):
    """Comparisons, their precedence, texts, and what was not measured."""
    assert question(text, LINE)(LINE) is expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cc > 0.5", "'cc' is no figure of a result. Did you mean 'ccc'?"),
        ("ccc", "expected one of < <= > >= == != ~ after ccc, found 'nothing more'"),
        ("ccc >", "expected a number, a word or a quoted text, found 'nothing more'"),
        ("(ccc > 1", "expected `)`, found 'nothing more'"),
        ("ccc > 1 ccc", "expected `and`, `or` or the end, found 'ccc'"),
        ("> 1", "expected the name of a figure, `not` or `(`, found '> 1'"),
        ("__import__('os').system('x')", "'__import__' is no figure"),
    ],
)
def test_what_is_no_question_says_where(text, words):
    """The place, what would fit, and an example."""
    with pytest.raises(ResultError) as caught:
        question(text, LINE)
    assert words in str(caught.value)


@given(st.text(max_size=40))
@settings(max_examples=30, deadline=None)
def test_no_text_does_anything_but_answer_or_complain(text):
    """Whatever is typed is answered with yes or no, or refused with our own error."""
    with suppress(ResultError):
        assert question(text, LINE)(LINE) in (True, False)


def test_what_was_not_measured_sorts_last_either_way():
    """Upwards and downwards."""
    lines = [{"ms": None}, {"ms": 2.0}, {"ms": 1.0}]
    assert [one["ms"] for one in ordered(lines, "ms", down=False)] == [1.0, 2.0, None]
    assert [one["ms"] for one in ordered(lines, "ms", down=True)] == [2.0, 1.0, None]
    assert sort_key("-ccc", LINE) == ("ccc", True)
    with pytest.raises(ResultError, match=r"'cc' is no figure of a result. Did you mean 'ccc'\?"):
        sort_key("cc", LINE)
