"""The files below a folder: walked once, never left, and ticked off as they are used."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from slimaffect.data.importers.source.notes import Notes
from slimaffect.errors import DataError

HIDDEN = "__MACOSX"  # what macOS adds to archives, beside names with a dot


class Tree:
    """Regular files below `root`, by folder; whatever leads elsewhere is a problem and not in here.

    Attributes:
        root: the folder, all links resolved.
        folders: names of files by folder, both relative to the root (the root itself is "").
        left: the same, without what has been used.
    """

    def __init__(self, root: Path, notes: Notes) -> None:
        """Walk the folder.

        Raises:
            DataError: there is no such folder.
        """
        if not root.is_dir():
            raise DataError(f"{root}: there is no such folder. Give the folder that holds the dataset.")
        self.root = root.resolve()
        self.folders: dict[str, set[str]] = defaultdict(set)
        self.left: dict[str, set[str]] = defaultdict(set)
        waiting = [""]
        while waiting:
            waiting += self._walk(waiting.pop(), notes)

    def path(self, file: str) -> Path:
        """Where a file of this tree lies."""
        return self.root / file

    def files(self, suffixes: Iterable[str]) -> list[str]:
        """Every file with one of these suffixes, in any case, in alphabetical order."""
        wanted = set(suffixes)
        found = ((folder, name) for folder, names in self.folders.items() for name in names)
        return sorted(within(f, n) for f, n in found if PurePosixPath(n).suffix.casefold() in wanted)

    def has(self, file: str) -> bool:
        """Whether the file is in this tree."""
        folder, _, name = file.rpartition("/")
        return name in self.folders.get(folder, ())

    def take(self, file: str) -> None:
        """Tick a file off: it is used, or a problem tells why not."""
        folder, _, name = file.rpartition("/")
        self.left[folder].discard(name)

    def take_folder(self, folder: str) -> int:
        """Tick off all files in a folder and below; returns how many."""
        inside = [f for f in self.left if f == folder or f.startswith(f"{folder}/")]
        return sum(len(self.left.pop(f)) for f in inside)

    def leftover(self) -> Iterator[tuple[str, str, list[str]]]:
        """Yield (folder, suffix, names) of what nobody has used."""
        for folder in sorted(self.left):
            kinds = defaultdict(list)
            for name in sorted(self.left[folder]):
                kinds[PurePosixPath(name).suffix.casefold()].append(name)
            yield from ((folder, suffix, names) for suffix, names in sorted(kinds.items()))

    def _walk(self, folder: str, notes: Notes) -> list[str]:
        """File one folder's entries; returns the folders in it."""
        below = []
        try:
            entries = sorted(os.scandir(self.root / folder), key=lambda entry: entry.name)
        except OSError as error:
            notes.aside(folder, f"cannot be listed: {error.strerror}", "Check who may read it")
            return []
        for entry in entries:
            wrong = self._wrong(entry)
            if wrong is not None:
                notes.aside(within(folder, entry.name), *wrong)
            elif entry.is_dir():
                below.append(within(folder, entry.name))
            else:
                self._file(folder, entry.name)
        return below

    def _file(self, folder: str, name: str) -> None:
        self.left[folder].add(name)
        if not name.startswith(".") and HIDDEN not in folder.split("/"):
            self.folders[folder].add(name)

    def _wrong(self, entry: os.DirEntry[str]) -> tuple[str, str] | None:
        """Why an entry cannot be used, or None."""
        if not entry.name.isprintable():
            return "has a name that is no readable text", "Rename it"
        if entry.is_symlink():
            return self._wrong_link(Path(entry.path))
        if not entry.is_dir() and not entry.is_file():
            return "is neither a file nor a folder", "Remove it"
        return None

    def _wrong_link(self, link: Path) -> tuple[str, str] | None:
        try:
            file = link.resolve(strict=True)
        except (OSError, RuntimeError):  # RuntimeError: a loop, before Python 3.13
            return "is a link to nothing or to itself", "Restore what it points to, or remove it"
        if not file.is_relative_to(self.root):
            return f"is a link that leaves the folder, to {file}", "Import from the folder that holds what it points to"
        if not file.is_file():
            return (
                f"is a link to a folder that is read where it lies ({file})",
                "Remove the link, or move the folder here",
            )
        return None


def within(folder: str, name: str) -> str:
    """A name in a folder, where the folder may be the root.

    >>> within("", "a.csv"), within("site", "a.csv")
    ('a.csv', 'site/a.csv')
    """
    return f"{folder}/{name}" if folder else name
