"""Who may write for a task: one holder at a time, known by a number that only grows, alive as long as its heart beats.

A lease is a file `<key>.lease.<number>` that is linked into place, which succeeds for one contender on any file system,
shared ones included; no lock is needed. The holder touches it every few seconds. Whoever waits watches the file's time
*change* on a monotonic clock of its own, so clocks that differ or jump are no matter. A lease that stands still has
expired, and the next number takes over. The old holder looks before every write whether it still holds (fencing:
Kleppmann, Designing Data-Intensive Applications, chapter 8), and ends when it does not. Between that look and the
write lies a moment; a write that slips through replaces a whole file by the same training's, and harms nothing.
"""

import json
import os
import platform
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slimaffect.errors import LeaseError

POLL_S = 0.2


@dataclass
class Watched:
    """A file's time, and since when it has not changed by a clock that cannot jump."""

    path: Path
    clock: Callable[[], float] = time.monotonic
    _seen: int | None = field(default=None, init=False)
    _since: float = field(default=0.0, init=False)

    def still_s(self) -> float:
        """Seconds for which the file has been seen to stand still; opened first, so that a network's cache is asked."""
        try:
            with self.path.open("rb") as file:
                now = os.fstat(file.fileno()).st_mtime_ns
        except FileNotFoundError:
            now = -1
        if now != self._seen:
            self._seen, self._since = now, self.clock()
        return self.clock() - self._since


@dataclass
class Lease:
    """A held lease."""

    path: Path
    number: int
    identity: str

    @property
    def held(self) -> bool:
        """Tell whether the file is still ours and no higher number was taken."""
        found = _read(self.path)
        return found.get("identity") == self.identity and _highest(self.path.with_suffix(""))[0] == self.number

    def check(self) -> None:
        """Look before a write.

        Raises:
            LeaseError: another holder has taken over, or the lease is gone.
        """
        if not self.held:
            raise LeaseError(
                f"{self.path.name}: this process no longer holds the task (holder {self.number}); its heart stood "
                "still for longer than execution.lease_s, and another took over. Nothing was written."
            )

    def beat(self) -> None:
        """Show that the holder lives; the time only grows, whatever the clock does."""
        with suppress(FileNotFoundError):
            later = max(time.time_ns(), self.path.stat().st_mtime_ns + 1_000_000)
            os.utime(self.path, ns=(later, later))

    def release(self) -> None:
        """Let go; the numbers before ours go too."""
        for number in range(self.number + 1):
            self.path.with_suffix(f".{number}").unlink(missing_ok=True)


def take(stem: Path, expires_s: float, *, attempt: int = 1) -> Lease | None:
    """Take the lease if nobody holds it, or if its holder is known to be dead; None where somebody does.

    Args:
        stem: `<folder>/<key>.lease`; the number is added to it.
        expires_s: kept with the lease for those who read it.
        attempt: told to them as well.
    """
    number, path = _highest(stem)
    if path is not None and not holder_is_dead(_read(path)):
        return None
    return _link(stem, number + 1, expires_s, attempt)


def wait_for(stem: Path, expires_s: float, done: Callable[[], bool], *, attempt: int = 1) -> Lease | None:
    """Wait until the lease can be taken, or until `done` says that there is no need any more (None)."""
    watched: Watched | None = None
    while not done():
        if (lease := take(stem, expires_s, attempt=attempt)) is not None:
            return lease
        number, path = _highest(stem)
        if path is not None:
            if watched is None or watched.path != path:
                watched = Watched(path)
            if watched.still_s() > expires_s and (lease := _link(stem, number + 1, expires_s, attempt)) is not None:
                return lease
        time.sleep(POLL_S)
    return None


def holder_is_dead(told: dict[str, Any]) -> bool:
    """Tell whether the holder was a process of this machine that has ended; of other machines nothing is known."""
    if told.get("where") != where():
        return False
    return _started(told.get("pid", -1)) != told.get("started")


def where() -> str:
    """Name this machine since its last start, and the set of process numbers that is seen here; no name of a host."""
    boot = _text("/proc/sys/kernel/random/boot_id") or platform.node()
    with suppress(OSError):
        return f"{boot}/{os.stat('/proc/self/ns/pid').st_ino}"  # noqa: PTH116  (a link to no file)
    return boot


def holder(stem: Path) -> tuple[dict[str, Any], Path] | None:
    """Read who holds a lease, and from which file; None where nobody does."""
    _, path = _highest(stem)
    return None if path is None else (_read(path), path)


def _link(stem: Path, number: int, expires_s: float, attempt: int) -> Lease | None:
    identity, pid = uuid.uuid4().hex, os.getpid()
    told = {"identity": identity, "where": where(), "pid": pid, "started": _started(pid), "attempt": attempt}
    stem.parent.mkdir(parents=True, exist_ok=True)
    draft, path = stem.with_name(f"{stem.name}-{identity}"), stem.with_name(f"{stem.name}.{number}")
    draft.write_text(json.dumps(told | {"expires_s": expires_s}))
    try:
        os.link(draft, path)
    except FileExistsError:
        return None
    finally:
        draft.unlink(missing_ok=True)
    return Lease(path, number, identity)


def _highest(stem: Path) -> tuple[int, Path | None]:
    found = [(int(path.suffix[1:]), path) for path in stem.parent.glob(f"{stem.name}.*") if path.suffix[1:].isdigit()]
    return max(found, default=(0, None))


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def _started(pid: int) -> str | None:
    """When a process was started, in ticks since the machine was: a number that is used again has another one."""
    told = _text(f"/proc/{pid}/stat")
    if told is not None:
        facts = told.rpartition(")")[2].split()
        # A killed process whose parent does not ask for it stays listed, in containers without an init for ever.
        return None if facts[0] in "ZX" else facts[19]
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return None
    return "?"


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text()
    except OSError:
        return None
