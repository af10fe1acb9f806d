"""`slim run`, `slim check` and `slim steps`: what a recipe says and does."""

from pathlib import Path
from typing import Annotated

import typer

from slimaffect.cli.common import (
    CachePath,
    CarbonIntensity,
    DataPath,
    Overrides,
    Pue,
    RecipePath,
    Region,
    Workers,
    app,
    console,
    with_execution,
)
from slimaffect.errors import RecipeError


@app.command()
def run(
    recipe: RecipePath,
    overrides: Overrides = None,
    data: DataPath = None,
    workers: Workers = None,
    on: Annotated[str | None, typer.Option("--on", metavar="local|ray|slurm", help="Where tasks run.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do everything anew, ignoring finished tasks.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Begin tasks that failed in the last run without their checkpoints.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop if any recording is set aside.")] = False,
    cache: CachePath = None,
    results: Annotated[Path, typer.Option("--results", metavar="PATH", help="Folder for results.")] = Path("results"),
    region: Region = None,
    carbon_intensity: CarbonIntensity = None,
    pue: Pue = 1.0,
) -> None:
    """Run a recipe: slim, score leave-one-site-out, export, measure, report.

    Stop it with Ctrl-C whenever you like: what is finished is kept, and the same command goes on from there. SIGTERM
    makes every task keep its last step; the exit code is then 75, which asks a scheduler to queue the run again.
    """
    from slimaffect.meter.carbon import intensity
    from slimaffect.recipe import load_recipe
    from slimaffect.report import print_report, write_report
    from slimaffect.run import Places, run_recipe, show_plan

    loaded = load_recipe(recipe, overrides=with_execution(overrides, workers, on), data=data)
    places = Places.choose(cache=cache, results=results)
    if dry_run:
        show_plan(loaded, places, console)
        return
    name, carbon = Path(recipe).stem, intensity(region, carbon_intensity, pue=pue)
    how = {"fresh": fresh, "strict": strict, "retry_failed": retry_failed}
    result = run_recipe(loaded, name, places, console, **how, carbon=carbon)
    page = write_report([result], places.result(name, loaded))
    print_report(console, [result])
    console.print(f"Report: {page}", highlight=False, soft_wrap=True)


@app.command()
def check(
    recipes: Annotated[list[str] | None, typer.Argument(metavar="RECIPE...", help="Recipe files or names.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the resolved recipe and the plan.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of recipes, for editors.")] = False,
    overrides: Overrides = None,
    data: DataPath = None,
    cache: CachePath = None,
) -> None:
    """Check recipes without running them: every fault at once, with its line."""
    from slimaffect.recipe import load_recipe, recipe_schema, resolved_yaml

    if schema:
        import json

        typer.echo(json.dumps(recipe_schema(), indent=2))
        return
    if not recipes:
        raise typer.BadParameter("name at least one recipe, or ask for --schema")
    faults = []
    for path in recipes:
        try:
            loaded = load_recipe(path, overrides=overrides or (), data=data)
        except RecipeError as error:
            faults += error.faults
            continue
        count = len(loaded.variants)
        console.print(f"[green]ok[/green] {path}: {count} variant{'' if count == 1 else 's'}", highlight=False)
        if show:
            from rich.syntax import Syntax

            from slimaffect.run import Places, show_plan

            console.print(Syntax(resolved_yaml(loaded), "yaml", background_color="default"))
            show_plan(loaded, Places.choose(cache=cache), console)
    if faults:
        raise RecipeError(faults)


@app.command()
def steps(
    name: Annotated[str | None, typer.Argument(metavar="STEP", help="Show the settings of this step alone.")] = None,
) -> None:
    """List the steps a recipe can use, and their settings."""
    from slimaffect.recipe import step_tables

    for table in step_tables(name):
        console.print(table)
