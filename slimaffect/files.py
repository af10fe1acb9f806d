"""Files that take their name when they are whole: nobody reads half of one, and a killed process leaves none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OWNER_ONLY = 0o600  # for what shows or tells of a person


@contextmanager
def whole(target: Path, mode: int = 0o666) -> Iterator[Path]:
    """Give a passing name beside the target; what is written there takes the target's name if nothing is raised.

    Args:
        target: the file; its folder must be there.
        mode: who may read it, less what the umask denies.
    """
    partial = target.with_name(f".{target.stem}.{os.getpid()}.partial{target.suffix}")
    try:
        partial.unlink(missing_ok=True)
        partial.touch(mode)
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
