"""Several results on one front, as far as they can be compared."""

from collections.abc import Sequence

from slimaffect.errors import ResultError
from slimaffect.report.fronts import fronts
from slimaffect.report.ledger import users_of
from slimaffect.result import Deploy, LedgerEntry, ProblemRecord, RecipeRecord, Result, Variant, bill_of


def merge(results: Sequence[Result]) -> Result:
    """Put the variants of several results beside each other and place them on common fronts.

    A variant that two results share (same steps, same scores) is kept once; another of the same name is
    renamed after its recipe. Times measured on another machine than the first result's are left out, and
    said so: they share no axis.

    Raises:
        ResultError: there is no result, or two were made from different data.
    """
    if not results:
        raise ResultError("there is no result to report. Give a results folder or a result.json.")
    first = results[0]
    _refuse_other_data(results)
    variants: list[Variant] = []
    ledger: list[LedgerEntry] = []
    problems = [problem for result in results for problem in result.problems]
    for result in results:
        alike = machine_of(result) == machine_of(first)
        if not alike:
            problems.append(_other_machine(first, result))
        names = _add(variants, result, alike=alike)
        ledger += [_renamed(entry, names) for entry in result.ledger]
    ledger = _each_once(ledger)
    places = fronts(variants)
    variants = [one.model_copy(update={"pareto": place}) for one, place in zip(variants, places, strict=True)]
    told = {"recipe": _recipe(results), "variants": variants, "problems": problems, "ledger": ledger}
    bill = {} if len(results) == 1 else {"bill": bill_of(ledger)}
    return first.model_copy(update=told | bill)


def _add(variants: list[Variant], result: Result, *, alike: bool) -> dict[str, str]:
    """Add the variants of one more result, and answer the names of those that had to take another."""
    renamed = {}
    taken = {one.name: one for one in variants}
    for variant in result.variants:
        twin = taken.get(variant.name)
        if twin is not None and (twin.steps, twin.scores) == (variant.steps, variant.scores):
            continue
        name = variant.name if twin is None else _free(f"{variant.name} ({result.recipe.name})", taken)
        if name != variant.name:
            renamed[variant.name] = name
        deploy = variant.deploy if alike or variant.deploy is None else _without_times(variant.deploy)
        taken[name] = variant.model_copy(update={"name": name, "deploy": deploy})
        variants.append(taken[name])
    return renamed


def _renamed(entry: LedgerEntry, names: dict[str, str]) -> LedgerEntry:
    """Bill a task to the variants as they are called now."""
    variant = None if entry.variant is None else names.get(entry.variant, entry.variant)
    return entry.model_copy(update={"variant": variant, "variants": [names.get(name, name) for name in entry.variants]})


def _each_once(ledger: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """Bill a task that several results share once, to the variants of all; the cache answered if it answered each."""
    tasks: dict[str, LedgerEntry] = {}
    for number, entry in enumerate(ledger):
        key = entry.key or str(number)
        known = tasks.get(key, entry)
        users = list(dict.fromkeys([*users_of(known), *users_of(entry)]))
        spent = known if entry.reused else entry
        tasks[key] = spent.model_copy(update={"variants": users})
    return list(tasks.values())


def _free(name: str, taken: dict[str, Variant]) -> str:
    number = 2
    free = name
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free


def _without_times(deploy: Deploy) -> Deploy:
    nothing = {
        "clip_ms": None,
        "cpu_s_per_clip": None,
        "energy_j_per_clip": None,
        "peak_memory_mb": None,
        "of_peak": None,
        "timings": [],
    }
    return deploy.model_copy(update=nothing)


def machine_of(result: Result) -> tuple[object, ...]:
    """What times depend on: results that agree in it share a time axis."""
    place = result.environment
    return place.cpu, place.cores, place.threads, place.gpu


def _other_machine(first: Result, other: Result) -> ProblemRecord:
    one, two = (
        f"{r.environment.cpu or 'an unknown CPU'}, {r.environment.threads or '?'} thread(s)" for r in (first, other)
    )
    return ProblemRecord(
        where=f"recipe {other.recipe.name}",
        what=f"its times were measured on another machine ({two}) than those of {first.recipe.name} ({one}), "
        "and are left out",
        next="Measure both on one machine to compare their speed.",
    )


def _refuse_other_data(results: Sequence[Result]) -> None:
    prints = {
        result.data.fingerprint: result.recipe.name for result in results if result.data and result.data.fingerprint
    }
    if len(prints) > 1:
        (one, a), (two, b) = list(prints.items())[:2]
        raise ResultError(
            f"recipes {a} and {b} were run on different data or folds ({one[:12]} and {two[:12]}): their scores "
            "share no axis. Run both with the same `data:` and `folds:` sections, or report them apart."
        )


def _recipe(results: Sequence[Result]) -> RecipeRecord:
    if len(results) == 1:
        return results[0].recipe
    names = [result.recipe.name for result in results]
    texts = [f"# {result.recipe.name}\n{result.recipe.yaml}" for result in results if result.recipe.yaml]
    return RecipeRecord(name=" + ".join(names), about="Several recipes on one front.", yaml="\n".join(texts) or None)
