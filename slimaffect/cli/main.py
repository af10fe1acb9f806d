"""From an exit to an exit code: errors are said in a sentence, and a defect of ours keeps its traceback in a file."""

import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from slimaffect import __version__
from slimaffect.cli.common import app, complain, complaints
from slimaffect.errors import SlimError

STOPPED = 130  # what a shell reports after Ctrl-C


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"slimaffect {__version__}")
        raise typer.Exit


def main() -> None:
    """Run a command; say errors in a sentence, and end with the exit code that scripts can act on.

    0 done; 1 something failed; 2 a recipe or an option is wrong; 3 the data is refused; 75 stopped by SIGTERM with
    everything kept, so that it may be queued again; 130 stopped by Ctrl-C.
    """
    try:
        app()
    except SlimError as error:
        _say("error", str(error))
        sys.exit(error.exit_code)
    except SystemExit as leaving:
        if leaving.code == STOPPED:
            complaints.print("\nStopped. What is finished is kept: the same command goes on from here.")
        raise
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        _say("error", f"{error.strerror or error}{where}")
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  a defect of ours: say so, keep the traceback in a file
        log = _keep_traceback()
        _say("defect", f"{type(error).__name__}: {error}\nThis is a fault of slimaffect. Please report it with {log}")
        sys.exit(1)


def _say(what: str, sentence: str) -> None:
    complaints.print(f"[bold red]{what}[/bold red] ", end="")
    complain(sentence)  # as it is: brackets in it are text


def _keep_traceback() -> Path:
    from platformdirs import user_cache_path

    log = user_cache_path("slimaffect") / "last-defect.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(traceback.format_exc())
    return log
