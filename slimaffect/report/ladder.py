"""Ladders: variants of which each adds a step to the one before, so that one sees what each step brought and cost."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slimaffect.report.certainty import paired_interval
from slimaffect.report.fronts import ccc, clip_ms, cpu_s, size_mb
from slimaffect.report.rows import Row, rows
from slimaffect.report.verdict import verdict
from slimaffect.report.words import ratio
from slimaffect.result import Result, Variant


@dataclass(frozen=True)
class Rung:
    """A variant on a ladder, and how it differs from the rung below.

    Attributes:
        row: the variant.
        added: what its recipe does beyond the rung below.
        ccc_change: CCC minus that of the rung below.
        interval: its 95 % interval over subjects, paired; None where the result does not keep what that needs.
        faster, cheaper, smaller: clip time, CPU time and file size of the rung below divided by this one's.
        making_cpu_s: CPU time it took beyond the rung below.
    """

    row: Row
    added: str
    ccc_change: float | None
    interval: tuple[float, float] | None
    faster: float | None
    cheaper: float | None
    smaller: float | None
    making_cpu_s: float | None


def ladders(result: Result, most: int = 3) -> list[list[Rung]]:
    """List ladders of three rungs or more: the one with the headline's variant first, then the longest."""
    chosen = verdict(result).chosen
    told = {row.variant.name: row for row in rows(result)}
    chains = sorted(_chains(result.variants), key=lambda chain: (all(one is not chosen for one in chain), -len(chain)))
    differing = swept(result.variants)
    return [[_rung(told, chain, at, differing) for at in range(len(chain))] for chain in chains[:most]]


def describe(steps: Sequence[Mapping[str, Any]], differing: frozenset[tuple[str, str]]) -> str:
    """Name steps with those of their settings in which the variants differ.

    >>> describe([{"distill": {"student": "tiny", "epochs": 12}}], frozenset({("distill", "student")}))
    'distill (student tiny)'
    """
    return ", ".join(_one(name, settings or {}, differing) for step in steps for name, settings in step.items())


def swept(variants: Sequence[Variant]) -> frozenset[tuple[str, str]]:
    """Find the settings that are not the same everywhere: (step, setting)."""
    seen: dict[tuple[str, str], set[str]] = {}
    for variant in variants:
        for step in variant.steps:
            for name, settings in step.items():
                for key, value in (settings or {}).items():
                    seen.setdefault((name, key), set()).add(json.dumps(value, sort_keys=True))
    return frozenset(key for key, values in seen.items() if len(values) > 1)


def _one(name: str, settings: Mapping[str, Any], differing: frozenset[tuple[str, str]]) -> str:
    told = [f"{key} {_short(value)}" for key, value in settings.items() if (name, key) in differing]
    return f"{name} ({', '.join(told)})" if told else name


def _short(value: Any) -> str:
    return str(value.get("name", "…")) if isinstance(value, dict) else str(value)


def _chains(variants: Sequence[Variant]) -> Iterator[list[Variant]]:
    """Yield each longest chain in which every variant's steps begin with those of the one before."""
    by_steps: dict[tuple[str, ...], Variant] = {}
    for variant in variants:
        by_steps.setdefault(_steps(variant), variant)
    below = {steps: _longest_prefix(steps, by_steps) for steps in by_steps}
    for steps in by_steps:
        if steps in below.values():
            continue
        chain, at = [], steps
        while at is not None:
            chain.append(by_steps[at])
            at = below[at]
        if len(chain) >= 3:
            yield chain[::-1]


def _changes_nothing(step: Mapping[str, Any]) -> bool:
    """Quantising to fp32 is how a swept choice says no."""
    return (step.get("quantise") or {}).get("to") == "fp32"


def _steps(variant: Variant) -> tuple[str, ...]:
    return tuple(json.dumps(step, sort_keys=True) for step in _acting(variant))


def _acting(variant: Variant) -> list[dict[str, Any]]:
    return [step for step in variant.steps if not _changes_nothing(step)]


def _longest_prefix(steps: tuple[str, ...], known: Mapping[tuple[str, ...], Variant]) -> tuple[str, ...] | None:
    return next((steps[:count] for count in range(len(steps) - 1, 0, -1) if steps[:count] in known), None)


def _rung(told: Mapping[str, Row], chain: Sequence[Variant], at: int, differing: frozenset[tuple[str, str]]) -> Rung:
    here, row = chain[at], told[chain[at].name]
    steps = _acting(here)
    if at == 0:
        spent = here.cost.cpu_s if here.cost else None
        return Rung(row, describe(steps, differing), None, None, None, None, None, spent)
    below = chain[at - 1]
    return Rung(
        row=row,
        added=describe(steps[len(_acting(below)) :], differing),
        ccc_change=_less(ccc(here), ccc(below)),
        interval=paired_interval(below, here),
        faster=ratio(clip_ms(below), clip_ms(here)),
        cheaper=ratio(cpu_s(below), cpu_s(here)),
        smaller=ratio(size_mb(below), size_mb(here)),
        making_cpu_s=_less(*(one.cost.cpu_s if one.cost else None for one in (here, below))),
    )


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
