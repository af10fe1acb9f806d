"""The experiment on one page: slim and score once per held-out site; then slim on all sites the one that ships."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from slimaffect.bars import bars
from slimaffect.data import Prepared, prepare
from slimaffect.data.settings import SYNTHETIC
from slimaffect.evaluate.folds import leave_one_site_out
from slimaffect.execute import Plan, Task, execute, tasks_of
from slimaffect.execute.again import begin_failed_anew
from slimaffect.execute.cache import Cache, write_json
from slimaffect.execute.engine import Views
from slimaffect.execute.estimate import expected_seconds
from slimaffect.execute.ledger import FOLDER, Ledger
from slimaffect.execute.view import TerminalView
from slimaffect.meter.carbon import Intensity
from slimaffect.recipe import BASELINE, Recipe, resolved_yaml
from slimaffect.result import SCHEMA, RecipeRecord, Result, bill_of, write_result
from slimaffect.run.assemble import answers_of, data_record, ledger_of, problem_records, scores_of, variants_of
from slimaffect.run.environment import environment
from slimaffect.run.finished import by_variant
from slimaffect.run.folds import in_folds, refuse_unfit
from slimaffect.run.places import Places
from slimaffect.run.selections import write_selections
from slimaffect.run.ship import ship, write_bundles
from slimaffect.runtime.building import EngineAsked, Profile


def run_recipe(
    recipe: Recipe,
    name: str,
    places: Places,
    console: Console,
    *,
    fresh: bool = False,
    strict: bool = False,
    carbon: Intensity | None = None,
    retry_failed: bool = False,
) -> Result:
    """Slim and score once per held-out site; then slim on all sites the one that ships.

    Where the recipe's folds are groups of subjects, a group stands wherever a site is spoken of.
    Writes result, bundles and report into `results/<name>-<hash>`.

    Raises:
        DataError: the data cannot be used.
        RunError: a task failed; what finished is kept.
    """
    folder, cache = places.result(name, recipe), places.tasks
    refuse_unfit(recipe)
    with bars(console) as watch:
        prepared = prepare(recipe.data, places.cache, workers=_workers(recipe), watch=watch, strict=strict)
    prepared = in_folds(prepared, recipe)
    tasks = all_tasks(recipe, prepared)
    if fresh:
        cache.forget(link.key for task in tasks for link in task.chain)
    if retry_failed:
        begin_failed_anew(folder / FOLDER, cache, console)
    plan = Plan(tasks, cache)
    reused = set(plan.records)
    records = _executed(plan, prepared, recipe, cache, folder, console)
    everything = by_variant(recipe, tasks)
    with bars(console) as watch:
        deployed = ship(everything, records, recipe, cache, folder, watch)
    answers = {one.variant.name: answers_of(one, deployed[one.variant.name], cache) for one in everything}
    scores = scores_of(answers, recipe)
    bundles = write_bundles(everything, records, deployed, scores, recipe, prepared, cache, folder)
    result = Result(
        schema=SCHEMA,
        folds=recipe.unit,
        recipe=RecipeRecord(name=name, about=recipe.about, yaml=resolved_yaml(recipe)),
        environment=environment(recipe.execution.threads, recipe.execution.processor),
        data=data_record(prepared, synthetic=recipe.data.source == SYNTHETIC),
        baseline=BASELINE,
        variants=variants_of(everything, records, deployed, scores, bundles),
        ledger=(ledger := ledger_of(everything, records, reused)),
        bill=bill_of(ledger, carbon),
        problems=problem_records(prepared),
    )
    write_selections(everything, records, folder)
    write_result(result, folder / "result.json")
    write_json(folder / "problems.json", [problem.as_dict() for problem in prepared.problems])
    return result


def _executed(
    plan: Plan, prepared: Prepared, recipe: Recipe, cache: Cache, folder: Path, console: Console
) -> Mapping[str, dict[str, Any]]:
    """Run what waits, shown on the terminal and written into the ledger."""
    expected_s = expected_seconds(plan.waiting.values(), cache)
    for task in plan.damaged:
        console.print(f"damaged on disk, done again: {task.name}", markup=False, highlight=False)
    planned = [(task, expected_s[key]) for key, task in plan.waiting.items()]
    with Ledger(folder / FOLDER) as ledger, TerminalView(console, expected_s, reused=len(plan.records)) as view:
        ledger.begun(planned, reused=len(plan.records), on=recipe.execution.on)
        return execute(plan, prepared.clips, cache, recipe.execution, Views(ledger, view))


def _workers(recipe: Recipe) -> int:
    return recipe.execution.processes(tasks=os.cpu_count() or 1)


def all_tasks(recipe: Recipe, prepared: Prepared) -> list[Task]:
    """List what ends each variant: once per seed and held-out site for its scores, once on all sites to ship."""
    sites = [fold.held_out for fold in leave_one_site_out(prepared.clips)]
    execution = recipe.execution
    common = {"model": recipe.spec, "threads": execution.threads, "data": prepared.fingerprint}
    common |= {"device": execution.processor, "ranks": execution.ranks}
    variants = [variant.steps for variant in recipe.variants]
    scored = tasks_of(variants, sites=sites, seeds=recipe.evaluate.seeds, **common)
    asked = recipe.deploy
    engine = EngineAsked(Profile(asked.engine_batch, asked.engine_time), asked.engine_capabilities)
    shipped = {"sites": [None], "seeds": recipe.evaluate.seeds[:1], "engine": engine if asked.engine == "rtx" else None}
    return scored + tasks_of(variants, **shipped, **common)
