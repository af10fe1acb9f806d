"""Where the time of a video goes: wall seconds by stage, each second billed to one stage only."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


class Stopwatch:
    """A stop-watch with several hands: a stage that is entered inside another stops that one's hand."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Begin at 0 with no stage running."""
        self.seconds: dict[str, float] = {}
        self._clock, self._running, self._since = clock, [], 0.0

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Bill what happens inside to a stage."""
        self._enter(stage)
        try:
            yield
        finally:
            self._leave()

    def each(self, stage: str, items: Iterable[Item]) -> Iterator[Item]:
        """Bill the making of each item to a stage, and not what is done with it."""
        iterator, end = iter(items), object()
        while True:
            self._enter(stage)  # not `with self.of`, which costs more than this at every frame
            try:
                item = next(iterator, end)
            finally:
                self._leave()
            if item is end:
                return
            yield item  # pyright: ignore[reportReturnType]

    def _enter(self, stage: str) -> None:
        self._bill()
        self._running.append(stage)

    def _leave(self) -> None:
        self._bill()
        self._running.pop()

    def _bill(self) -> None:
        now = self._clock()
        if self._running:
            stage = self._running[-1]
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now
