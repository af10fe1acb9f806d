"""Where a run reads and writes: the cache that runs share, and the folder of its result."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path
from rich.console import Console
from rich.table import Table

from slimaffect.errors import SlimError
from slimaffect.execute.cache import Cache
from slimaffect.recipe import Recipe, recipe_hash

KEPT = {
    "tasks": "finished tasks: models, exported files, answers",
    "prepared": "face crops, readable by you alone",
    "datasets": "synthetic videos",
    "clips": "face crops as they were handed to other processes, readable by you alone",
    "orders": "tasks handed to a cluster",
    "engines": "TensorRT engines, built for this machine",
    "runtimes": "which runtime was fastest for which file",
}
"""Folders of the cache; the last two lie in the platform's own cache, whatever --cache says."""


@dataclass(frozen=True)
class Places:
    """The cache and the results folder."""

    cache: Path
    results: Path

    @classmethod
    def choose(cls, *, cache: Path | None = None, results: Path = Path("results")) -> "Places":
        """Take the given cache, or the platform's own (`XDG_CACHE_HOME` is honoured)."""
        return cls((cache or user_cache_path("slimaffect")).expanduser().absolute(), results.expanduser())

    @property
    def tasks(self) -> Cache:
        """The finished tasks."""
        return Cache(self.cache / "tasks")

    def result(self, name: str, recipe: Recipe) -> Path:
        """Name the result's folder after the recipe and a hash of what can change its numbers."""
        return self.results / f"{name}-{recipe_hash(recipe)[:8]}"

    def show(self, console: Console) -> None:
        """Print what is kept and how large it is."""
        table = Table("what", "holds", "MB", title=str(self.cache), title_justify="left")
        for name, holds in KEPT.items():
            table.add_row(name, holds, f"{_megabytes(self.cache / name):.1f}")
        console.print(table)

    def clear(self, what: str) -> float:
        """Delete one kind of what is kept, or all; return the megabytes that came free.

        Raises:
            SlimError: there is no such kind.
        """
        if what not in (*KEPT, "all"):
            raise SlimError(f"{what!r} is not kept; choose one of {', '.join(KEPT)} or all.")
        folders = [self.cache / name for name in (KEPT if what == "all" else (what,))]
        freed = sum(_megabytes(folder) for folder in folders)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        return freed


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
