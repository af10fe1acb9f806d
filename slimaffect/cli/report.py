"""`slim report`, `slim compare` and `slim results`: what finished runs say."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from slimaffect.cli.common import app, console

ResultPaths = Annotated[
    list[Path], typer.Argument(metavar="RESULTS...", help="Folders or result.json files of finished runs.")
]
ResultPath = Annotated[Path, typer.Argument(help="Folder or result.json of a finished run.")]


@app.command()
def report(
    results: ResultPaths,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FOLDER", help="Where to write; default: beside a single result, else results/report."
        ),
    ] = None,
    opened: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Write the Pareto report of one result, or of several on one front.

    report.html is one file without any network; pareto.png and .svg, table.md, .tex and .csv lie beside it.
    """
    from slimaffect.report import print_report, write_report
    from slimaffect.result import read_result

    read = [read_result(path) for path in results]
    folder = to or (_folder_of(results[0]) if len(results) == 1 else Path("results/report"))
    page = write_report(read, folder)
    print_report(console, read)
    console.print(f"Report: {page}", highlight=False, soft_wrap=True)
    if opened:
        typer.launch(page.absolute().as_uri())


@app.command()
def compare(a: ResultPath, b: ResultPath) -> None:
    """Compare the variants that two results share: B against A, person by person where both keep them."""
    from slimaffect.report.compare import compare
    from slimaffect.report.listing import comparison_table
    from slimaffect.result import read_result

    compared = compare(read_result(a), read_result(b))
    if compared.pairs:
        console.print(comparison_table(compared))
    for side, names in (("A", compared.only_before), ("B", compared.only_after)):
        if names:
            console.print(f"Only in {side}: {', '.join(names)}", highlight=False, markup=False)
    for remark in compared.remarks:
        console.print(remark, highlight=False, markup=False)


class _ListByDefault(TyperGroup):
    """`slim results results/` lists; other subcommands are named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # whose context it is depends on typer's version
        named = args and (args[0] in self.commands or args[0] in ("--help", "-h"))
        return super().parse_args(ctx, args if named else ["list", *args])


results_app = typer.Typer(cls=_ListByDefault, help="List, search and export finished results.")
app.add_typer(results_app, name="results")


@results_app.command("list")
def results_list(
    results: Annotated[
        list[Path] | None, typer.Argument(metavar="[RESULTS...]", help="Results, or folders of them; default: results/")
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="QUESTION", help='For example: "ccc > 0.6 and precision == int8"')
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", metavar="FIGURE", help="Sort by a figure; -FIGURE for the largest first.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B,...", help="What to show; an unknown name lists all.")
    ] = None,
    most: Annotated[int | None, typer.Option("--most", min=1, help="Show at most so many.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every figure as JSON.")] = False,
) -> None:
    """List the variants of finished runs, searched and sorted. What was not measured is a dash, and sorts last."""
    from slimaffect.report.listing import columns_of, find_results, lines, result_table, search

    shown = columns_of(columns)
    found = search(lines(find_results(results or [Path("results")])), where, sort, most)
    if as_json:
        import json

        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
    elif found:
        console.print(result_table(found, shown))
    else:
        console.print("No variant fits.")


@results_app.command("export")
def results_export(
    results: ResultPaths,
    to: Annotated[Literal["mlflow", "tensorboard"], typer.Option("--to", help="mlflow or tensorboard.")],
    where: Annotated[
        str, typer.Option("--out", metavar="PLACE", help="A folder, or for MLflow also a tracking address.")
    ],
) -> None:
    """Log every variant as a run in MLflow or TensorBoard (each an extra of the package)."""
    from slimaffect.report.listing import find_results
    from slimaffect.report.tracking import to_mlflow, to_tensorboard

    found = find_results(results)
    count = to_mlflow(found, where) if to == "mlflow" else to_tensorboard(found, Path(where))
    console.print(f"Exported {count} variants to {where}", highlight=False, soft_wrap=True)


@results_app.command("schema")
def results_schema(
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write it; default: print it.")] = None,
) -> None:
    """Print the JSON Schema of result.json, as in docs/schema/result-1.json."""
    from slimaffect.result import json_schema, write_schema

    if to is not None:
        console.print(f"Schema: {write_schema(to)}", highlight=False, soft_wrap=True)
        return
    import json

    typer.echo(json.dumps(json_schema(), indent=1, sort_keys=True))


def _folder_of(result: Path) -> Path:
    return result.parent if result.is_file() else result
