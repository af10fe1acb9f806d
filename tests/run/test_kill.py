"""Killed at random moments and started again, a run ends with the numbers of an undisturbed one."""

import random
import signal
import time
from collections import Counter

import pytest

pytestmark = pytest.mark.slow
KILLS = 5


def test_killed_five_times(slim, finished):
    """SIGKILL at five random moments: the same scores to 1e-6, and no finished task done twice."""
    moments = random.Random(20261122)
    for _ in range(KILLS):
        process = slim.start("run", "smallest.yaml")
        time.sleep(moments.uniform(4, 14))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    last = slim("run", "smallest.yaml")
    assert last.returncode == 0, last.stdout + last.stderr
    after, undisturbed = slim.result, finished.result
    for mine, theirs in zip(after["variants"], undisturbed["variants"], strict=True):
        assert mine["scores"]["ccc"] == pytest.approx(theirs["scores"]["ccc"], abs=1e-6)
        for site, scores in theirs["scores"]["sites"].items():
            assert mine["scores"]["sites"][site]["ccc"] == pytest.approx(scores["ccc"], abs=1e-6)
    ends = Counter(entry["key"] for entry in after["ledger"] for attempt in entry["attempts"] if attempt["finished"])
    assert set(ends.values()) == {1}
    assert len(ends) == len(after["ledger"])


def test_workers_die_with_their_driver(slim):
    """No orphan goes on training after its driver was killed."""
    process = slim.start("run", "smallest.yaml")
    deadline = time.monotonic() + 120
    while not (workers := _children(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert workers
    process.kill()
    process.communicate()
    time.sleep(2)
    assert not [pid for pid in workers if _alive(pid)]


def _children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    except FileNotFoundError:
        return []


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
