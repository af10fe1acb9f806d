"""Variants: what the steps of a recipe come to, one list of steps for each choice of swept values."""

import copy
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import create_model

from slimaffect.model.spec import ModelSpec
from slimaffect.recipe import sweep
from slimaffect.recipe.complaints import Complaint, shown, understand
from slimaffect.recipe.describe import nearest
from slimaffect.recipe.document import Path
from slimaffect.recipe.sweep import Choice
from slimaffect.settings import Settings
from slimaffect.steps import STEPS, Step

BASELINE = "baseline"
TRAIN = "train"
_LEFT_OUT = "\0"  # no recipe can hold it

Understood = tuple[Step | None, list[Complaint]]


@dataclass(frozen=True)
class Variant:
    """One choice of a recipe's swept values: its name, fit for a folder, and its steps."""

    name: str
    steps: tuple[Step, ...]


def understand_steps(given: Any, spec: ModelSpec | None = None) -> tuple[tuple[Variant, ...], list[Complaint]]:
    """Turn a recipe's `steps:` into variants, the baseline first; or say everything that is wrong with them.

    With the full model's spec, steps also say what cannot be done to a model of the shape that reaches them.
    """
    if not isinstance(given, list) or not given:
        what = "there are no steps" if not given else f"`steps` is {shown(given)}; it must be a list"
        return (), [Complaint((), what, "Begin with `- train: {}`", of_key=True)]
    misuses = sweep.misuses(given)
    mended = _mend(given)
    if (count := sweep.count(mended)) > sweep.MAX_VARIANTS:
        what = f"the sweeps stand for {count:,} variants; {sweep.MAX_VARIANTS} are the most"
        return (), [*misuses, Complaint((), what, "Sweep fewer values, or write several recipes", of_key=True)]
    known: dict[tuple[Path, str], Understood] = {}
    found = {_key(choice): _of_choice(mended, choice, known, spec) for choice in sweep.alternatives(mended)}
    complaints = [*misuses, *(complaint for _, complaints in found.values() for complaint in complaints)]
    if complaints:
        return (), _once(complaints, besides={path for path, _ in sweep.find(given)} if misuses else set())
    return _variants(given, [steps for steps, _ in found.values()]), []


def _key(choice: Choice) -> tuple[tuple[Path, int], ...]:
    return tuple(choice.items())


def _mend(value: Any) -> Any:
    """Leave out sweeps that stand for nothing, so that the rest can be checked as well."""
    if sweep.is_sweep(value):
        return {sweep.SWEEP: [_mend(item) for item in value[sweep.SWEEP]]}
    if isinstance(value, dict):
        return {key: _mend(inner) for key, inner in value.items() if not _stands_for_nothing(inner)}
    if isinstance(value, list):
        return [_LEFT_OUT if _stands_for_nothing(inner) else _mend(inner) for inner in value]
    return value


def _stands_for_nothing(value: Any) -> bool:
    if not sweep.is_sweep(value):
        return False
    values = value[sweep.SWEEP]
    return len(value) > 1 or not isinstance(values, list) or not values or any(map(_stands_for_nothing, values))


def _once(complaints: Iterable[Complaint], besides: set[Path]) -> list[Complaint]:
    """Say each thing once, and nothing about what is missing only because its sweep was left out."""
    first = {(c.path, c.what): c for c in reversed(list(complaints)) if c.path not in besides}
    return list(reversed(first.values()))


def _of_choice(
    given: list[Any], choice: Choice, known: dict[tuple[Path, str], Understood], spec: ModelSpec | None
) -> tuple[tuple[Step, ...], list[Complaint]]:
    """Check the steps of one choice of swept values; each line once, however many choices share it."""
    lines = sweep.take(given, choice)
    complaints: list[Complaint] = []
    steps: list[Step] = []
    for number, line in enumerate(lines):
        source = sweep.origin((number,), choice)
        key = (source, json.dumps(line))
        if key not in known:
            known[key] = (None, []) if line == _LEFT_OUT else understand_line(line)
        step, found = known[key]
        steps += [step] if step else []
        complaints += [_at_origin(complaint, number, choice) for complaint in found]
    orders = _out_of_order([_kind(line) for line in lines])
    if not complaints and not orders:
        orders = _amiss(steps) or _unfit(steps, spec)
    return tuple(steps), complaints + [_at_origin(c, None, choice) for c in orders]


def _amiss(steps: Sequence[Step]) -> list[Complaint]:
    """Let each step say what is wrong with those before it."""
    said = [(number, step.amiss(steps[:number])) for number, step in enumerate(steps)]
    return [Complaint((number,), what, "", of_key=True) for number, what in said if what]


def _unfit(steps: Sequence[Step], spec: ModelSpec | None) -> list[Complaint]:
    """Follow the model's shape through the steps as far as it is known, and let each say why it cannot take it."""
    for number, step in enumerate(steps):
        if spec is None:
            break
        what = step.unfit(spec)
        if what:
            return [Complaint((number,), what, "", of_key=True)]
        spec = step.becomes(spec)
    return []


def _at_origin(complaint: Complaint, number: int | None, choice: Choice) -> Complaint:
    path = complaint.path if number is None else (number, *complaint.path)
    other = None if complaint.other is None else sweep.origin(complaint.other, choice)
    return Complaint(sweep.origin(path, choice), complaint.what, complaint.next, complaint.of_key, other)


def understand_line(line: Any) -> Understood:
    """Check one line of a recipe, its sweeps chosen: `{train: {epochs: 12}}`, `{train: null}` or `train`."""
    line = {line: None} if isinstance(line, str) else line
    if not isinstance(line, dict) or not line:
        return None, [
            Complaint((), f"a step is {shown(line)}; it must be a name with settings", "Write `- train: {epochs: 12}`")
        ]
    if len(line) > 1:
        return None, [_crowded(list(line))]
    ((name, settings),) = line.items()
    if name not in STEPS:
        what = f"there is no step `{name[:40]}`"
        return None, [Complaint((name,), what, f"{nearest(name, STEPS)}Steps: {', '.join(STEPS)}", of_key=True)]
    named, complaints = understand(_named(STEPS[name]), {name: {} if settings is None else settings})
    return getattr(named, name, None), complaints


@lru_cache
def _named(step: type[Step]) -> type[Settings]:
    """Return the mapping `{name: settings}` as settings of its own, so that complaints name the step."""
    field: Any = {step.name: (step, ...)}
    return create_model(f"_{step.name}", __base__=Settings, **field)


def _crowded(names: Sequence[str]) -> Complaint:
    """Complain about an item with several keys: two steps behind one dash, or settings that are not indented."""
    step = next((name for name in names if name in STEPS), None)
    extra = next(name for name in names if name != step)
    if step and extra in STEPS[step].model_fields:
        return Complaint((extra,), f"`{extra}` stands beside `{step}`", f"Indent it deeper than `{step}`", of_key=True)
    what = f"`{extra}` stands in the same item as `{step or names[1]}`"
    return Complaint((extra,), what, "Give each step its own dash", of_key=True)


def _kind(line: Any) -> type[Step] | None:
    name = next(iter(line), None) if isinstance(line, dict) else line
    return STEPS.get(name) if isinstance(name, str) else None


def _out_of_order(kinds: Sequence[type[Step] | None]) -> list[Complaint]:
    """Say which steps stand before the training they need, or after a step that must be last."""
    complaints: list[Complaint] = []
    trainings = [n for n, kind in enumerate(kinds) if kind and _trains(kind)]
    # one that stands before all training is told to move already
    lasts = [n for n, kind in enumerate(kinds) if kind and kind.last and n > min(trainings, default=-1)]
    if not trainings and None not in kinds:
        complaints.append(_untrained(kinds))
    for number, kind in enumerate(kinds):
        if kind and kind.needs_training and trainings and number < trainings[0]:
            what = f"`{kind.name}` stands before any `{TRAIN}` (line {{line}})"
            complaints.append(Complaint((number,), what, "Move `train` above it", of_key=True, other=(trainings[0],)))
        if kind and not kind.last and lasts and lasts[0] < number:
            last = kinds[lasts[0]]
            what = f"`{kind.name}` stands after `{last.name if last else ''}` (line {{line}}), which must come last"
            complaints.append(
                Complaint((number,), what, f"Move `{kind.name}` above it", of_key=True, other=(lasts[0],))
            )
    return complaints


def _untrained(kinds: Sequence[type[Step] | None]) -> Complaint:
    """Complain that nothing is trained, at the first step that needs it."""
    for number, kind in enumerate(kinds):
        if kind and kind.needs_training:
            what = f"`{kind.name}` needs a `{TRAIN}` before it, and the recipe has none"
            return Complaint((number,), what, "Put `- train: {}` above it", of_key=True)
    return Complaint((), f"no step is `{TRAIN}`", "Begin with `- train: {}`", of_key=True)


def _variants(given: list[Any], lists: list[tuple[Step, ...]]) -> tuple[Variant, ...]:
    """Name the lists of steps, each once; the baseline, trained once on everything and kept in fp32, comes first."""
    first = lists[0]
    trained = next(n for n, step in enumerate(first) if _trains(type(step)))
    variants = [Variant(BASELINE, (_plainly(first[trained]),))]
    taken = {BASELINE}
    for choice, steps in zip(sweep.alternatives(given), lists, strict=True):
        if _in_fp32(steps) == variants[0].steps or any(steps == variant.steps for variant in variants):
            continue
        name = sweep.name(given, choice) if choice else "-".join(s.name for s in steps if s is not variants[0].steps[0])
        variants.append(Variant(_unique(name, taken), steps))
    return tuple(variants)


def _trains(kind: type[Step]) -> bool:
    return kind.name == TRAIN or kind.trains


def _plainly(step: Step) -> Step:
    """Answer the training that a step stands for: `train` itself, or what a step that trains would do without more."""
    return step if step.name == TRAIN else STEPS[TRAIN].model_validate(step.plain_training)


def _in_fp32(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Leave out a last step that asks for fp32: a model is that without it."""
    return _in_fp32(steps[:-1]) if steps[-1].last and getattr(steps[-1], "to", None) == "fp32" else steps


def _unique(name: str, taken: set[str]) -> str:
    """Number a name that is taken; folders on some disks know no difference between `A` and `a`."""
    candidates = (name if n == 1 else f"{name}-{n}" for n in range(1, len(taken) + 2))
    free = next(candidate for candidate in candidates if candidate.lower() not in taken)
    taken.add(free.lower())
    return free


def filled(given: Sequence[Any]) -> list[Any]:
    """Write the defaults out in checked steps, so that a stored recipe outlives a change of defaults."""
    return [_filled_line(line) for line in copy.deepcopy(list(given))]


def _filled_line(line: Any) -> Any:
    line = {line: {}} if isinstance(line, str) else line
    if sweep.is_sweep(line) or sweep.is_sweep(next(iter(line.values()))):
        return line
    ((name, settings),) = line.items()
    settings = settings or {}
    read = [understand_line(sweep.take(line, choice))[0] for choice in sweep.alternatives(line)]
    dumps = [step.model_dump(mode="json") for step in read if step]
    same = {key: value for key, value in dumps[0].items() if all(dump[key] == value for dump in dumps)}
    swept = {key: value for key, value in settings.items() if any(sweep.find(value))}
    return {name: {key: (same | swept)[key] for key in dumps[0] if key in same or key in swept}}
