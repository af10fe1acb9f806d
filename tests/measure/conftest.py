"""A clock that only moves when it is told."""

import pytest


class Clock:
    """Seconds that pass when work is done; a share of them is CPU time."""

    def __init__(self):
        self.now = self.cpu = 0.0

    def work(self, seconds, cpu_share=1.0):
        self.now += seconds
        self.cpu += seconds * cpu_share


@pytest.fixture
def clock():
    """A fresh clock at 0."""
    return Clock()
