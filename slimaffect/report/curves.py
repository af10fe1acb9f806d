"""How trainings went: one small picture for each step and stage, with a line for each fold and seed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from slimaffect.report.words import listed
from slimaffect.result import LedgerEntry, Result

WIDTH, HEIGHT = 240.0, 96.0


@dataclass(frozen=True)
class Curves:
    """One small picture.

    Attributes:
        title: the step, and the variants that share it.
        stage: the stage of its training.
        figure: what is drawn, mostly the loss.
        lines: for each training: whose it is, and its points as SVG wants them.
        low, high: ends of the vertical axis.
        epochs: the last epoch.
    """

    title: str
    stage: str
    figure: str
    lines: tuple[tuple[str, str], ...]
    low: float
    high: float
    epochs: int


def curves(result: Result, most: int = 24) -> tuple[list[Curves], int]:
    """Draw the training curves that are recorded, at most so many; answer also how many there are."""
    grouped: dict[tuple[str, str, str], list[tuple[str, list[tuple[float, float]]]]] = defaultdict(list)
    for entry in result.ledger:
        for stage, told in (entry.curve or {}).items():
            for figure in sorted(told.keys() - {"epoch"}):
                points = _points(told.get("epoch", []), told[figure])
                if len(points) > 1:
                    grouped[_title(entry), stage, figure].append((_whose(entry), points))
    return [_drawn(*key, trainings) for key, trainings in list(grouped.items())[:most]], len(grouped)


def _title(entry: LedgerEntry) -> str:
    variants, step = entry.variants or ([entry.variant] if entry.variant else []), entry.step or "training"
    return f"{step}, for {listed(variants, most=4)}" if variants else step


def _whose(entry: LedgerEntry) -> str:
    fold = f"{entry.fold} held out" if entry.fold else "all sites"
    return fold if entry.seed is None else f"{fold}, seed {entry.seed}"


def _points(epochs: Sequence[float | None], values: Sequence[float | None]) -> list[tuple[float, float]]:
    both = zip(epochs, values, strict=False)
    return [(epoch, value) for epoch, value in both if epoch is not None and value is not None]


def _drawn(title: str, stage: str, figure: str, trainings: list[tuple[str, list[tuple[float, float]]]]) -> Curves:
    every = [point for _, points in trainings for point in points]
    low, high = min(value for _, value in every), max(value for _, value in every)
    last = max(epoch for epoch, _ in every)
    lines = tuple(
        (whose, " ".join(f"{_across(epoch, last):.1f},{_down(value, low, high):.1f}" for epoch, value in points))
        for whose, points in trainings
    )
    return Curves(title, stage, figure, lines, low, high, int(last))


def _across(epoch: float, last: float) -> float:
    return WIDTH * epoch / max(last, 1.0)


def _down(value: float, low: float, high: float) -> float:
    return HEIGHT / 2 if high == low else HEIGHT * (high - value) / (high - low)
