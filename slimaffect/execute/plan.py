"""What is done, what waits and what failed. Every question takes the same short time, however many tasks there are."""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slimaffect.execute.cache import Cache
from slimaffect.execute.task import Task


class Sealed(Mapping[str, dict[str, Any]]):
    """The records of finished tasks, by key. They stay on disk: of 100,000 tasks only the keys are held in memory."""

    def __init__(self, cache: Cache) -> None:
        self._cache, self._keys = cache, dict[str, None]()

    def add(self, key: str) -> None:
        """Count a task among the finished."""
        self._keys[key] = None

    def __getitem__(self, key: str) -> dict[str, Any]:
        if key not in self._keys:
            raise KeyError(key)
        return self._cache.record(key)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class Plan:
    """The order: a task never before its parent, else longest chain first, else as listed."""

    def __init__(self, tasks: Sequence[Task], cache: Cache) -> None:
        everything = {link.key: link for task in tasks for link in task.chain}
        self.records, self.damaged = Sealed(cache), list[Task]()
        for key, link in everything.items():
            if cache.read(key) is not None:
                self.records.add(key)
            elif cache.was_damaged(key):
                self.damaged.append(link)
        needed = self._needed(tasks)
        self.waiting = {key: link for key, link in everything.items() if key in needed}
        self._rank = _longest_first(self.waiting)
        self.failures: list[tuple[Task, str]] = []
        self._children: dict[str, list[str]] = defaultdict(list)
        self._ready: list[tuple[int, str]] = []
        for key, link in self.waiting.items():
            self._line_up(key, link)

    def _line_up(self, key: str, task: Task) -> None:
        """A task waits for its parent, or is ready."""
        parent = task.parent
        if parent is None or (parent.key not in self.waiting and parent.key in self.records):
            heapq.heappush(self._ready, (self._rank[key], key))
        else:
            self._children[parent.key].append(key)

    def _needed(self, tasks: Sequence[Task]) -> set[str]:
        """Leave out what is done, and what only leads to things that are done; what was damaged is on the bill."""
        needed: set[str] = set()
        for task in (*tasks, *self.damaged):
            for link in reversed(task.chain):
                if link.key in self.records:
                    break
                needed.add(link.key)
        return needed

    def next(self) -> Task | None:
        """Take the first task whose parent is done."""
        while self._ready:
            _, key = heapq.heappop(self._ready)
            if key in self.waiting:
                return self.waiting.pop(key)
        return None

    def done(self, task: Task) -> None:
        """Tasks that start from this one may run now."""
        self.records.add(task.key)
        for child in self._children.pop(task.key, ()):
            heapq.heappush(self._ready, (self._rank[child], child))

    def fail(self, task: Task, why: str) -> None:
        """Give up the task and all that start from it."""
        self.failures.append((task, why))
        doomed = self._children.pop(task.key, [])
        while doomed:
            key = doomed.pop()
            self.waiting.pop(key, None)
            doomed += self._children.pop(key, ())


def _longest_first(waiting: Mapping[str, Task]) -> dict[str, int]:
    """Rank tasks by how many come after them in their longest chain, so that no core idles at the end (Hu 1961).

    A listing has parents before their children.
    """
    after = dict.fromkeys(waiting, 0)
    for key, task in reversed(list(waiting.items())):
        if task.parent is not None and task.parent.key in after:
            after[task.parent.key] = max(after[task.parent.key], after[key] + 1)
    return {key: rank for rank, key in enumerate(sorted(waiting, key=lambda key: -after[key]))}
