"""What searches found, in sentences: how many settings stay free of how many, and what it took."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from slimaffect.report.words import count, figures, listed, plain, seconds
from slimaffect.result import Result


def search_sentences(result: Result) -> list[str]:
    """Say for each variant that was tuned what its searches, one for each fold and seed, came to."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for entry in result.ledger:
        told = (entry.found or {}).get("tune")
        for name in entry.variants if told else ():
            found.setdefault(name, {})[entry.key or str(len(found))] = told or {}
    return [_sentence(name, list(searches.values())) for name, searches in found.items()]


def _sentence(name: str, searches: Sequence[dict[str, Any]]) -> str:
    frozen = sorted({path for one in searches for path in one["frozen"]})
    free = [len(one["free"]) for one in searches]
    kept = f"{min(free)}" if min(free) == max(free) else f"{min(free)} to {max(free)}"
    counts = {state: sum(one[state] for one in searches) for state in ("started", "pruned", "failed", "killed")}
    which = f" (frozen in some search: {listed(frozen)})" if frozen else ""
    times = "one search" if len(searches) == 1 else f"{len(searches)} searches"
    return (
        f"`{name}`: {times} left {kept} of {len(searches[0]['settings'])} settings free{which}. "
        f"{count(counts['started'])} trainings were started, of which {counts['pruned']} pruned, {counts['failed']} "
        f"failed and {counts['killed']} were killed and done again; that is {_each(searches, 'full_trainings')} full "
        f"trainings and {seconds(_median([one['spent']['cpu_s'] for one in searches]))} of CPU a search. "
        f"CCC on validation subjects {plain(_median([one['validation_ccc'] for one in searches]))}."
    )


def _each(searches: Sequence[dict[str, Any]], name: str) -> str:
    return figures(_median([one[name] for one in searches]), 2)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
