"""From the records of tasks to the result: scores, comparisons, costs, ledger."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, cast

from slimaffect.data import Prepared
from slimaffect.evaluate.answers import Answers
from slimaffect.evaluate.calibration import calibration
from slimaffect.evaluate.kept import keep
from slimaffect.evaluate.scores import score, subject_ccc
from slimaffect.evaluate.versus import interval, versus_all
from slimaffect.execute import Task
from slimaffect.execute.attempt import total
from slimaffect.execute.cache import Cache
from slimaffect.execute.deploy import answers_file
from slimaffect.recipe import BASELINE, Recipe
from slimaffect.report.fronts import fronts
from slimaffect.result import (
    Cost,
    DataRecord,
    Deploy,
    LedgerEntry,
    ProblemRecord,
    VariantScores,
    repaid_of,
    scores_record,
)
from slimaffect.result import Variant as VariantRecord
from slimaffect.run.finished import Finished, Records
from slimaffect.runtime.session import Runtime

Answered = tuple[Answers, ...]
TOLD = ("tune",)
"""Steps whose figures the ledger tells; those of `subset` are long and lie in files of their own."""


def answers_of(one: Finished, deploy: Deploy, cache: Cache) -> Answered:
    """Read what the deployed file and runtime of a variant answered on every held-out site."""
    assert deploy.file
    assert deploy.runtime
    runtime = cast("Runtime", deploy.runtime)
    return tuple(Answers.load(answers_file(cache.folder(task.key), deploy.file, runtime)) for task in one.scored)


def scores_of(answers: Mapping[str, Answered], recipe: Recipe) -> dict[str, VariantScores]:
    """Score every variant, and compare each with the baseline on the same subjects."""
    settings = recipe.evaluate
    others = {name: given for name, given in answers.items() if name != BASELINE}
    against = versus_all(answers[BASELINE], others, margin=settings.margin, draws=settings.replicates)
    return {
        name: scores_record(
            score(given),
            interval=interval(given),
            versus=against.get(name),
            subjects=subject_ccc(given),
            moments=keep(given),
            calibration=calibration(given),
        )
        for name, given in answers.items()
    }


def variants_of(
    everything: list[Finished],
    records: Records,
    deployed: Mapping[str, Deploy],
    scores: Mapping[str, VariantScores],
    bundles: Mapping[str, Path],
) -> list[VariantRecord]:
    """Put together each variant's record, and place all of them on the fronts."""
    found = [
        VariantRecord(
            name=(name := one.variant.name),
            steps=one.shipped.settled,
            precision=records[one.shipped.key]["figures"]["precision"],
            bundle=f"bundles/{bundles[name].name}",
            scores=scores[name],
            deploy=deployed[name],
            cost=cost_of(one, records),
            figures=figures_of(one, records),
        )
        for one in everything
    ]
    baseline = next((variant for variant in found if variant.name == BASELINE), None)
    return [
        variant.model_copy(update={"pareto": place, "repaid": repaid_of(baseline, variant) if baseline else None})
        for variant, place in zip(found, fronts(found), strict=True)
    ]


def figures_of(one: Finished, records: Records) -> dict[str, Any]:
    """Gather what the steps behind the model that ships found; of a step that stands twice, what the last one did."""
    found = [records[link.key]["figures"] for link in one.shipped.chain if not link.deploy]
    return {word: told for figures in found for word, told in figures.items()}


def cost_of(one: Finished, records: Records) -> Cost:
    """Add up every task behind a variant, each once: what it would cost to make it alone."""
    return Cost(**_spent(total([records[key]["cost"] for key in one.links])))


def ledger_of(all_finished: list[Finished], records: Records, reused: Collection[str]) -> list[LedgerEntry]:
    """List every task once, with the variants that share it and each attempt at it."""
    users: dict[str, list[str]] = defaultdict(list)
    tasks: dict[str, Task] = {}
    for one in all_finished:
        for key, link in one.links.items():
            users[key].append(one.variant.name)
            tasks[key] = link
    return [_entry(tasks[key], names, records[key], reused=key in reused) for key, names in users.items()]


def _entry(task: Task, names: list[str], record: dict[str, Any], *, reused: bool) -> LedgerEntry:
    return LedgerEntry(
        variant=names[0] if len(names) == 1 else None,
        task=task.name,
        fold=task.held_out,
        seed=task.seed,
        reused=reused,
        curve=record.get("curve") or None,
        step=task.step,
        variants=names,
        key=task.key,
        frames=record.get("frames"),
        attempts=record["attempts"],
        found={name: record["figures"][name] for name in TOLD if name in record["figures"]} or None,
        **_spent(record["cost"]),
    )


def _spent(cost: dict[str, Any]) -> dict[str, Any]:
    return cost | {"provenance": None if cost["provenance"] == "missing" else cost["provenance"]}


def data_record(prepared: Prepared, *, synthetic: bool) -> DataRecord:
    """Describe what was trained and tested on, without a face or a path."""
    clips = prepared.clips
    return DataRecord(
        name=prepared.dataset.facts.name,
        synthetic=synthetic,
        sites=len(prepared.dataset.sites),
        subjects=len(clips.subjects),
        recordings=len(clips.recordings),
        clips=len(clips),
        hours=sum(len(recording) for recording in clips.recordings) / clips.rate / 3600,
        coverage=dict(prepared.coverage),
        fingerprint=prepared.fingerprint,
    )


def problem_records(prepared: Prepared) -> list[ProblemRecord]:
    """List what was set aside or is doubtful."""
    return [ProblemRecord(**problem.as_dict()) for problem in prepared.problems]
