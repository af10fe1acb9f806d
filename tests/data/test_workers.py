"""Promises of worker processes: all answers arrive, a dying worker costs its own task only, and none is left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import closing

import pytest

from slimaffect.data.workers import each

MODULE = """
import os, signal, sys, time
from contextlib import closing
from slimaffect.data.workers import each

def square(x):
    return x * x

def fatal(x):
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return x * x

def slow(folder):
    open(f"{folder}/{os.getpid()}", "w").close()
    time.sleep(60)

if __name__ == "__main__":
    if sys.argv[1] == "slow":
        print("ready", flush=True)
        list(each(slow, [sys.argv[2]] * 4, workers=2))
    else:
        print(sorted(each(globals()[sys.argv[1]], range(6), workers=int(sys.argv[2])), key=lambda pair: pair[0]))
"""


@pytest.fixture
def script(tmp_path):
    """The module above as a program of its own: worker processes must be able to import it."""
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(MODULE))
    return path


def run(script, *arguments):
    """Run the program and return what it prints."""
    done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip()


def test_one_worker_is_this_process():
    """With one worker, functions run here, in order."""
    assert list(each(lambda x: (x, os.getpid()), [1, 2], workers=1)) == [(1, (1, os.getpid())), (2, (2, os.getpid()))]


def test_several_workers_answer_every_task(script):
    """Nothing is lost or answered twice."""
    assert run(script, "square", "2") == str([(x, x * x) for x in range(6)])


def test_a_dying_worker_costs_its_own_task_only(script):
    """The task that kills its process is answered with None; the others are done."""
    assert run(script, "fatal", "2") == str([(x, None if x == 3 else x * x) for x in range(6)])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_workers_die_with_their_parent(script, tmp_path, how):
    """Whether the program is killed or interrupted, no worker goes on."""
    program = subprocess.Popen(
        [sys.executable, script, "slow", tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # A test run in the background ignores Ctrl-C, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  the test starts no thread
    )
    program.stdout.readline()
    workers = wait_for(
        lambda: found if len(found := [p.name for p in tmp_path.iterdir() if p.name.isdigit()]) == 2 else None
    )
    program.send_signal(how)
    program.wait(timeout=20)
    program.stdout.close()
    wait_for(lambda: not any(alive(int(worker)) for worker in workers))


def wait_for(condition, seconds=20):
    """Wait until something holds, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def alive(process):
    """Whether a process runs (one that has died and was not yet collected does not)."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_closing_stops_early():
    """Whoever stops asking stops the work."""
    done = []
    with closing(each(lambda x: done.append(x) or x, range(100), workers=1)) as answers:
        next(answers)
    assert done == [0]
