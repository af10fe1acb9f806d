"""How work tells of itself while it goes on: two kinds of callback, and the one that hears nothing."""

from collections.abc import Callable

Watch = Callable[[str, int, int], None]
"""Told what is done, how much of it, and of how much."""
Complain = Callable[[str], None]
"""Told in one sentence what is missing, or what stands in for it."""


def ignore(*_: object) -> None:
    """Hear nothing."""
