"""How sure a front is: the share of resampled studies in which a variant stands on it.

People are resampled, the same for every variant, from the six numbers per subject that a result keeps: a difference
between two variants is then as sure as a paired test makes it, and the share is exact up to the draws. Where a result
keeps no such numbers, each CCC is drawn from a normal distribution as wide as its paired interval against the baseline
(or its own interval), independently of the others. That takes variants that agree person by person for less alike than
they are, so it calls close calls closer: never surer than is known. Costs stand at their medians: the file is timed
thousands of times, the people are few.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from slimaffect.evaluate.kept import alike, pulls_of, site_replicates
from slimaffect.evaluate.versus import ends
from slimaffect.report.axes import Axis
from slimaffect.report.fronts import ccc
from slimaffect.result import Result, Variant

DRAWS = 1000  # a share is then off by 1.6 points at most (one standard error), and shown in whole percent
WIDTH = 2 * 1.96  # standard errors between the ends of a 95 % interval

Draws = Float[np.ndarray, "draws variants"]


@dataclass(frozen=True, eq=False)
class Resampled:
    """Draws of a gain for every variant; NaN for a variant without any."""

    draws: Draws
    how: Literal["paired", "intervals"]


def resampled(result: Result) -> dict[str, Resampled]:
    """Draw every gain that can be drawn, by the key of its axis.

    The difference to the baseline needs no draws of its own: the baseline's CCC is the same for all variants in a draw,
    so the front of the differences is that of the CCCs.
    """
    paired = _paired(result)
    if paired is not None:
        return {key: Resampled(draws, "paired") for key, draws in paired.items()}
    return {"ccc": Resampled(_from_intervals(result), "intervals")}


def chances(result: Result, gain: Axis, cost: Axis, drawn: dict[str, Resampled]) -> list[float | None] | None:
    """Give each variant its share of resampled studies on the front of a gain against a cost.

    None where the gain cannot be resampled.
    """
    if gain.key not in drawn or cost.gain:
        return None
    costs = np.array([np.nan if (value := cost.value(one)) is None else value for one in result.variants], dtype=float)
    return _plain(chance_of_two(drawn[gain.key].draws, costs))


def chance_of_two(gain: Draws, cost: Float[np.ndarray, " variants"]) -> Float[np.ndarray, " variants"]:
    """Share of draws in which each variant is on the front of a drawn gain against a known cost. NaN if one is missing.

    >>> gain = np.array([[0.9, 0.8, 0.7], [0.9, 0.8, 0.85]])
    >>> chance_of_two(gain, np.array([3.0, 2.0, 1.0])).tolist()
    [1.0, 0.5, 1.0]
    """
    known = ~(np.isnan(cost) | np.isnan(gain).all(axis=0))
    share = np.full(len(cost), np.nan)
    share[known] = chance_on_front([gain[:, known], -np.broadcast_to(cost[known], gain[:, known].shape)])
    return share


def chance_on_front(axes: Sequence[Draws]) -> Float[np.ndarray, " variants"]:
    """Share of draws in which each variant is on the front of any number of axes; on each, more is better.

    >>> chance_on_front([np.array([[2.0, 1.0]]), np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]])]).tolist()
    [1.0, 1.0]
    """
    whole = ~np.any([np.isnan(axis).any(axis=1) for axis in axes], axis=0)  # a draw without a CCC is no study
    if not whole.any():
        return np.full(axes[0].shape[1], np.nan)
    tables = [axis[whole] for axis in axes]
    if len(tables) == 2:
        return _on_front_of_two(*tables).mean(axis=0)
    return np.mean([_on_front(np.stack(rows)) for rows in zip(*tables, strict=True)], axis=0)


def _on_front(points: Float[np.ndarray, "axes variants"]) -> Bool[np.ndarray, " variants"]:
    """Compare every pair: for few variants or many axes."""
    reaches = np.all(points[:, :, None] >= points[:, None, :], axis=0)  # [i, j]: i is at least as good as j
    return ~np.any(reaches & ~reaches.T, axis=0)


def _on_front_of_two(first: Draws, second: Draws) -> Bool[np.ndarray, "draws variants"]:
    """Walk from the best on the second axis to the worst, and keep what raises the first: n log n."""
    order = np.lexsort((-first, -second), axis=1)
    gain, cost = np.take_along_axis(first, order, 1), np.take_along_axis(second, order, 1)
    best = np.maximum.accumulate(gain, axis=1)
    raised = np.insert(gain[:, 1:] > best[:, :-1], 0, True, axis=1)
    holder = np.maximum.accumulate(np.where(raised, np.arange(gain.shape[1]), 0), axis=1)  # whose mark stands
    kept = (gain == np.take_along_axis(gain, holder, 1)) & (cost == np.take_along_axis(cost, holder, 1))  # and equals
    found = np.empty_like(kept)
    np.put_along_axis(found, order, kept, axis=1)
    return found


def _paired(result: Result) -> dict[str, Draws] | None:
    """Resample people for all variants at once; None unless every scored variant keeps them, and the same ones."""
    kept = [kept_of(one) for one in result.variants]
    scored = [one for one, variant in zip(kept, result.variants, strict=True) if ccc(variant) is not None]
    if not scored or scored[0] is None or any(one is None or not alike(scored[0], one) for one in scored):
        return None
    tables = [None if one is None else site_replicates(one, draws=DRAWS) for one in kept]
    empty = np.full(DRAWS, np.nan)
    columns = [{} if one is None else _gains(one) for one in tables]
    keys = ("ccc", "ccc_valence", "ccc_arousal", "worst_site_ccc")
    return {key: np.stack([column.get(key, empty) for column in columns], axis=1) for key in keys}


def paired_interval(before: Variant, after: Variant) -> tuple[float, float] | None:
    """Give the 95 % interval of the second's CCC minus the first's over the same people, as a run would.

    None where a result does not keep what people can be resampled from, or the two were not scored on the same people.
    """
    one, other = kept_of(before), kept_of(after)
    if one is None or other is None or not alike(one, other):
        return None
    first, second = pulls_of(one), pulls_of(other)
    if list(first.sites) != list(second.sites):  # a model that did not answer somewhere has no score there
        return None
    low, high = ends(second.minus(first))
    return None if np.isnan([low, high]).any() else (low, high)


def ccc_of_sites(sites: Float[np.ndarray, "sites draws 2"]) -> Float[np.ndarray, " draws"]:
    """Average over both dimensions, and over the sites whose labels move, as the scores do."""
    moving = _moving(sites)
    return moving.mean(axis=(0, 2)) if len(moving) else np.full(sites.shape[1], np.nan)


def _moving(sites: Float[np.ndarray, "sites draws 2"]) -> Float[np.ndarray, "moving draws 2"]:
    still = np.isnan(sites).all(axis=1)
    return sites[~np.asarray(still).any(axis=1)]


def _gains(sites: Float[np.ndarray, "sites draws 2"]) -> dict[str, Float[np.ndarray, " draws"]]:
    moving = _moving(sites)
    if not len(moving):
        return {}
    return {
        "ccc": ccc_of_sites(sites),
        "ccc_valence": moving[..., 0].mean(axis=0),
        "ccc_arousal": moving[..., 1].mean(axis=0),
        "worst_site_ccc": moving.mean(axis=2).min(axis=0),
    }


def kept_of(variant: Variant) -> dict[str, dict[str, list[list[list[float | None]]]]] | None:
    """Read what people can be resampled from, site by site; None unless every site keeps it."""
    sites = variant.scores.sites if variant.scores else {}
    found = {site: one.moments_of_subjects for site, one in sites.items() if one.moments_of_subjects}
    return found if found and len(found) == len(sites) else None


def _from_intervals(result: Result) -> Draws:
    random = np.random.default_rng(0)
    centres = np.array([np.nan if (value := ccc(one)) is None else value for one in result.variants])
    errors = np.array([_standard_error(one, result.baseline) for one in result.variants])
    return centres + errors * random.standard_normal((DRAWS, len(centres)))


def _standard_error(variant: Variant, baseline: str) -> float:
    if variant.name == baseline or variant.scores is None:
        return 0.0  # what the baseline shares with all of them cancels in every comparison
    against = variant.scores.versus_baseline
    ends = against.interval if against and against.interval else variant.scores.ccc_interval
    return (ends[1] - ends[0]) / WIDTH if ends else np.nan


def _plain(shares: Float[np.ndarray, " variants"]) -> list[float | None]:
    return [None if np.isnan(share) else round(float(share), 3) for share in shares]
