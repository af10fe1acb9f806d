"""What was run for each variant."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from slimaffect.execute import Task
from slimaffect.recipe import Recipe, Variant

Records = Mapping[str, dict[str, Any]]
"""What the tasks left, by key."""


@dataclass(frozen=True)
class Finished:
    """What was run for one variant: what ends it on each fold and seed, and on all sites."""

    variant: Variant
    scored: tuple[Task, ...]
    shipped: Task

    @property
    def links(self) -> dict[str, Task]:
        """Every task behind the variant, by key."""
        return {link.key: link for task in (*self.scored, self.shipped) for link in task.chain}


def by_variant(recipe: Recipe, tasks: Iterable[Task]) -> list[Finished]:
    """Sort the tasks that end variants by variant."""
    of_steps: dict[Any, list[Task]] = defaultdict(list)
    for task in tasks:
        of_steps[str(task.settled)].append(task)
    return [_finished(variant, of_steps) for variant in recipe.variants]


def _finished(variant: Variant, of_steps: Mapping[str, list[Task]]) -> Finished:
    ends = of_steps[str([{step.name: step.model_dump(mode="json")} for step in variant.steps])]
    return Finished(
        variant,
        tuple(task for task in ends if task.held_out is not None),
        next(task for task in ends if task.held_out is None),
    )
