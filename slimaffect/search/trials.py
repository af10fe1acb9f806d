"""What a trial is: a training on a proxy, judged by subjects of the training sites that it has not seen."""

import shutil
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import torch
from pydantic import Field

from slimaffect.data.clips import Clips
from slimaffect.errors import RunError
from slimaffect.meter import Meter
from slimaffect.model.losses import LabelLoss, Loss
from slimaffect.model.net import AffectNet
from slimaffect.search.book import Book, Report, Told
from slimaffect.search.budget import Budget, Spent
from slimaffect.search.knobs import Knobs
from slimaffect.search.search import CHECKS, FULL, TRIALS, Findings, Start, counted, recheck, search
from slimaffect.search.space import Space, Values, chosen, value_at
from slimaffect.search.transfer import Earlier, people
from slimaffect.select.thin import middle
from slimaffect.settings import Settings
from slimaffect.train.candidate import Candidate
from slimaffect.train.journal import Journal, Leaving, journal, keeping
from slimaffect.train.loop import train
from slimaffect.train.randomness import torch_seed
from slimaffect.train.validate import mean_ccc, shortened, split

JOURNAL, TRAINING = "search.journal", "trial"

Share = Annotated[float, Field(gt=0, le=1)]


class Proxy(Settings):
    """How much of the training a trial is."""

    keep: Share = 0.25
    """Share of each training recording: its middle."""
    width: Share = 1.0
    """Factor on every width of the model."""
    epochs: Share = 0.5
    """Share of the epochs."""
    judged: Share = 0.25
    """Share of each validation recording that judges a trial: its middle."""


class Full(NamedTuple):
    """A training at full size: of the `found` values or the recipe's `own`, with its rates so many times as high."""

    values: Literal["found", "own"]
    rate_factor: float
    told: Told


@dataclass(frozen=True, eq=False)
class Trials:
    """The trials of one candidate, billed by the meter of where they run."""

    candidate: Candidate
    knobs: Knobs
    space: Space
    proxy: Proxy
    budget: Budget
    validation: float
    meter: Meter

    @cached_property
    def opened(self) -> Journal:
        """The task's journal, on which everything is billed."""
        return journal()

    @cached_property
    def book(self) -> Book:
        """The search's own journal, in the task's checkpoint folder if it has one."""
        opened = self.opened

        def gauge() -> Spent:
            spent = self.meter.read()
            return Spent(spent.seconds, spent.cpu_s, spent.joules, opened.examples, opened.trainings)

        file = opened.checkpoint / JOURNAL if opened.checkpoint else None
        return Book(file, self.space, self.knobs, torch_seed(self.candidate.seed, "tune") % 2**31, gauge)

    @cached_property
    def sides(self) -> tuple[Clips, Clips]:
        """Who is trained on, and who judges.

        Raises:
            RunError: no training site can spare a subject.
        """
        learn, judge = split(self.candidate.clips, self.validation, self.candidate.seed)
        if judge is None:
            raise RunError(
                "tune: no training site has a second subject that could judge the trials. Add subjects, or write the "
                "settings into `train` yourself."
            )
        return learn, judge

    @cached_property
    def fewer(self) -> tuple[Clips, Clips]:
        """The same, of a trial: the middle of every recording."""
        learn, judge = self.sides
        return middle(learn, self.proxy.keep), shortened(judge, self.proxy.judged)

    def search(self, earlier: Earlier | None, *, tolerance: float) -> Findings:
        """Run or go on with the search."""
        here = self.own
        start = Start((here,))
        if earlier is not None:
            known = {path: value for path, value in earlier.frozen.items() if path in self.space}
            start = Start((*({**here, **_within(top, here)} for top in earlier.top), here), known, warm_up=False)
        return search(self.space, self.knobs, start, self.budget, self.on_proxy, self.book, tolerance=tolerance)

    @cached_property
    def own(self) -> Values:
        """What the recipe says of the settings that are searched."""
        return {path: value_at(self.knobs, path) for path in self.space}

    def recheck(self, found: Findings, factors: Sequence[float]) -> tuple[Knobs, dict[str, Any]]:
        """Try the found values and the recipe's own at full size, and answer the best with all that is to be told.

        What is best on a proxy may be worse at full size than no search: a short training wants other settings.

        Raises:
            RunError: no training at full size came to its end.
        """
        tried = recheck(found.best, factors, lambda factor: partial(self.at_full_size, factor), self.book)
        full = [Full("found", factor, told) for factor, told in zip(factors, tried, strict=True)]
        if found.best != self.own:
            told = self.book.run(FULL, f"{FULL} own", self.own, self.book.seed, partial(self.at_full_size, 1.0))
            full.append(Full("own", 1.0, told))
        whole = [one for one in full if one.told.score is not None]
        if not whole:
            raise RunError(f"tune: no training at full size came to its end. The last one: {full[-1].told.why}")
        best = max(whole, key=lambda one: one.told.score or 0.0)
        knobs = self._knobs(found.best if best.values == "found" else self.own, best.rate_factor)
        return knobs, self._told(found, full, best.told, knobs)

    def _told(self, found: Findings, tried: Sequence[Full], best: Told, knobs: Knobs) -> dict[str, Any]:
        full = best.cost.examples * len(self.candidate.clips.subjects) / max(1, len(self.sides[0].subjects))
        return {
            "best": found.best,
            "proxy_ccc": found.score,
            "full_size": [
                {"values": one.values, "rate_factor": one.rate_factor, "ccc": one.told.score, "state": one.told.state}
                for one in tried
            ],
            "validation_ccc": best.score,
            "trained_with": knobs.model_dump(mode="json"),
            "settings": list(self.space),
            "free": [path for path in self.space if path not in found.frozen],
            "frozen": found.frozen,
            "importance": {path: list(shares) for path, shares in found.importance.items()},
            "ended": found.ended,
            "top": list(found.top),
            "score": found.score,
            "people": people(self.candidate.clips),
            **counted(self.book, full),
        }

    def _knobs(self, values: Values, factor: float = 1.0) -> Knobs:
        knobs = chosen(self.knobs, values)
        return knobs.model_copy(update={"rates": knobs.rates * factor})

    def on_proxy(self, values: Values, seed: int, report: Report) -> float:
        """Train on fewer clips for fewer epochs, a narrower model if asked; answer its CCC on validation subjects."""
        knobs = self._knobs(values)
        update = {
            "width": knobs.width * self.proxy.width,
            "epochs": max(1, round(knobs.epochs * self.proxy.epochs)),
        }
        return self._score(knobs.model_copy(update=update), *self.fewer, seed, report)

    def at_full_size(self, factor: float, values: Values, seed: int, report: Report) -> float:
        """Train as the last training will, but for the validation subjects."""
        return self._score(self._knobs(values, factor), *self.sides, seed, report)

    def _score(self, knobs: Knobs, learn: Clips, judge: Clips, seed: int, report: Report) -> float:
        over = len(self.book.trials(TRIALS)) + len(self.book.trials(CHECKS))
        with keeping(Watched(self.opened, report, over, self.budget.trials)) as watched:
            try:
                net = train(self.started(knobs, seed), learn, self.loss(knobs), knobs.plain(), seed, judges=judge)
            except Leaving:  # its checkpoint is what the next process goes on from
                raise
            except Exception:  # pruned, or failed; of a training that is killed the checkpoint stays
                watched.sweep()
                raise
        watched.sweep()
        return watched.last if watched.last is not None else mean_ccc(net, judge)

    def started(self, knobs: Knobs, seed: int | None = None) -> AffectNet:
        """Answer the model that a training starts from: the candidate's own, or a fresh one of another width."""
        given = self.candidate.model
        spec = knobs.spec(given.spec)
        if spec == given.spec:
            return deepcopy(given)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.candidate.seed if seed is None else seed)
            return AffectNet(spec)

    def loss(self, knobs: Knobs) -> Loss:
        """Answer the candidate's loss, with the weight that was asked for if it is the loss on labels."""
        loss = self.candidate.loss
        return LabelLoss(knobs.mse_weight) if isinstance(loss, LabelLoss) else loss


def _within(values: Values, here: Values) -> Values:
    return {path: value for path, value in values.items() if path in here}


class Watched(Journal):
    """Passes on what a trial's training reports, and lets the search hear its scores."""

    def __init__(self, outer: Journal, report: Report, over: int, planned: int) -> None:
        self._outer, self._report, self._place = outer, report, (over, planned)
        super().__init__(outer.checkpoint / TRAINING if outer.checkpoint else None, outer.examples, outer.trainings)
        self.last: float | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        """Count on the outer journal's bill."""
        object.__setattr__(self, name, value)
        if name in ("examples", "trainings"):
            setattr(self._outer, name, value)

    def epoch(self, stage: str, done: int, total: int, **figures: float) -> None:
        """Pass it on, as a part of the search."""
        over, planned = self._place
        self._outer.epoch(f"trial {over + 1} {stage}", min(over, planned), planned, **figures)
        if "ccc" in figures:
            self.last = figures["ccc"] if done == total else None
            self._report(round(100 * done / total), figures["ccc"])

    def may_write(self) -> None:
        """Ask the task's journal."""
        self._outer.may_write()

    def leaving(self) -> bool:
        """Ask the task's journal."""
        return self._outer.leaving()

    def report(self, sentence: str) -> None:
        """Pass it on."""
        self._outer.report(sentence)

    def sweep(self) -> None:
        """Delete the checkpoint of a training that is over."""
        if isinstance(self.checkpoint, Path):
            shutil.rmtree(self.checkpoint, ignore_errors=True)
