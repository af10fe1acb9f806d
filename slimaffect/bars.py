"""Progress bars for anything that is not a task: drawing, preparing, measuring."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from slimaffect.callbacks import Watch


@contextmanager
def bars(console: Console) -> Iterator[Watch]:
    """Yield a callback (what, done, total) that draws a bar for each `what`; without a terminal, a line at its end."""
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        shown: dict[str, TaskID] = {}

        def watch(what: str, done: int, total: int) -> None:
            if what not in shown:
                shown[what] = progress.add_task(what, total=total)
            progress.update(shown[what], completed=done, total=total)
            if done == total and not console.is_terminal:
                console.print(f"{what}: {done} done", highlight=False)

        yield watch
