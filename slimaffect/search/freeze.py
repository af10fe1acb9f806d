"""Which settings need no more search: a rule that would rather search too much.

A setting is frozen at its best value only if (a) at least 40 trials were spread evenly over the space, (b) two
evaluators put it into the bottom group, and (c) a paired check confirms it: moved by a third of its range, and by two,
with all else at its best, it changes the score by no more than the tolerance on average over equal seeds.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from slimaffect.search.importance import additive, bottom_group, dependence
from slimaffect.search.space import Space, Value, Values, Words, to_point, to_values
from slimaffect.settings import Settings

LEAST_TRIALS = 40  # below, both evaluators misrank too often (known-truth test, docs/methods/tune.md)
CHECK_SEEDS = 3
MOVES = (1 / 3, 2 / 3)  # of the range, around its end: three even places, of which no parabola has all at one height


def doubted(points: Float[np.ndarray, "trials settings"], scores: Float[np.ndarray, " trials"]) -> list[int]:
    """Number the settings that both evaluators put into the bottom group; none before there are enough trials."""
    if len(scores) < LEAST_TRIALS or points.shape[1] < 2:
        return []
    return np.flatnonzero(bottom_group(additive(points, scores)) & bottom_group(dependence(points, scores))).tolist()


def elsewhere(best: Mapping[str, Value], path: str, space: Space, base: Settings) -> list[Values]:
    """Move one setting away from its best value and leave the others; words take all their other values, two at most.

    >>> from slimaffect.search.space import Span
    >>> from slimaffect.train.settings import TrainSettings
    >>> space = {"weight_decay": Span(low=0.0, high=0.9)}
    >>> [moved["weight_decay"] for moved in elsewhere({"weight_decay": 0.75}, "weight_decay", space, TrainSettings())]
    [0.15, 0.45]
    """
    of, place = space[path], list(space).index(path)
    if isinstance(of, Words):
        return [{**best, path: word} for word in of.of if word != best[path]][:2]
    moved = []
    for move in MOVES:
        point = to_point(best, space)
        point[place] = (point[place] + move) % 1
        moved.append({**best, path: to_values(point, space, base)[path]})
    return moved


def unmoved(at_best: Sequence[float], moved: Sequence[Sequence[float]], tolerance: float) -> bool:
    """Tell whether no move changed the score by more than the tolerance, up or down, on the mean over equal seeds.

    >>> unmoved([0.50, 0.52, 0.51], [[0.51, 0.51, 0.51], [0.50, 0.53, 0.50]], 0.01)
    True
    >>> unmoved([0.50, 0.52, 0.51], [[0.51, 0.51, 0.51], [0.47, 0.50, 0.49]], 0.01)
    False
    """
    before = np.asarray(at_best)
    return all(abs(float(np.mean(np.asarray(after) - before))) <= tolerance for after in moved)
