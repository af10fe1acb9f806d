"""What a person sees while tasks run: bars on a terminal, plain lines elsewhere."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from slimaffect.execute.task import Task


class TerminalView(AbstractContextManager["TerminalView"]):
    """One bar for everything and one for each running task; without a terminal, one line for each finished task.

    `expected_s` tells how long each task that must run is expected to take, by its key: the overall bar and the
    remaining time are in seconds of work, because an export is not a training.
    """

    def __init__(self, console: Console, expected_s: Mapping[str, float], reused: int) -> None:
        self.console = console
        self._expected_s = expected_s
        self._total = len(expected_s)
        self._finished = self._failed = 0
        self._joules, self._spent = dict[str, float](), 0.0
        self._bars: dict[str, TaskID] = {}
        self._told: dict[str, float] = {}
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[said]}", style="dim"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._overall = self._progress.add_task(self._headline(), total=sum(expected_s.values()) or 1, said="")
        if expected_s or reused:
            console.print(f"{self._total} tasks to do, {reused} already done.")

    def __enter__(self) -> "TerminalView":
        """Show the bars."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bars away."""
        self._progress.stop()

    def started(self, task: Task) -> None:
        """Give the task a bar of its own; one whose worker died begins again under the bar it has."""
        if task.key not in self._bars:
            self._bars[task.key] = self._progress.add_task(task.name, total=1.0, said="")
        self._told.setdefault(task.key, 0.0)

    def epoch(self, task: Task, said: str, done: int, total: int, joules: float | None = None) -> None:
        """Move the task's bar, and the overall one by as much."""
        share = done / max(total, 1)
        self._progress.update(self._bars[task.key], completed=share, said=said)
        self._bill(task, joules)
        self._advance(task, share)

    def lost(self, task: Task, why: str) -> None:
        """Say that a task is tried again."""
        self.console.print(f"[yellow]again[/yellow] {task.name}: ", end="")
        self.console.print(why, markup=False, highlight=False)

    def finished(self, task: Task, record: dict[str, Any]) -> None:
        """Close the task's bar."""
        self._finished += 1
        self._bill(task, record.get("cost", {}).get("joules"))
        self._close(task)
        if not self.console.is_terminal:
            seconds = record["cost"]["seconds"]  # None where the bill of a try was lost
            told = "-" if seconds is None else f"{seconds:.1f}"
            self.console.print(
                f"[{self._finished}/{self._total}] {task.name} · {told} s", highlight=False, markup=False
            )

    def failed(self, task: Task, why: str) -> None:
        """Close the task's bar and say at once why; the summary comes at the end."""
        self._finished += 1
        self._failed += 1
        self._close(task)
        self.console.print(f"[red]failed[/red] {task.name}: ", end="")
        self.console.print(why, markup=False, highlight=False)

    def _close(self, task: Task) -> None:
        self._advance(task, 1.0)
        self._progress.remove_task(self._bars.pop(task.key))
        self._progress.update(self._overall, description=self._headline())

    def _advance(self, task: Task, share: float) -> None:
        grown = max(0.0, share - self._told[task.key])
        self._told[task.key] += grown
        self._progress.update(self._overall, advance=grown * self._expected_s.get(task.key, 0.0))

    def _bill(self, task: Task, joules: float | None) -> None:
        """Keep what a task has cost so far; one that cannot be measured adds nothing and is not called 0."""
        if joules is not None:
            self._spent += joules - self._joules.get(task.key, 0.0)
            self._joules[task.key] = joules
        self._progress.update(self._overall, description=self._headline())

    def _headline(self) -> str:
        running = len(self._bars)
        told = f"{running} running, {self._total - self._finished - running} waiting"
        failed = f", [red]{self._failed} failed[/red]" if self._failed else ""
        spent = f", {self._spent:,.0f} J" if self._joules else ""
        return f"[bold]all tasks[/bold] {self._finished}/{self._total} ({told}{failed}{spent})"
