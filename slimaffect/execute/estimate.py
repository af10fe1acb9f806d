"""How long tasks will take, learnt from those that ran."""

from collections import defaultdict
from collections.abc import Iterable
from statistics import median

from slimaffect.execute.cache import Cache
from slimaffect.execute.task import Task

FIRST_GUESS_S = {
    "train": 60.0,
    "distill": 40.0,
    "quantise": 0.1,
    "subset": 1.0,
    "tune": 400.0,
    "deploy": 5.0,
}  # default recipe, one core of 2025


def expected_seconds(tasks: Iterable[Task], cache: Cache) -> dict[str, float]:
    """Expect of each task the median time of its like: the same step with the same settings, else the same step."""
    alike: dict[str, list[float]] = defaultdict(list)
    for record in cache.records():
        if (seconds := record["cost"]["seconds"]) is None:
            continue  # the bill of a try was lost
        for kind in (record["settings"], record["step"]):
            alike[str(kind)].append(seconds)
    usual = {kind: median(times) for kind, times in alike.items()}
    return {task.key: _expect(task, usual) for task in tasks}


def _expect(task: Task, usual: dict[str, float]) -> float:
    for kind in (task.settings, task.step):
        if (seconds := usual.get(str(kind))) is not None:
            return seconds
    return FIRST_GUESS_S.get(task.step, 30.0)
