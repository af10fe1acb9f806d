"""What a run would do, before it does it."""

from rich.console import Console
from rich.table import Table

from slimaffect.data.prepare import already_prepared
from slimaffect.execute import Plan
from slimaffect.execute.estimate import expected_seconds
from slimaffect.recipe import Recipe
from slimaffect.run.experiment import all_tasks
from slimaffect.run.folds import in_folds, refuse_unfit
from slimaffect.run.places import Places


def show_plan(recipe: Recipe, places: Places, console: Console) -> None:
    """Print the variants, how many tasks they need, how many are done, and how long the rest will take.

    No video is decoded for a plan: of data that was never prepared it says only that.
    """
    table = Table("variant", "steps", title="plan", title_justify="left")
    for variant in recipe.variants:
        table.add_row(variant.name, " -> ".join(str(step) for step in variant.steps))
    console.print(table)
    refuse_unfit(recipe)
    prepared = already_prepared(recipe.data, places.cache)
    if prepared is None:  # then how many sites there are is not known either
        console.print(
            f"{recipe.data.source}: this data is not prepared yet; the run begins with that.", highlight=False
        )
        return
    prepared = in_folds(prepared, recipe)
    tasks, workers = all_tasks(recipe, prepared), recipe.execution.processes(tasks=1000)
    plan = Plan(tasks, places.tasks)
    seconds = sum(expected_seconds(plan.waiting.values(), places.tasks).values()) / workers
    folds, seeds = f"{len(prepared.clips.sites)} {recipe.unit}s", len(recipe.evaluate.seeds)
    console.print(
        f"{len(recipe.variants)} variants x {folds} x {seeds} seeds, and a model of all subjects for each variant:\n"
        f"{len(plan.waiting)} tasks to do, {len(plan.records)} already done; about {_duration(seconds)} with {workers} "
        f"workers (estimated from earlier tasks where there are any).",
        highlight=False,
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
