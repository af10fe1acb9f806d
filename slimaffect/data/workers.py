"""Worker processes that never outlive the process that started them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

Task = TypeVar("Task")
Answer = TypeVar("Answer")


def each(
    function: Callable[[Task], Answer], tasks: Sequence[Task], *, workers: int
) -> Generator[tuple[Task, Answer | None]]:
    """Yield (task, answer) as they finish; the answer is None for a task that killed its process twice.

    One worker is this process itself; more are started afresh (spawn), each on one task at a time.
    Closing the iterator, an exception and Ctrl-C end the workers at once.
    """
    if workers <= 1 or len(tasks) <= 1:
        yield from ((task, function(task)) for task in tasks)
        return
    lost = []
    with _pool(min(workers, len(tasks))) as pool:
        futures = {pool.submit(function, task): task for task in tasks}
        for future in as_completed(futures):
            try:
                answer = future.result()
            except BrokenProcessPool:
                lost.append(futures[future])
                continue
            yield futures[future], answer
    # A dying process takes the pool with it, and with the pool tasks that were well: try each alone.
    yield from ((task, _alone(function, task)) for task in lost)


def _alone(function: Callable[[Task], Answer], task: Task) -> Answer | None:
    with _pool(1) as pool:
        try:
            return pool.submit(function, task).result()
        except BrokenProcessPool:
            return None


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_begin)
    try:
        yield pool
    except BaseException:
        for process in list((pool._processes or {}).values()):  # noqa: SLF001 - kill_workers() comes with Python 3.14
            process.kill()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """Leave Ctrl-C to the parent, and die with it even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
