"""Many results as one list of variants: what `slim results` searches, sorts and prints."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from slimaffect.errors import ResultError
from slimaffect.report.compare import Comparison, Pair
from slimaffect.report.query import Line, ordered, question, sort_key
from slimaffect.report.table import COLUMNS, flat
from slimaffect.report.words import DASH, MINUS, figures, plain, signed, signed_span, times
from slimaffect.result import Result, read_result

NAMES = ("run", "result", "recipe", "date", "data", "cpu", "gpu", "commit", *COLUMNS)
"""What a question can name."""
SHOWN = ("run", "variant", "standing", "ccc", "delta", "delta_low", "clip_ms", "size_mb")
"""What is printed unless other columns are asked for."""


def find_results(paths: Sequence[Path]) -> list[tuple[Path, Result]]:
    """Read the results named, and those in folders of results; one that cannot be read is an error.

    Raises:
        ResultError: there is none, or one is damaged.
    """
    found = [(file, read_result(file)) for path in paths for file in _files(path)]
    if not found:
        raise ResultError(
            f"there is no result under {', '.join(map(str, paths))}. `slim run RECIPE` writes one below results/."
        )
    return found


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir() and not (path / "result.json").exists():
        yield from sorted(path.glob("*/result.json"))
    else:
        yield path / "result.json" if path.is_dir() else path


def lines(results: Sequence[tuple[Path, Result]]) -> list[dict[str, Any]]:
    """Write every variant of every result as one line, with where it comes from."""
    return [
        {
            "run": path.parent.name,
            "result": str(path),
            "recipe": result.recipe.name,
            "date": (result.environment.date or "")[:10] or None,
            "data": result.data.name if result.data else None,
            "cpu": result.environment.cpu,
            "gpu": result.environment.gpu,
            "commit": result.environment.commit,
            **told,
        }
        for path, result in results
        for told in flat(result)
    ]


def search(
    found: Sequence[Line], where: str | None = None, sort: str | None = None, most: int | None = None
) -> list[Line]:
    """Keep the lines that answer the question, sort them, and keep the first.

    Raises:
        ResultError: the question or the figure to sort by is not understood.
    """
    asked = question(where, NAMES) if where else (lambda _: True)
    kept = [line for line in found if asked(line)]
    if sort:
        name, down = sort_key(sort, NAMES)
        kept = ordered(kept, name, down=down)
    return kept[:most]


def columns_of(text: str | None) -> tuple[str, ...]:
    """Read a list of columns.

    Raises:
        ResultError: one is no figure of a result.
    """
    if text is None:
        return SHOWN
    return tuple(sort_key(name.strip(), NAMES)[0] for name in text.split(","))


def result_table(found: Sequence[Line], columns: Sequence[str]) -> Table:
    """Lay out lines for a terminal."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in columns:
        number = any(isinstance(line[name], int | float) for line in found)
        shown.add_column(name, justify="right" if number else "left", overflow="fold", no_wrap=number)
    for line in found:
        shown.add_row(*(escape(_told(line[name])) for name in columns))
    return shown


def comparison_table(compared: Comparison) -> Table:
    """Lay out the pairs of two results for a terminal."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for title in ("variant", "CCC A", "CCC B", "B − A", "says", "faster", "less CPU", "smaller"):
        shown.add_column(title, justify="left" if title in ("variant", "says") else "right", overflow="fold")
    for pair in compared.pairs:
        shown.add_row(escape(pair.before.name) + ("" if pair.same_steps else " *"), *_cells(pair))
    return shown


def _cells(pair: Pair) -> list[str]:
    before, after = (one.scores.ccc if one.scores else None for one in (pair.before, pair.after))
    change = signed(pair.change) + (f"\n[dim]{signed_span(pair.interval)}[/dim]" if pair.interval else "")
    overlap = {True: "intervals overlap", False: "intervals apart", None: DASH}[pair.overlap]
    said = pair.says if pair.interval else overlap
    return [plain(before), plain(after), change, said, times(pair.faster), times(pair.cheaper), times(pair.smaller)]


def _told(value: Any) -> str:
    if value is None:
        return DASH
    if isinstance(value, float):
        return (MINUS if value < 0 else "") + figures(abs(value))
    return str(value)
