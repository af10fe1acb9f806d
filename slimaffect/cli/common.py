"""What the commands share: the application, where it writes, and the options that several of them have."""

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from slimaffect.callbacks import Watch
    from slimaffect.run import Places

console = Console()
complaints = Console(stderr=True)

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Make affect models cheap without making them worse.\n\n"
    "A recipe names the data, the model and the steps; [bold]slim run[/bold] trains and scores it leave-one-site-out, "
    "exports what deploys, and writes a Pareto report.\n\n"
    "Start with: [bold]slim run recipes/distill.yaml[/bold]",
)

RecipePath = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe file, or the name of a shipped one.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Override a setting: --set train.epochs=2")
]
DataPath = Annotated[
    str | None, typer.Option("--data", metavar="PATH", help="Use this dataset instead of the recipe's.")
]
CachePath = Annotated[
    Path | None, typer.Option("--cache", metavar="PATH", help="Where prepared faces and finished tasks are kept.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, metavar="N", help="Processes at once; default: one per core.")
]
Region = Annotated[
    str | None, typer.Option("--region", metavar="ISO3", help="Country of the electricity, such as DEU: grams of CO2.")
]
CarbonIntensity = Annotated[
    float | None, typer.Option("--carbon-intensity", metavar="G", help="Grams of CO2 per kWh, instead of --region.")
]
Pue = Annotated[float, typer.Option("--pue", help="Energy of the building over that of its computers.")]
BundlePath = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle's folder: results/.../bundles/NAME")]


def complain(sentence: str) -> None:
    """Say a sentence on standard error."""
    complaints.print(sentence, markup=False, highlight=False, soft_wrap=True)


def places_of(cache: Path | None) -> "Places":
    """Answer where a command reads and writes."""
    from slimaffect.run import Places

    return Places.choose(cache=cache)


def shown_bars() -> "AbstractContextManager[Watch]":
    """Show progress bars on this terminal."""
    from slimaffect.bars import bars

    return bars(console)


def cores() -> int:
    """Count this machine's cores."""
    return os.cpu_count() or 1


def with_execution(overrides: list[str] | None, workers: int | None, on: str | None) -> list[str]:
    """Add `--workers` and `--on` to what was overridden."""
    given = {"workers": workers, "on": on}
    return [*(overrides or ()), *(f"execution.{name}={value}" for name, value in given.items() if value)]
