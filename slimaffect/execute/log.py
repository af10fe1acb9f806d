"""The log of a task: whatever it prints, and what its libraries print, in a file beside its result."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path


@contextmanager
def task_log(path: Path) -> Iterator[None]:
    """Send standard output and standard error there inside the block, those of C libraries included.

    A log that cannot be written stops nothing.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        yield
        return
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    stamp = datetime.now(UTC).isoformat(timespec="seconds")
    os.write(1, f"-- {stamp} process {os.getpid()}\n".encode())
    try:
        yield
    finally:
        with suppress(OSError, ValueError):  # a full disk
            sys.stdout.flush()
            sys.stderr.flush()
        for number, descriptor in zip((1, 2), kept, strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
