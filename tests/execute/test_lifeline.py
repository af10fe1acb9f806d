"""A process dies with its parent, also with one that died before it could say so."""

import os
import signal
import subprocess
import sys
import time

import pytest

from slimaffect.execute import lifeline as module

# The file alone: the room around it imports torch, which takes seconds.
TIED = f"import runpy, sys, time; runpy.run_path({module.__file__!r})['die_with_parent'](int(sys.argv[1]));"
CHILD = TIED + "print('tied', flush=True); time.sleep(60)"
PARENT = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}, str(os.getpid())])
print(child.pid, flush=True)
time.sleep(60)
"""


def gone(pid, within_s=20):
    """Tell whether a process ends soon; one that nobody asks for any more counts as ended."""
    ends = time.monotonic() + within_s
    while time.monotonic() < ends:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] in "ZX":
                    return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread looks once a second")
def test_a_child_dies_with_its_parent():
    """SIGKILL of the parent ends it, though nobody tells it."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert parent.stdout.readline() == "tied\n"  # the child's, through the same pipe
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    assert gone(child)


def test_a_child_whose_parent_died_while_it_started_ends_itself():
    """It would otherwise take whoever adopted it for its parent, and train for hours for nobody."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    child = subprocess.run([sys.executable, "-c", CHILD, str(dead.pid)], check=False, timeout=60)
    assert child.returncode == 1
