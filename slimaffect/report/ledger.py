"""The ledger of E x D x H: what one example costs, how many there are, how many trainings ran, for each variant.

R = E x D x H (Schwartz et al. 2020, Green AI, https://arxiv.org/abs/1907.10597). The three factors are medians over
the tasks that train, so their product is a forecast; beside it stands what was measured.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from slimaffect.meter.counter import weakest
from slimaffect.report.words import ratio
from slimaffect.result import LedgerEntry, Result

Share = Literal["training", "selection", "search", "scoring", "other"]
SHARES: dict[str, Share] = {"subset": "selection", "tune": "search", "deploy": "scoring"}
"""Steps whose cost is no training of the model that ships; `deploy` exports and scores."""


@dataclass(frozen=True)
class LedgerRow:
    """What one variant costs to make alone, cached tasks and failed attempts included; None: not measured.

    Attributes:
        cpu_s_per_example: E: CPU-seconds for one frame that passes through a model in training.
        unique_examples: distinct labelled frames that one training could draw from.
        examples_per_training: D: frames that passed through a model, per training.
        trainings: H: trainings started; pruned, failed and repeated ones count.
        examples: frames that passed through a model in all trainings.
        product_cpu_s: E x D x H.
        cpu_s: measured CPU-seconds of all its tasks.
        joules: of all its tasks, and where the figure comes from.
        explained: the product as a share of what was measured.
        full_trainings: all examples, in trainings as long as the baseline's.
        cheaper: measured CPU-seconds of the baseline, divided by this variant's.
        shares: of the measured CPU-seconds, by what they were spent on; they add up to 1.
    """

    variant: str
    cpu_s_per_example: float | None
    unique_examples: int | None
    examples_per_training: float | None
    trainings: int | None
    examples: int | None
    product_cpu_s: float | None
    cpu_s: float | None
    joules: float | None
    provenance: str | None
    explained: float | None
    full_trainings: float | None
    cheaper: float | None
    shares: dict[Share, float]


def ledger_rows(result: Result) -> list[LedgerRow]:
    """Make a row for each variant that has tasks on the ledger, the baseline first, then as the result lists them."""
    names = [result.baseline, *(one.name for one in result.variants if one.name != result.baseline)]
    shared = {name: [entry for entry in result.ledger if name in users_of(entry)] for name in names}
    baseline = _row(result.baseline, shared[result.baseline], None)
    others = [_row(name, mine, baseline) for name, mine in shared.items() if mine and name != result.baseline]
    return [*([baseline] if shared[result.baseline] else []), *others]


def kind_of(entry: LedgerEntry) -> Share:
    """Say what a task's cost was spent on.

    >>> kind_of(LedgerEntry(step="subset")), kind_of(LedgerEntry(step="prune", trainings=1))
    ('selection', 'training')
    """
    return SHARES.get(entry.step or "", "training" if entry.trainings else "other")


def users_of(entry: LedgerEntry) -> Sequence[str]:
    """Name the variants behind whose models the task stands."""
    return entry.variants or ([entry.variant] if entry.variant else [])


def _row(name: str, entries: Sequence[LedgerEntry], baseline: LedgerRow | None) -> LedgerRow:
    trained = [entry for entry in entries if entry.trainings and entry.examples]
    per_example = _median(ratio(entry.cpu_s, entry.examples) for entry in trained)
    per_training = _median(ratio(entry.examples, entry.trainings) for entry in trained)
    trainings, examples = _sum(entry.trainings for entry in entries), _sum(entry.examples for entry in entries)
    spent, product = _sum(entry.cpu_s for entry in entries), _product(per_example, per_training, trainings)
    unique = _median(entry.frames for entry in trained)
    origin = weakest(entry.provenance for entry in entries if entry.provenance)
    return LedgerRow(
        variant=name,
        cpu_s_per_example=per_example,
        unique_examples=None if unique is None else round(unique),
        examples_per_training=per_training,
        trainings=None if trainings is None else round(trainings),
        examples=None if examples is None else round(examples),
        product_cpu_s=product,
        cpu_s=spent,
        joules=_sum(entry.joules for entry in entries),
        provenance=None if origin == "missing" else origin,
        explained=ratio(product, spent),
        full_trainings=ratio(examples, baseline.examples_per_training if baseline else per_training),
        cheaper=ratio(baseline.cpu_s, spent) if baseline else None,
        shares=_shares(entries, spent),
    )


def _shares(entries: Sequence[LedgerEntry], spent: float | None) -> dict[Share, float]:
    """Split the measured total; where a task was not measured there is no total and nothing to split."""
    if not spent:
        return {}
    sums: dict[Share, float] = {}
    for entry in entries:
        sums[kind_of(entry)] = sums.get(kind_of(entry), 0.0) + (entry.cpu_s or 0.0)
    return {kind: part / spent for kind, part in sums.items()}


def _product(*factors: float | None) -> float | None:
    found = 1.0
    for factor in factors:
        if factor is None:
            return None
        found *= factor
    return found


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _sum(values: Iterable[float | None]) -> float | None:
    """Add up; a sum with a missing part is missing."""
    found = list(values)
    return None if not found or None in found else sum(value for value in found if value is not None)
