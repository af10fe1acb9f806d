"""What a person sees: counts, how far, and joules, on a terminal and without one."""

import io

from rich.console import Console

from slimaffect.execute.view import TerminalView


def test_joules_are_those_of_all_tasks_so_far(training):
    """A task's later figure replaces its earlier one; one that is not measured adds nothing and is not called 0."""
    first, second = training("S1"), training("S2")
    page = io.StringIO()
    with TerminalView(Console(file=page, width=120), {first.key: 9.0, second.key: 1.0}, reused=2) as view:
        for task in (first, second):
            view.started(task)
        view.epoch(first, "frames", 1, 2, 10.0)
        view.epoch(first, "frames", 2, 2, 15.0)
        view.epoch(second, "frames", 1, 2, None)
        assert "15 J" in view._headline()
        assert "2 running, 0 waiting" in view._headline()
        view.finished(first, {"cost": {"seconds": 3.0, "joules": 20.0}})
        view.finished(second, {"cost": {"seconds": None, "joules": None}})
        assert "20 J" in view._headline()
    said = page.getvalue()
    assert "2 tasks to do, 2 already done." in said
    assert "3.0 s" in said
    assert said.rstrip().endswith("- s")  # the bill of one of its tries was lost
