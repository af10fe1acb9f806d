"""The heart of a worker at its task: shows that it lives, sees whether it still holds the task, and whether it hangs.

A worker hangs when it passes no frame and uses no processor: a data read that never returns, a lock that is never
freed. An export passes no frame but computes; a training on a GPU passes frames. Ending the process is the only cure
for a call that does not return, so that is what is done, and the attempt that follows goes on from the checkpoint.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

from slimaffect.execute.lease import Lease
from slimaffect.meter import tree_cpu_s

STOPPED, HUNG, FENCED = 75, 76, 77
"""Exit codes of a worker that was asked to leave and kept its state, that hung, and that had lost its task."""
IDLE = 0.002  # share of a core below which a process computes nothing: this thread alone uses less


class Heartbeat(AbstractContextManager["Heartbeat"]):
    """Beats in a thread while a task is done. `progress` is a number that changes as long as frames pass."""

    def __init__(self, lease: Lease, every_s: float, hung_after_s: float, progress: Callable[[], object]) -> None:
        self._lease, self._every_s, self._hung_after_s = lease, every_s, hung_after_s
        self._progress, self._stop = progress, threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        seen, since, cpu = self._progress(), time.monotonic(), tree_cpu_s()
        while not self._stop.wait(self._every_s):
            if not self._lease.held:
                _end(FENCED, "another process has taken this task over")
            self._lease.beat()
            now, spent, passed = time.monotonic(), tree_cpu_s(), self._progress()
            if passed != seen or spent - cpu > IDLE * (now - since) + 0.02:
                seen, since, cpu = passed, now, spent
            elif now - since > self._hung_after_s:
                _end(HUNG, f"no frame passed and no processor was used for {now - since:.0f} s")


def _end(code: int, why: str) -> None:
    print(f"worker {os.getpid()} ends itself: {why}", file=sys.stderr, flush=True)  # noqa: T201  (the task's log)
    os._exit(code)
