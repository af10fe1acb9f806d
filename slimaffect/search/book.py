"""The trials of a search in Optuna's journal: what is finished is never repeated, what was killed is done again.

Every trial has a label that follows from the plan. A trial is asked for by its label; if the journal holds it, it is
answered from there. What a sampler draws depends on the trials before and on the label alone, so a search that was
killed goes on to the same trials as without the interruption.
"""

import logging
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from slimaffect.errors import RunError
from slimaffect.search.budget import Spent
from slimaffect.search.space import Range, Space, Value, Values, Words, as_kept
from slimaffect.settings import Settings

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, Trial

LABEL, VALUES, COST, WHY = "label", "values", "cost", "why"
ETA = 3  # a third of the trials goes on at each rung


class Pruned(Exception):  # noqa: N818  it is no error: a trial that need not go on
    """Ends a trial that is not among the better ones at its rung."""


class Told(NamedTuple):
    """A trial that is over.

    Attributes:
        state: complete, pruned (ended early, the score is its last), or failed (there is no score).
    """

    label: str
    state: str
    values: Values
    score: float | None
    cost: Spent
    why: str = ""


Report = Callable[[int, float], None]
"""Hears the score after so many percent of a training; raises Pruned."""
Objective = Callable[[Values, int, Report], float]
"""Trains with these values and this seed, and answers the score."""
Gauge = Callable[[], Spent]
"""Answers what this process has spent so far."""


class Book:
    """The journal of one search; without a file it is kept in memory.

    Raises:
        RunError: optuna is not installed.
    """

    def __init__(self, file: Path | None, space: Space, base: Settings, seed: int, gauge: Gauge = Spent) -> None:
        self.space, self.seed, self.gauge = space, seed, gauge
        self.distributions = {path: _distribution(of, path, base) for path, of in space.items()}
        self._storage = _storage(file)
        self._studies: dict[str, Study] = {}

    def study(self, name: str) -> "Study":
        """Open one of the search's lists of trials."""
        if name not in self._studies:
            import optuna

            self._studies[name] = optuna.create_study(
                storage=self._storage,
                study_name=name,
                direction="maximize",
                load_if_exists=True,
                pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=20, reduction_factor=ETA),
            )
            _call_off(self._studies[name])
        return self._studies[name]

    def trials(self, name: str) -> list[Told]:
        """List what is over, in its order."""
        return [_told(one) for one in self.study(name).get_trials(deepcopy=False) if _is_over(one)]

    def costs(self, *names: str) -> list[Spent]:
        """List what every started trial cost, also those that were killed."""
        return [_cost(one) for name in names for one in self.study(name).get_trials(deepcopy=False)]

    def interrupted(self, *names: str) -> int:
        """Count the tries that were killed and done again."""
        return sum(_was_killed(one) for name in names for one in self.study(name).get_trials(deepcopy=False))

    def run(self, name: str, label: str, values: Values, seed: int, objective: Objective) -> Told:
        """Answer the trial of this label; run it with these values if it is not over yet."""
        return self._answered(name, label) or self._run(name, label, values, seed, objective)

    def draw(self, name: str, label: str, frozen: Values, objective: Objective) -> Told:
        """Answer the trial of this label; if it is not over yet, draw it by TPE (Bergstra et al. 2011) and run it.

        Frozen settings keep their values. It may end early, by ASHA (Li et al. 2020, arXiv 1810.05934).
        """
        return self._answered(name, label) or self._run(name, label, None, self.seed, objective, frozen=frozen)

    def _run(
        self,
        name: str,
        label: str,
        values: Values | None,
        seed: int,
        objective: Objective,
        *,
        frozen: Mapping[str, Value] = MappingProxyType({}),
    ) -> Told:
        study, before = self.study(name), self.gauge()
        trial = self._asked(study, label, values, frozen)
        self._remember(study, trial, label)

        def report(percent: int, score: float) -> None:
            trial.set_user_attr(COST, list(self.gauge().since(before)))
            trial.report(score, percent)
            if values is None and percent < 100 and trial.should_prune():
                raise Pruned

        score, why, state = None, "", "complete"
        try:
            score = objective(dict(trial.user_attrs[VALUES]), seed, report)
        except Pruned:
            state = "pruned"
        except RunError as error:  # a learning rate that is too high, for example: one trial's failure is a finding
            state, why = "failed", str(error)
        trial.set_user_attr(COST, list(self.gauge().since(before)))
        _tell(study, trial, score=score, why=why, state=state)
        return _told(study.get_trials(deepcopy=False)[trial.number])

    def _asked(self, study: "Study", label: str, values: Values | None, frozen: Mapping[str, Value]) -> "Trial":
        from optuna.samplers import TPESampler

        if values is not None:
            study.enqueue_trial(dict(values))
        study.sampler = TPESampler(n_startup_trials=1, seed=zlib.crc32(f"{self.seed} {label}".encode()))
        trial = study.ask({path: one for path, one in self.distributions.items() if path not in frozen})
        trial.set_user_attr(LABEL, label)
        trial.set_user_attr(VALUES, {path: {**trial.params, **frozen}[path] for path in self.space})
        return trial

    def _remember(self, study: "Study", trial: "Trial", label: str) -> None:
        """Report again what a try that was killed had reported: its training goes on behind that."""
        killed = [one for one in study.get_trials(deepcopy=False) if _was_killed(one) and _label(one) == label]
        known = {step: score for one in killed for step, score in one.intermediate_values.items()}
        for percent, score in sorted(known.items()):
            trial.report(score, percent)
            trial.should_prune()  # it marks the rungs that are passed

    def _answered(self, name: str, label: str) -> Told | None:
        return next((one for one in self.trials(name) if one.label == label), None)


def _storage(file: Path | None) -> "BaseStorage":
    try:
        import optuna
        import optuna.storages.journal
    except ImportError as error:
        raise RunError("tune needs optuna, which is not installed. Run: pip install 'optuna>=5,<6'.") from error
    optuna.logging.set_verbosity(logging.WARNING)
    if file is None:
        return optuna.storages.InMemoryStorage()
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(file)))


def _distribution(of: Range, path: str, base: Settings) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(of, Words):
        return CategoricalDistribution(of.of)
    low, high = as_kept(of.low, path, base), as_kept(of.high, path, base)
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=of.log)
    return FloatDistribution(low, high, log=of.log)


def _call_off(study: "Study") -> None:
    """Mark what was running when the search was killed: nobody works at it any more."""
    from optuna.trial import TrialState

    for one in study.get_trials(states=(TrialState.RUNNING, TrialState.WAITING)):
        if one.state == TrialState.WAITING:
            study.ask()  # take it off the queue
        study.tell(one.number, state=TrialState.FAIL)


def _tell(study: "Study", trial: "Trial", *, score: float | None = None, why: str = "", state: str = "failed") -> None:
    from optuna.trial import TrialState

    if state == "complete":
        study.tell(trial, score)
    elif state == "pruned":
        study.tell(trial, state=TrialState.PRUNED)
    else:
        trial.set_user_attr(WHY, why)
        study.tell(trial, state=TrialState.FAIL)


def _label(one: "FrozenTrial") -> str:
    return one.user_attrs.get(LABEL, "")


def _was_killed(one: "FrozenTrial") -> bool:
    """Tell a trial that was killed from one that failed by itself and says why."""
    return one.state.name == "FAIL" and WHY not in one.user_attrs


def _is_over(one: "FrozenTrial") -> bool:
    return one.state.is_finished() and not _was_killed(one)


def _told(one: "FrozenTrial") -> Told:
    state = {"COMPLETE": "complete", "PRUNED": "pruned"}.get(one.state.name, "failed")
    values: Values = dict(one.user_attrs[VALUES])
    return Told(_label(one), state, values, one.value, _cost(one), one.user_attrs.get(WHY, ""))


def _cost(one: "FrozenTrial") -> Spent:
    return Spent(*one.user_attrs[COST]) if COST in one.user_attrs else Spent()
