"""sha256 of big files, remembered for as long as a file keeps its size and time of change."""

import hashlib
import json
import time
from contextlib import suppress
from pathlib import Path

from slimaffect.files import whole

SAVE_EVERY_S = 2.0


def sha256(path: Path) -> str:
    """Read the whole file and hash it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Hashes:
    """A small file beside the cache; losing it costs a second reading and nothing else."""

    def __init__(self, path: Path) -> None:
        """Read what is remembered."""
        self.path = path
        self.known = _read(path)
        self.saved = time.monotonic()

    def get(self, file: Path) -> str | None:
        """The hash of a file that has not changed since it was remembered."""
        remembered = self.known.get(str(file.absolute()))
        return remembered[2] if remembered and remembered[:2] == stamp(file) else None

    def remember(self, *files: tuple[Path, str, list[int]]) -> None:
        """Remember (file, hash, stamp as it was hashed); written down every few seconds, for a killed run to find."""
        for file, digest, at in files:
            self.known[str(file.absolute())] = [*at, digest]
        if time.monotonic() - self.saved > SAVE_EVERY_S:
            self.save()

    def save(self) -> None:
        """Write the file, whole or not at all; what others added meanwhile stays. A full disk ends no run here."""
        self.saved = time.monotonic()
        with suppress(OSError), whole(self.path) as file:
            file.write_text(json.dumps(_read(self.path) | self.known, indent=0), "utf-8")


def _read(path: Path) -> dict[str, list]:
    try:
        read = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def stamp(file: Path) -> list[int]:
    """Size in bytes and time of the last change in nanoseconds."""
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]
