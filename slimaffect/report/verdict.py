"""What the figures say, in one sentence that a head of a lab understands in a minute."""

from dataclasses import dataclass
from typing import Literal

from slimaffect.report.fronts import ccc, clip_ms
from slimaffect.report.words import listed, ratio, signed, signed_span, span
from slimaffect.result import Result, Variant, VersusBaseline

Standing = Literal["baseline", "kept", "undecided", "lost", "unknown"]

STANDINGS: dict[Standing, tuple[str, str]] = {
    "baseline": ("◆", "baseline"),
    "kept": ("●", "kept"),
    "undecided": ("▲", "not shown"),
    "lost": ("■", "lost"),
    "unknown": ("○", "not compared"),
}
"""The mark and the word for each standing; marks differ in shape, so that colour is never needed."""


@dataclass(frozen=True)
class Verdict:
    """The headline, the variant it speaks of, and what must be said beside it. Names stand between backticks."""

    headline: str
    chosen: Variant | None
    beside: tuple[str, ...]


def standing(variant: Variant, baseline: str) -> Standing:
    """Say where a variant stands: kept (within the margin), lost (beyond it), or not shown either way.

    Where the result knows the verdict that holds for all variants looked at, that one counts: one of several is chosen.
    """
    against = variant.scores.versus_baseline if variant.scores else None
    if variant.name == baseline:
        return "baseline"
    if against is None or against.non_inferior is None:
        return "unknown"
    if against.non_inferior if against.non_inferior_of_all is None else against.non_inferior_of_all:
        return "kept"
    beyond = against.interval is not None and against.margin is not None and against.interval[1] < -against.margin
    return "lost" if beyond else "undecided"


def verdict(result: Result) -> Verdict:
    """Find the sentence: the fastest variant that keeps its accuracy, or that none is shown to."""
    others = [one for one in result.variants if standing(one, result.baseline) != "baseline"]
    kept = [one for one in others if standing(one, result.baseline) == "kept"]
    compared = [one for one in others if standing(one, result.baseline) != "unknown"]
    if kept:
        chosen = min(kept, key=lambda one: (clip_ms(one) is None, clip_ms(one) or 0.0, -(ccc(one) or 0.0)))
        return Verdict(_kept(result, chosen), chosen, _beside(result, chosen, len(compared)))
    if compared:
        closest = max(compared, key=_delta)
        return Verdict(_none_kept(closest), closest, _beside(result, closest, len(compared)))
    return Verdict(_alone(result), None, _beside(result, None, 0))


def baseline_of(result: Result) -> Variant | None:
    """Find the variant that the others are compared with."""
    return next((one for one in result.variants if one.name == result.baseline), None)


def _kept(result: Result, chosen: Variant) -> str:
    against = chosen.scores.versus_baseline if chosen.scores else None
    loss = f"({signed(against.delta)}, 95 % interval {signed_span(against.interval)})" if against else ""
    margin = f"within {against.margin:g} of" if against and against.margin is not None else "at the level of"
    return f"`{chosen.name}` keeps CCC {margin} the baseline {loss} and {_speed(result, chosen)}."


def _speed(result: Result, chosen: Variant) -> str:
    baseline = baseline_of(result)
    factor = ratio(clip_ms(baseline) if baseline else None, clip_ms(chosen))
    frames = chosen.deploy.clip_frames if chosen.deploy else None
    clip = f"a {frames}-frame clip" if frames else "a clip"
    if factor is None:
        return "its speed was not measured against the baseline"
    if factor < 0.95:
        return f"needs {1 / factor:.1f} times as long for {clip}"
    if factor < 1.05:
        return f"runs {clip} as fast as the baseline"
    return f"runs {clip} {factor:.0f} times faster" if factor >= 9.95 else f"runs {clip} {factor:.1f} times faster"


def _none_kept(closest: Variant) -> str:
    against = closest.scores.versus_baseline if closest.scores else None
    if against is None:
        return "No variant was compared with the baseline."
    within = "" if against.margin is None else f" within {against.margin:g} of the baseline"
    return (
        f"No variant is shown to keep CCC{within}. `{closest.name}` comes closest "
        f"({signed(against.delta)}, 95 % interval {signed_span(against.interval)})."
    )


def _alone(result: Result) -> str:
    baseline = baseline_of(result)
    if baseline is None or ccc(baseline) is None or baseline.scores is None:
        return "Nothing was scored."
    known = f" (95 % interval {span(baseline.scores.ccc_interval)})" if baseline.scores.ccc_interval else ""
    return f"`{baseline.name}` reaches a CCC of {ccc(baseline):.3f}{known} on {result.folds}s it has never seen."


def _delta(variant: Variant) -> float:
    against = variant.scores.versus_baseline if variant.scores else None
    return against.delta if against and against.delta is not None else float("-inf")


def _beside(result: Result, chosen: Variant | None, compared: int) -> tuple[str, ...]:
    """Say what weakens the headline: drawn faces, few subjects, a choice among many, units without a score."""
    said = []
    if result.data and result.data.synthetic:
        said.append(
            "The faces are synthetic: drawn by a program. Ratios of speed and size carry over to a real "
            "dataset; the scores say nothing about people."
        )
    if result.folds == "group":
        said.append(
            "A group of subjects was held out at a time, not a site: the people are new to the model, their cameras "
            "and rooms are not. How it does at a new site is not known."
        )
    against = chosen.scores.versus_baseline if chosen and chosen.scores else None
    if against and against.power is not None and against.power < 0.8:
        people = f"these {result.data.subjects} subjects" if result.data and result.data.subjects else "these subjects"
        said.append(
            f"With {people} a variant truly equal to the baseline would be found within the margin in only "
            f"{100 * against.power:.0f} % of studies: “not shown” is not evidence of a loss."
        )
    if compared > 1 and chosen and against:
        said.append(_choice(against, compared))
    return (*said, *_gaps(result))


def _choice(against: VersusBaseline, compared: int) -> str:
    """Say what it means that the headline's variant is one of several."""
    if against.non_inferior_of_all is None:
        return (
            f"The headline's variant was picked among {compared} by these very scores, which flatters it a little. "
            "Before relying on it, confirm it on recordings that took no part here."
        )
    return (
        f"{against.looked_at or compared} variants were looked at. Kept means that the lower end which holds for all "
        f"of them at once (here {signed(against.lower_of_all)}) lies within the margin, so picking one is paid for."
    )


def _gaps(result: Result) -> list[str]:
    said = []
    undefined = max((one.scores.undefined or 0 for one in result.variants if one.scores), default=0)
    if undefined:
        said.append(
            f"{undefined} unit(s) of {result.folds} and dimension have labels that stand still: no CCC exists there, "
            "and they are in no mean."
        )
    unscored = [f"`{one.name}`" for one in result.variants if ccc(one) is None]
    if unscored:
        said.append(f"No score could be given to {listed(unscored)}.")
    said += [_wrong(one) for one in result.variants if one.deploy and one.deploy.left_out]
    contended = [f"`{one.name}`" for one in result.variants if "contended" in one.flags or _busy(one)]
    if contended:
        said.append(f"The machine was busy with other work while {listed(contended)} ran: times may be too long.")
    return said


def _wrong(variant: Variant) -> str:
    """Say which runtimes answered a file wrongly on this machine."""
    left = variant.deploy.left_out if variant.deploy else []
    told = listed([f"{one.runtime} ({one.away:.2g} beside, {one.allowed:g} is allowed)" for one in left])
    return f"For `{variant.name}` {told} answers otherwise than ONNX Runtime on this machine, and did not compete."


def _busy(variant: Variant) -> bool:
    return bool(variant.deploy) and any(
        "contended" in timing.flags for timing in variant.deploy.timings if timing.chosen
    )
