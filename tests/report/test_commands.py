"""`slim report`, `slim compare` and `slim results`, as they are typed."""

import json

import pytest
from typer.testing import CliRunner

from slimaffect.cli import app
from slimaffect.cli.common import console
from slimaffect.errors import ResultError
from slimaffect.result import json_schema, write_result


@pytest.fixture
def typed(monkeypatch):
    """Type a command and read what it prints; an error of ours comes through."""
    monkeypatch.setattr(console, "_width", 200)  # it was measured when the commands were imported

    def run(*arguments):
        told = CliRunner().invoke(app, [str(one) for one in arguments])
        if isinstance(told.exception, ResultError):
            raise told.exception
        assert told.exit_code == 0, told.output
        return told.output

    return run


@pytest.fixture
def folder(result, tmp_path):
    """A folder with one result."""
    return write_result(result, tmp_path / "results" / "distill-1" / "result.json").parent


def test_results_are_listed_searched_and_sorted(typed, folder):
    """Without a subcommand it lists; a question keeps what fits, in order; --json gives every figure."""
    assert typed("results", folder.parent).count("distill-1") == 7
    told = typed(
        "results", folder.parent, "--where", "standing == kept", "--sort", "clip_ms", "--columns", "variant,clip_ms"
    )
    assert [line.split()[0] for line in told.splitlines()[3:] if line.strip()] == [
        "tiny-fp32",
        "small-int8",
        "small-fp32",
    ]
    found = json.loads(typed("results", folder, "--where", "ccc == none", "--json"))
    assert [(one["variant"], one["clip_ms"]) for one in found] == [("micro-int8", None)]
    assert "No variant fits." in typed("results", folder, "--where", "ccc > 2")
    with pytest.raises(ResultError, match=r"'fast' is no figure of a result"):
        typed("results", folder, "--columns", "fast")


def test_two_results_are_compared(typed, folder):
    """A table of shared variants, and what limits the comparison."""
    told = typed("compare", folder, folder / "result.json")
    assert "intervals overlap" in told
    assert "that is no test" in " ".join(told.split())


def test_the_schema_is_printed_and_written(typed, tmp_path):
    """The same that the documents hold."""
    assert json.loads(typed("results", "schema")) == json_schema()
    typed("results", "schema", "--to", tmp_path / "schema.json")
    assert json.loads((tmp_path / "schema.json").read_text()) == json_schema()


def test_a_report_is_written_where_it_is_asked_for(typed, folder, tmp_path, monkeypatch):
    """Six files; and with --open the browser is given the page."""
    opened = []
    monkeypatch.setattr("typer.launch", opened.append)
    assert "small-int8" in typed("report", folder, "--to", tmp_path / "paper", "--open")
    assert len(list((tmp_path / "paper").iterdir())) == 6
    assert opened == [(tmp_path / "paper" / "report.html").as_uri()]
