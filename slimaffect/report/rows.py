"""What the tables show of each variant, worked out once for the terminal, the page and the picture."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from slimaffect.report.fronts import clip_ms, cpu_s, size_mb
from slimaffect.report.verdict import STANDINGS, Standing, baseline_of, standing
from slimaffect.report.words import ratio
from slimaffect.result import LedgerEntry, ProblemRecord, Repaid, Result, SiteDelta, Timing, Variant, repaid_of


@dataclass(frozen=True)
class Row:
    """One variant in the tables.

    Attributes:
        number: its number in the tables and in the charts; the baseline is 1.
        faster: clip time of the baseline as deployed, divided by this one's.
        faster_alike: the same with the baseline under this variant's runtime: what the model itself gained.
        cheaper: CPU-seconds per clip of the baseline, divided by this one's.
        smaller: file size of the baseline, divided by this one's.
        repaid: when what it cost to make, beyond the baseline, is saved.
    """

    number: int
    variant: Variant
    standing: Standing
    faster: float | None
    faster_alike: float | None
    cheaper: float | None
    smaller: float | None
    repaid: Repaid | None

    @property
    def payback_clips(self) -> float | None:
        """Clips after which its making is repaid; None: never, or a cost is not known."""
        return self.repaid.clips if self.repaid else None

    @property
    def mark(self) -> str:
        """The mark of its standing."""
        return STANDINGS[self.standing][0]

    @property
    def word(self) -> str:
        """The word of its standing."""
        return STANDINGS[self.standing][1]


@dataclass(frozen=True)
class Bill:
    """What the run cost: E x D x H, the cost of an example, examples per training, and trainings.

    Attributes:
        cpu_s: CPU-seconds spent, cached tasks left out; None where no task was measured.
        joules: provenance -> joules; joules of different origin are never added.
        unmeasured: tasks that ran and have no CPU-seconds.
    """

    cpu_s: float | None
    joules: dict[str, float]
    examples: int | None
    trainings: int | None
    tasks: int
    reused: int
    unmeasured: int

    @property
    def cpu_s_per_example(self) -> float | None:
        """E: CPU-seconds for one frame that passed through a model in training."""
        return ratio(self.cpu_s, self.examples)

    @property
    def examples_per_training(self) -> float | None:
        """D: frames per training."""
        return ratio(self.examples, self.trainings)


def rows(result: Result) -> list[Row]:
    """List the variants, the baseline first and the others from fast to slow, unmeasured ones last."""
    baseline = baseline_of(result)
    ordered = sorted(
        result.variants, key=lambda one: (one is not baseline, clip_ms(one) is None, clip_ms(one) or 0.0, one.name)
    )
    return [_row(number, one, baseline, result.baseline) for number, one in enumerate(ordered, start=1)]


def sites(result: Result) -> list[str]:
    """List every site, or group, that any variant was scored on."""
    return sorted({site for one in result.variants if one.scores for site in one.scores.sites})


def site_deltas(variant: Variant) -> dict[str, SiteDelta]:
    """Answer the paired difference from the baseline at each held-out site alone; empty where it was not computed."""
    against = variant.scores.versus_baseline if variant.scores else None
    return dict(sorted((against.of_sites or {}).items())) if against else {}


def timings(result: Result) -> list[tuple[Row, Timing]]:
    """List every file under every runtime that was timed, each variant's fastest first."""
    return [
        (row, timing)
        for row in rows(result)
        for timing in sorted(
            row.variant.deploy.timings if row.variant.deploy else [],
            key=lambda one: (one.clip_ms.p50 is None, one.clip_ms.p50 or 0.0),
        )
    ]


def bill(ledger: Sequence[LedgerEntry]) -> Bill:
    """Add up what was spent; what the cache answered cost nothing this time."""
    spent = [entry for entry in ledger if not entry.reused]
    energy: dict[str, float] = {}
    for entry in spent:
        if entry.joules is not None and entry.provenance is not None:
            energy[entry.provenance] = energy.get(entry.provenance, 0.0) + entry.joules
    return Bill(
        cpu_s=_sum(entry.cpu_s for entry in spent),
        joules=energy,
        examples=_whole(_sum(entry.examples for entry in spent)),
        trainings=_whole(_sum(entry.trainings for entry in spent)),
        tasks=len(ledger),
        reused=len(ledger) - len(spent),
        unmeasured=sum(entry.cpu_s is None for entry in spent),
    )


def problems(result: Result, most: int = 200) -> list[ProblemRecord]:
    """List the problems, each once."""
    return list({(one.where, one.what): one for one in result.problems}.values())[:most]


def _row(number: int, variant: Variant, baseline: Variant | None, name: str) -> Row:
    place = standing(variant, name)
    if baseline is None or variant is baseline:
        return Row(number, variant, place, None, None, None, None, None)
    return Row(
        number=number,
        variant=variant,
        standing=place,
        faster=ratio(clip_ms(baseline), clip_ms(variant)),
        faster_alike=ratio(_under_same_runtime(baseline, variant), clip_ms(variant)),
        cheaper=ratio(cpu_s(baseline), cpu_s(variant)),
        smaller=ratio(size_mb(baseline), size_mb(variant)),
        repaid=variant.repaid or repaid_of(baseline, variant),
    )


def _under_same_runtime(baseline: Variant, variant: Variant) -> float | None:
    runtime = variant.deploy.runtime if variant.deploy else None
    measured = [
        one.clip_ms.p50 for one in (baseline.deploy.timings if baseline.deploy else []) if one.runtime == runtime
    ]
    return min((one for one in measured if one is not None), default=None)


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
