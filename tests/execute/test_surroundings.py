"""Workers start in an environment of their own, and the driver's stays as it was."""

import os
import subprocess
import sys

import pytest

from slimaffect.execute.surroundings import MEMORY, THREADS, surrounded, surroundings

# What a step of training does: take large blocks, write to them, give them back. Each round's faults are counted.
STEPS = """
import resource, numpy
for _ in range(20):
    numpy.ones(12_000_000, dtype=numpy.float32)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def faults(environment: dict[str, str]) -> int:
    found = subprocess.run([sys.executable, "-c", STEPS], env=environment, capture_output=True, text=True, check=True)
    return int(found.stdout)


def test_the_old_variables_come_back():
    before = dict(os.environ)
    with surrounded(3):
        assert [os.environ[name] for name in THREADS] == ["3"] * len(THREADS)
        assert "mmap_threshold" in os.environ[MEMORY]
    assert dict(os.environ) == before


def test_what_the_user_says_of_memory_stands(monkeypatch):
    monkeypatch.setenv(MEMORY, "glibc.malloc.arena_max=1")
    assert surroundings(1)[MEMORY] == "glibc.malloc.arena_max=1"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the variable is glibc's")
def test_memory_is_kept_from_step_to_step():
    bare = {name: value for name, value in os.environ.items() if name != MEMORY}
    assert faults(bare | surroundings(1)) < faults(bare) / 3
