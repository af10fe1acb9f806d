"""Jobs in processes of their own, which start as the workers of a run do."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

from rich.console import Console

from slimaffect.bars import bars
from slimaffect.execute.lifeline import die_with_parent
from slimaffect.execute.surroundings import surrounded


def each(
    do: Callable[[Any], None],
    jobs: Sequence[Any],
    *,
    what: str,
    workers: int,
    start: Callable[..., None],
    given: tuple[Any, ...] = (),
    console: Console,
) -> None:
    """Do every job; `start(*given)` runs first in each process. Whoever ends this one ends them all."""
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (os.getpid(), start, given))
    with bars(console) as watch, surrounded(1), pool:
        futures = [pool.submit(do, job) for job in jobs]
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            watch(what, done, len(jobs))


def _begin(parent: int, start: Callable[..., None], given: tuple[Any, ...]) -> None:
    die_with_parent(parent)
    start(*given)
