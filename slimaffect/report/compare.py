"""Two results side by side: the variants both have, and what can honestly be said of their differences."""

from dataclasses import dataclass
from typing import Literal

from slimaffect.report.certainty import paired_interval
from slimaffect.report.fronts import ccc, clip_ms, cpu_s, size_mb
from slimaffect.report.merge import machine_of
from slimaffect.report.words import ratio
from slimaffect.result import Result, Variant


@dataclass(frozen=True)
class Pair:
    """A variant of the first result and its namesake in the second.

    Attributes:
        before, after: the two.
        same_steps: whether their recipes are the same.
        change: CCC of the second minus that of the first; None where their data differ.
        interval: its 95 % interval over subjects, paired person by person; None where that is not possible.
        overlap: whether the two separate intervals overlap, where there is no paired one. This is no test: they can
            overlap although the difference is clear, because both hold the same spread of people.
        faster, cheaper: time and CPU time of the first divided by the second's; None on different machines.
        smaller: file size of the first divided by the second's.
    """

    before: Variant
    after: Variant
    same_steps: bool
    change: float | None
    interval: tuple[float, float] | None
    overlap: bool | None
    faster: float | None
    cheaper: float | None
    smaller: float | None

    @property
    def says(self) -> Literal["higher", "lower", "no clear difference", "not known"]:
        """What the paired interval says of the CCC."""
        if self.interval is None:
            return "not known"
        low, high = self.interval
        return "higher" if low > 0 else "lower" if high < 0 else "no clear difference"


@dataclass(frozen=True)
class Comparison:
    """Two results.

    Attributes:
        pairs: variants of the same name, in the order of the first result.
        only_before, only_after: names that the other result does not have.
        remarks: what limits the comparison.
    """

    pairs: tuple[Pair, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    remarks: tuple[str, ...]


def compare(before: Result, after: Result) -> Comparison:
    """Compare the variants that two results share by name."""
    later = {one.name: one for one in after.variants}
    names = {one.name for one in before.variants}
    same_data, same_machine = _same_data(before, after), machine_of(before) == machine_of(after)
    pairs = tuple(
        _pair(one, later[one.name], same_data=same_data, same_machine=same_machine)
        for one in before.variants
        if one.name in later
    )
    return Comparison(
        pairs=pairs,
        only_before=tuple(one.name for one in before.variants if one.name not in later),
        only_after=tuple(one.name for one in after.variants if one.name not in names),
        remarks=_remarks(before, after, pairs, same_data=same_data, same_machine=same_machine),
    )


def _same_data(before: Result, after: Result) -> bool:
    prints = [one.data.fingerprint if one.data else None for one in (before, after)]
    return prints[0] == prints[1] and before.folds == after.folds


def _pair(before: Variant, after: Variant, *, same_data: bool, same_machine: bool) -> Pair:
    known = same_data and ccc(before) is not None and ccc(after) is not None
    interval = paired_interval(before, after) if known else None
    return Pair(
        before=before,
        after=after,
        same_steps=before.steps == after.steps,
        change=(ccc(after) or 0.0) - (ccc(before) or 0.0) if known else None,
        interval=interval,
        overlap=_overlap(before, after) if known and interval is None else None,
        faster=ratio(clip_ms(before), clip_ms(after)) if same_machine else None,
        cheaper=ratio(cpu_s(before), cpu_s(after)) if same_machine else None,
        smaller=ratio(size_mb(before), size_mb(after)),
    )


def _overlap(before: Variant, after: Variant) -> bool | None:
    ends = [one.scores.ccc_interval if one.scores else None for one in (before, after)]
    if ends[0] is None or ends[1] is None:
        return None
    return ends[0][0] <= ends[1][1] and ends[1][0] <= ends[0][1]


def _remarks(
    before: Result, after: Result, pairs: tuple[Pair, ...], *, same_data: bool, same_machine: bool
) -> tuple[str, ...]:
    said = []
    if not pairs:
        said.append("The two results share no variant name.")
    if not same_data:
        one, two = ((r.data.fingerprint or "unknown")[:12] if r.data else "unknown" for r in (before, after))
        said.append(f"They were run on different data or folds ({one} and {two}): their scores are not compared.")
    if not same_machine:
        one, two = (r.environment.cpu or "an unknown CPU" for r in (before, after))
        said.append(f"They were timed on different machines ({one} and {two}): their times are not compared.")
    if any(pair.change is not None and pair.interval is None for pair in pairs):
        said.append(
            "Where no interval stands beside a change, a result does not keep what people can be resampled from "
            "(`moments_of_subjects`, since format 1.1), or not the same people: only whether the two separate "
            "intervals overlap can be said, and that is no test. Run the recipe again for paired differences."
        )
    if any(not pair.same_steps for pair in pairs):
        said.append("Variants marked * have the same name and different steps.")
    return tuple(said)
