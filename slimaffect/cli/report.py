"""`slim report`: pages over finished results."""

from pathlib import Path
from typing import Annotated

import typer

from slimaffect.cli.common import app, console


@app.command()
def report(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULTS...", help="Folders or result.json files of finished runs.")
    ],
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FOLDER", help="Where to write; default: beside a single result, else results/report."
        ),
    ] = None,
) -> None:
    """Write the Pareto report of one result, or of several on one front."""
    from slimaffect.report import print_report, write_report
    from slimaffect.result import read_result

    read = [read_result(path) for path in results]
    folder = to or (_folder_of(results[0]) if len(results) == 1 else Path("results/report"))
    page = write_report(read, folder)
    print_report(console, read)
    console.print(f"Report: {page}", highlight=False, soft_wrap=True)


def _folder_of(result: Path) -> Path:
    return result.parent if result.is_file() else result
