"""`slim status`: what a run is doing, told from its ledger, here or on another machine."""

from pathlib import Path
from typing import Annotated

import typer

from slimaffect.cli.common import CachePath, app, console, places_of


@app.command()
def status(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="A result's folder: results/NAME-HASH")],
    logs: Annotated[bool, typer.Option("--logs", help="Print the end of the log of each failed task.")] = False,
    cache: CachePath = None,
) -> None:
    """Show what a run is doing: tasks running, waiting, done and failed, the time left, joules so far."""
    from slimaffect.execute.status import read_status, show_status

    told = read_status(result)
    show_status(told, console, logs=places_of(cache).tasks.log if logs else None)
