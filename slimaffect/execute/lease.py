"""Who may write for a task: one holder at a time, known by a number that only grows, alive as long as its heart beats.

A lease is a file `<key>.lease/<number>` that is linked into place, which succeeds for one contender on any file system,
shared ones included; no lock is needed. Each task has a folder of its own for it: to list that costs the same however
many tasks lie beside it. The holder touches it every few seconds. Whoever waits watches the file's time
*change* on a monotonic clock of its own, so clocks that differ or jump are no matter. A lease that stands still has
expired, and the next number takes over. The old holder looks before every write whether it still holds (fencing:
Kleppmann, Designing Data-Intensive Applications, chapter 8), and ends when it does not. Between that look and the
write lies a moment; a write that slips through replaces a whole file by the same training's, and harms nothing.
"""

import json
import os
import platform
import sys
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
        return found.get("identity") == self.identity and _highest(self.path.parent)[0] == self.number

    def check(self) -> None:
        """Look before a write.

        Raises:
            LeaseError: another holder has taken over, or the lease is gone.
        """
        if not self.held:
            raise LeaseError(
                f"{self.path.parent.name}: this process no longer holds the task (holder {self.number}); its heart "
                "stood still for longer than execution.lease_s, and another took over. Nothing was written."
            )

    def beat(self) -> None:
        """Show that the holder lives; the time only grows, whatever the clock does."""
        with suppress(OSError):  # a network that stumbles; whether the lease is still ours is looked at elsewhere
            later = max(time.time_ns(), self.path.stat().st_mtime_ns + 1_000_000)
            os.utime(self.path, ns=(later, later))

    def release(self) -> None:
        """Let go; the numbers before ours go too, and the folder where nobody else has entered it.

        Whoever has lost the lease has nothing to let go: a file with our number may be another holder's by now.
        """
        if not self.held:
            return
        for number in range(1, self.number + 1):
            self.path.with_name(str(number)).unlink(missing_ok=True)
        with suppress(OSError):
            self.path.parent.rmdir()


def take(folder: Path, expires_s: float) -> Lease | None:
    """Take the lease if nobody holds it, or if its holder is known to be dead; None where somebody does.

    Args:
        folder: `<key>.lease`; made where it is missing.
        expires_s: how long our heart may stand still; told to whoever waits, for theirs may be another setting.
    """
    number, path = _highest(folder)
    if path is not None and not holder_is_dead(_read(path)):
        return None
    return _link(folder, number + 1, expires_s)


def wait_for(folder: Path, expires_s: float, done: Callable[[], bool]) -> Lease | None:
    """Wait until the lease can be taken, or until `done` says that there is no need any more (None)."""
    watched: Watched | None = None
    while not done():
        if (lease := take(folder, expires_s)) is not None:
            return lease
        number, path = _highest(folder)
        if path is not None:
            if watched is None or watched.path != path:
                watched = Watched(path)
            patience_s = _read(path).get("expires_s", expires_s)
            if watched.still_s() > patience_s and (lease := _link(folder, number + 1, expires_s)) is not None:
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


def holder(folder: Path) -> tuple[dict[str, Any], Path] | None:
    """Read who holds a lease, and from which file; None where nobody does."""
    _, path = _highest(folder)
    return None if path is None else (_read(path), path)


def _link(folder: Path, number: int, expires_s: float) -> Lease | None:
    identity, pid = uuid.uuid4().hex, os.getpid()
    told = {"identity": identity, "where": where(), "pid": pid, "started": _started(pid), "expires_s": expires_s}
    draft, path = folder / f"{identity}.draft", folder / str(number)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(told))
        os.link(draft, path)
    except FileNotFoundError:  # the last holder has just taken its folder away
        return None
    except FileExistsError:  # or the answer of a network file system was lost after it had linked
        if _read(path).get("identity") != identity:
            return None
    finally:
        draft.unlink(missing_ok=True)
    return Lease(path, number, identity)


def _highest(folder: Path) -> tuple[int, Path | None]:
    try:
        names = os.listdir(folder)  # noqa: PTH208  (names are enough)
    except FileNotFoundError:
        return 0, None
    number = max((int(name) for name in names if name.isdigit()), default=0)
    return (number, folder / str(number)) if number else (0, None)


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
    if sys.platform == "win32":
        return "?"  # there, signal 0 is Ctrl-C: what is not known to be dead is watched until its heart stands still
    try:
        os.kill(pid, 0)
    except PermissionError:
        return "?"  # it lives, and is somebody else's
    except (OSError, OverflowError):
        return None
    return "?"


def process_lives(pid: int) -> bool | None:
    """Tell whether a process of this machine lives; None where that cannot be told without disturbing it."""
    if sys.platform == "win32":
        return None
    return pid > 0 and _started(pid) is not None


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text()
    except OSError:
        return None
