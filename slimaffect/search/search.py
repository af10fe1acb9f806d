"""The plan of a search: start where the recipe stands, spread trials evenly, freeze what does not matter, then learn.

What is called a trial here runs on a proxy: fewer clips, fewer epochs, a narrower model if asked. Best values depend on
the length of training and the size of the data, so the learning rate is checked again at full size afterwards
(`recheck`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from slimaffect.search.book import Book, Objective, Told
from slimaffect.search.budget import Budget, together
from slimaffect.search.freeze import CHECK_SEEDS, LEAST_TRIALS, doubted, elsewhere, unmoved
from slimaffect.search.importance import additive, dependence
from slimaffect.search.space import Space, Values, inside, to_point, to_values
from slimaffect.settings import Settings

TRIALS, CHECKS, FULL = "trials", "checks", "full size"


@dataclass(frozen=True)
class Findings:
    """What a search found.

    Attributes:
        best: the best values on the proxy.
        score: their score there; None where no trial came to an end.
        frozen: settings that need no more search, at the values they were frozen at.
        importance: of each setting, by both evaluators; empty before enough trials.
        ended: why the search stopped: `trials`, `hours`, `cpu_s`, `joules`, or `all frozen`.
        top: the best choices, the best first, for a later search to start from.
    """

    best: Values
    score: float | None
    frozen: Values
    importance: dict[str, tuple[float, float]]
    ended: str
    top: tuple[Values, ...]


@dataclass(frozen=True)
class Start:
    """Where a search begins: choices to try first, and what earlier findings froze."""

    points: tuple[Values, ...]
    frozen: Values = field(default_factory=dict)
    warm_up: bool = True


def search(
    space: Space, base: Settings, start: Start, budget: Budget, objective: Objective, book: Book, *, tolerance: float
) -> Findings:
    """Search the space for the highest score within the budget.

    Trials so far, and their order, are in the book: called again after a kill it goes on.
    """
    plan = _Plan(space, base, budget, objective, book, tolerance)
    ended = plan.try_all("start", [point for point in start.points if inside(point, space)])
    spread = warm_up(space, base, budget.warm_up, book.seed) if start.warm_up else []
    ended = ended or plan.try_all("warm-up", spread)
    frozen, importance = dict(start.frozen), plan.importance()
    if start.warm_up and not ended:
        frozen |= plan.freeze()
    ended = ended or plan.draw_until_over(frozen)
    ranked = plan.ranked()
    best = ranked[0].values if ranked else dict(start.points[0])
    return Findings(
        best=best,
        score=ranked[0].score if ranked else None,
        frozen=frozen,
        importance=importance,
        ended=ended,
        top=tuple(one.values for one in ranked[:3]),
    )


def warm_up(space: Space, base: Settings, count: int, seed: int) -> list[Values]:
    """Spread choices evenly over the space: the first points of a scrambled Sobol sequence (Owen 1998)."""
    return [to_values(point, space, base) for point in sobol(len(space), count, seed)]


def sobol(settings: int, count: int, seed: int) -> Float[np.ndarray, "count settings"]:
    """Points of a scrambled Sobol sequence; a power of two is drawn, because only that is balanced."""
    from scipy.stats import qmc

    power = math.ceil(math.log2(max(count, 2)))
    return qmc.Sobol(settings, rng=np.random.default_rng(seed)).random_base2(power)[:count]


@dataclass(frozen=True)
class _Plan:
    space: Space
    base: Settings
    budget: Budget
    objective: Objective
    book: Book
    tolerance: float

    def over(self) -> str | None:
        """Say what ends the search, if anything does."""
        if len(self.book.trials(TRIALS)) >= self.budget.trials:
            return "trials"
        return self.budget.over(self.book.costs(TRIALS, CHECKS))

    def try_all(self, stage: str, choices: Sequence[Values]) -> str | None:
        """Run these choices to their ends, or say which limit stopped it."""
        done = {one.label for one in self.book.trials(TRIALS)}
        for number, values in enumerate(choices):
            label = f"{stage} {number}"
            if label not in done and (limit := self.over()):
                return limit
            self.book.run(TRIALS, label, values, self.book.seed, self.objective)
        return None

    def draw_until_over(self, frozen: Values) -> str:
        """Draw by what was learnt until a limit is reached."""
        done, number = {one.label for one in self.book.trials(TRIALS)}, 0
        if len(frozen) == len(self.space):
            return "all frozen"
        while True:
            label, number = f"search {number}", number + 1
            if label not in done and (limit := self.over()):
                return limit
            self.book.draw(TRIALS, label, frozen, self.objective)

    def ranked(self) -> list[Told]:
        """List the trials that came to an end, the best first."""
        whole = [one for one in self.book.trials(TRIALS) if one.state == "complete" and one.score is not None]
        return sorted(whole, key=lambda one: -(one.score or 0.0))

    def spread(self) -> tuple[Float[np.ndarray, "trials settings"], Float[np.ndarray, " trials"]]:
        """Points and scores of the evenly spread trials; a failed one is as bad as the worst."""
        told = [one for one in self.book.trials(TRIALS) if one.label.startswith("warm-up")]
        known = [one.score for one in told if one.score is not None]
        scores = [min(known, default=0.0) if one.score is None else one.score for one in told]
        points = [to_point(one.values, self.space) for one in told]
        return np.array(points).reshape(-1, len(self.space)), np.array(scores, dtype=float)

    def importance(self) -> dict[str, tuple[float, float]]:
        """Answer both evaluators' shares."""
        points, scores = self.spread()
        if len(scores) < LEAST_TRIALS:
            return {}
        shares = zip(additive(points, scores).tolist(), dependence(points, scores).tolist(), strict=True)
        return {path: (round(one, 4), round(other, 4)) for path, (one, other) in zip(self.space, shares, strict=True)}

    def freeze(self) -> Values:
        """Freeze the settings that both evaluators doubt and the paired check clears, at their best values."""
        paths, ranked = list(self.space), self.ranked()
        if not ranked:
            return {}
        # Later trials may find a better choice; what is checked must not change with them, or a resumed search would.
        best = next(one for one in ranked if not one.label.startswith("search")).values
        doubts = [paths[number] for number in doubted(*self.spread())]
        return {path: best[path] for path in doubts if self.is_unmoved(best, path)}

    def is_unmoved(self, best: Values, path: str) -> bool:
        """Train with this setting elsewhere and with it at its best, on the same seeds, and compare."""
        at_best = self.scores("best", best)
        moved = [
            self.scores(f"{path} {number}", values)
            for number, values in enumerate(elsewhere(best, path, self.space, self.base))
        ]
        if at_best is None or any(scores is None for scores in moved):
            return False
        return unmoved(at_best, [scores for scores in moved if scores is not None], self.tolerance)

    def scores(self, what: str, values: Values) -> list[float] | None:
        """Train with these values on the seeds of the check; None if a training failed or the budget is over."""
        found = []
        for number in range(CHECK_SEEDS):
            label = f"{what} seed {number}"
            if label not in {one.label for one in self.book.trials(CHECKS)} and self.over():
                return None
            told = self.book.run(CHECKS, label, values, self.book.seed + 1 + number, self.objective)
            if told.score is None:
                return None
            found.append(told.score)
        return found


def recheck(
    best: Values, factors: Sequence[float], objective_of: Callable[[float], Objective], book: Book
) -> list[Told]:
    """Train at full size with the best values and the learning rates so many times as high; list these trials.

    The best rate moves with the length of training and the size of data and model, so the proxy's is only a start.
    """
    return [book.run(FULL, f"{FULL} x{factor:g}", best, book.seed, objective_of(factor)) for factor in factors]


def counted(book: Book, full_examples: float) -> dict[str, Any]:
    """Count every started trial, by how it ended, and what all of them cost.

    `full_examples` are those of one training at full size; all examples in such trainings are H as it is paid.
    """
    told = [one for name in (TRIALS, CHECKS, FULL) for one in book.trials(name)]
    killed = book.interrupted(TRIALS, CHECKS, FULL)
    spent = together(book.costs(TRIALS, CHECKS, FULL))
    of_stage: Mapping[str, int] = {name: len(book.trials(name)) for name in (TRIALS, CHECKS, FULL)}
    return {
        "started": len(told) + killed,
        "complete": sum(one.state == "complete" for one in told),
        "pruned": sum(one.state == "pruned" for one in told),
        "failed": sum(one.state == "failed" for one in told),
        "killed": killed,
        "by_stage": of_stage,
        "spent": spent.rounded(),
        "full_trainings": round(spent.examples / full_examples, 3) if full_examples else None,
    }
