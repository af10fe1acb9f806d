"""`slim cache`: what earlier runs keep for later ones."""

from typing import Annotated

import typer

from slimaffect.cli.common import CachePath, app, console, places_of

cache_app = typer.Typer(no_args_is_help=True, help="See and clear what earlier runs keep for later ones.")
app.add_typer(cache_app, name="cache")


@cache_app.command("show")
def cache_show(cache: CachePath = None) -> None:
    """Show what is kept, where, and how large it is."""
    places_of(cache).show(console)


@cache_app.command("clear")
def cache_clear(
    what: Annotated[str, typer.Argument(help="One of what `slim cache show` lists, or all.")] = "tasks",
    cache: CachePath = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete finished tasks, prepared faces or whatever else is kept; results stay."""
    places = places_of(cache)
    if yes or typer.confirm(f"Delete {what} under {places.cache}?"):
        console.print(f"Freed {places.clear(what):.1f} MB.")
