"""What falls on a run in benchmarks/chaos.py, and the small run that it falls on."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import closing, suppress
from functools import cache as once
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch._dynamo  # noqa: F401  (an optimiser imports it: once here, instead of in every worker)

from slimaffect.data.carry import keep_clips, kept_clips
from slimaffect.data.clips import Clips, Recording, cut
from slimaffect.execute.cache import Cache
from slimaffect.execute.execution import Execution
from slimaffect.execute.ledger import FOLDER, Ledger
from slimaffect.execute.lifeline import die_with_parent
from slimaffect.execute.plan import Plan
from slimaffect.execute.pool import Pool
from slimaffect.execute.schedule import asked_to_leave, run_plan
from slimaffect.execute.task import Task, tasks_of
from slimaffect.execute.worker import work
from slimaffect.model.shapes import shape
from slimaffect.model.spec import Lstm
from slimaffect.steps import STEPS

EPOCHS, STEPS_EACH, BATCH = 5, 12, 16  # a tenth of a second for an epoch: most faults fall in the middle of one
EPOCH_EXAMPLES = STEPS_EACH * BATCH
DISK_MB = 16
SETTINGS = Execution(workers=2, device="cpu", attempts=10, lease_s=15.0, hung_after_s=60.0)

_kept: list[Path] = []


def clips_on_disk(folder: Path) -> None:
    """Draw noise with faces' shapes: what is trained does not matter, that it is the same again does."""
    chance, people = np.random.default_rng(0), []
    for site in ("S1", "S2"):
        frames = chance.integers(0, 255, (40, 3, 32, 32), dtype=np.uint8)
        affect = np.tanh(chance.normal(size=(40, 2)).cumsum(0) * 0.1)
        people.append(Recording(site, f"{site}P1", "t", frames, affect, np.ones(40, bool), np.arange(40) / 5, site))
    _kept[:] = [keep_clips(cut(people, length=16, stride=8, rate=5.0), folder / "clips")]


@once
def clips() -> Clips:
    """Map the clips."""
    return kept_clips(_kept[0])


def listed(*, steps: int = STEPS_EACH, batch: int = BATCH, **more: Any) -> list[Task]:
    """List two folds of a training and another one after it."""
    stage = {"share": 1, "steps": steps, "batch": batch}
    plain = {"epochs": EPOCHS, "frames": stage, "sequences": {"share": 0}, "end_to_end": {"share": 0}, "amp": "off"}
    train, again = (STEPS["train"].model_validate(plain | {"weight_decay": decay}) for decay in (0.02, 0.01))
    spec = shape("micro").model_copy(update={"pixels": 32, "lstm": Lstm(hidden=16, dropout=0.0)})
    common = {"seeds": [0], "threads": 1, "data": clips().fingerprint, **more}
    ends = tasks_of([(train, again)], model=spec, sites=["S1", "S2"], **common)
    return [parent for task in ends if (parent := task.parent) is not None]


def weights(cache: Cache, ends: list[Task] | None = None) -> dict[str, str]:
    """Hash the weights of every finished task."""
    links = [link for task in ends or listed() for link in task.chain]
    files = {link.key: cache.folder(link.key) / "weights.safetensors" for link in links}
    return {key: hashlib.sha256(file.read_bytes()).hexdigest() for key, file in files.items() if file.is_file()}


def finished(cache: Cache) -> dict[str, str]:
    """Read the seals of what is done."""
    found = {}
    for task in listed():
        for link in task.chain:
            with suppress(OSError, ValueError, KeyError):
                found[link.key] = cache.record(link.key)["seal"]
    return found


class Disk:
    """A small disk of its own, if it may be mounted."""

    def __init__(self, folder: Path) -> None:
        self.root, self.may_fill = folder / "disk", False
        self.root.mkdir()

    def __enter__(self) -> "Disk":
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(self.root)]
        with suppress(OSError):
            self.may_fill = subprocess.run(command, capture_output=True, check=False).returncode == 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.may_fill:
            subprocess.run(["umount", "-l", str(self.root)], check=False)

    def clear(self) -> None:
        """Empty it."""
        for path in self.root.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def fill(self, seconds: float) -> None:
        """Fill it up, and free it again."""
        filler = self.root / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(b"\0" * 65536):
                pass
        time.sleep(seconds)
        filler.unlink()


class Driver:
    """A driver in a session of its own, forked from this warm process."""

    def __init__(self, root: Path, cache: Cache) -> None:
        self.ended_well, self._over, above = False, False, os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _drive(root, cache, above)
        self.session = self.pid

    def runs(self) -> bool:
        """Tell whether it goes on."""
        if not self._over:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._over = pid != 0
            self.ended_well = self._over and os.waitstatus_to_exitcode(status) == 0
        return not self._over

    def workers(self) -> list[int]:
        """List its workers."""
        return [pid for pid in alive_in_session(self.session) if pid != self.pid]


def _drive(root: Path, cache: Cache, above: int) -> None:
    """Run the plan as `slim run` does, and end this process."""
    os.setsid()
    die_with_parent(above)
    log = os.open("/dev/null", os.O_WRONLY)
    with suppress(OSError):
        log = os.open(root / "driver.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    try:
        plan = Plan(listed(), cache)
        with Ledger(root / FOLDER) as ledger, asked_to_leave() as leaving:
            ledger.begun(((task, 1.0) for task in plan.waiting.values()), reused=len(plan.records), on="local")
            with closing(Pool(SETTINGS, clips(), cache, 4, hire=_hire_forked(cache))) as pool:
                run_plan(plan, pool, ledger, attempts=SETTINGS.attempts, leaving=leaving)
        print(*(f"{task.name}: {why}" for task, why in plan.failures), sep="\n", flush=True)
        code = 1 if plan.failures else 0
    except BaseException:  # noqa: BLE001  (a fork must never go on as its parent)
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(code)


def _hire_forked(cache: Cache) -> Callable[[str], tuple[Any, Connection]]:
    context = get_context("fork")

    def hire(place: str) -> tuple[Any, Connection]:
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, clips(), cache, SETTINGS, place), daemon=True)
        process.start()
        theirs.close()
        return process, ours

    return hire


def alive_in_session(session: int) -> list[int]:
    """List the living processes of a session."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            told = file.read_text().rpartition(")")[2].split()
            if int(told[3]) == session and told[0] not in "ZX":
                found.append(int(file.parent.name))
    return found


def _signalled(number: signal.Signals, whom: str) -> Callable[..., bool]:
    def fault(driver: Driver, cache: Cache, disk: Disk, chance: random.Random, damaged: set[str]) -> bool:
        del cache, disk, damaged
        pids = [driver.pid] if whom == "driver" else driver.workers()
        with suppress(ProcessLookupError):
            if pids:
                os.kill(chance.choice(pids), number)
                return True
        return False

    return fault


def _full(driver: Driver, cache: Cache, disk: Disk, chance: random.Random, damaged: set[str]) -> bool:
    del driver, cache, damaged
    disk.fill(chance.uniform(0.2, 1.0))
    return True


def _flip(pattern: str) -> Callable[..., bool]:
    def fault(driver: Driver, cache: Cache, disk: Disk, chance: random.Random, damaged: set[str]) -> bool:
        del disk
        # What is damaged before its hash is taken, nobody can tell: only sealed results are aimed at.
        files = sorted(file for file in cache.root.glob(pattern) if file.parent.suffix != ".partial")
        if not files:
            return False
        file = chance.choice(files)
        if file.parent.name != "checkpoint":
            damaged.update(link.key for task in listed() for link in task.chain if link.key == file.parent.name)
        with suppress(OSError), file.open("r+b") as opened:
            opened.seek(file.stat().st_size // 2)
            byte = opened.read(1)
            opened.seek(-1, os.SEEK_CUR)
            opened.write(bytes([byte[0] ^ 0xFF]))
            if file.parent.name == "checkpoint":  # only who reads it again can notice
                _signalled(signal.SIGKILL, "worker")(driver, cache, None, chance, damaged)
            return True
        return False

    return fault


FAULTS: dict[str, Callable[..., bool]] = {
    "worker killed": _signalled(signal.SIGKILL, "worker"),
    "driver killed": _signalled(signal.SIGKILL, "driver"),
    "driver asked to leave": _signalled(signal.SIGTERM, "driver"),
    "worker hangs": _signalled(signal.SIGSTOP, "worker"),
    "full disk": _full,
    "checkpoint damaged": _flip("*/*.partial/checkpoint/*.pt"),
    "result damaged": _flip("*/*/weights.safetensors"),
}
"""Every fault answers whether it could fall."""
