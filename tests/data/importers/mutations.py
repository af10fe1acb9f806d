"""Damage done to a tree at random, and what an import of it must still keep to."""

import os
import random
import shutil
import time
from pathlib import Path

from slimaffect.data import read_dataset
from slimaffect.data.importers import import_dataset
from slimaffect.errors import SlimError

CELLS = [
    "=HYPERLINK(1)",
    "nan",
    "inf",
    "-5",
    "7",
    "1e999",
    "",
    "../../outside/secret.mp4",
    "\x1b[31m",
    "9" * 5000,
    "a" * 70000,
    '"',
    "١",
]
NAMES = [
    "=cmd.csv",
    "a\nb.mp4",
    "..csv",
    "\x1b[2J.txt",
    "ｆ.mp4",
    "x" * 250,
    "-rf.csv",
    "[bold].json",
    "\udce9.csv",
    "CON.mp4",
    "%s.csv",
]
LONGEST_S = 10.0  # of CPU: others may share the machine; who waits without working is ended by a test's time limit


def case(tree: Path, name: str, seed: int, sandbox: Path) -> str:
    """Damage a copy of a tree, import it, and check the promises; returns how it ended.

    Raises:
        AssertionError: a promise is broken.
    """
    rng = random.Random(seed)
    source, outside, target = sandbox / "source", sandbox / "outside", sandbox / "target"
    shutil.copytree(tree, source)
    outside.mkdir()
    (outside / "secret.mp4").write_bytes(b"not for you")
    for _ in range(rng.randint(1, 4)):
        damage(source, outside, rng)
    before, start = snapshot(source) | snapshot(outside), time.process_time()
    message = ""
    try:
        ended = f"{len(import_dataset(name, source, target).recordings)} recordings"
    except SlimError as error:
        ended, message = type(error).__name__, str(error)
    assert message if not target.exists() else not message, "a dataset or an error in words, not both"
    assert time.process_time() - start < LONGEST_S, "an import that hangs"
    assert snapshot(source) | snapshot(outside) == before, "a file outside the target was touched"
    assert {path.name for path in sandbox.iterdir()} <= {"source", "outside", "target"}, (
        "something was left beside the target"
    )
    if target.exists():
        check_target(target, source)
    return ended


def check_target(target: Path, source: Path) -> None:
    """Every link stays in the source, and the layout reads what was written without a problem."""
    for path in target.rglob("*"):
        if path.is_symlink():
            assert path.resolve().is_relative_to(source.resolve()), f"{path} leads to {path.resolve()}"
    assert read_dataset(target).problems == ()


def snapshot(folder: Path) -> dict[str, tuple]:
    """What is in a folder: names, kinds, sizes and times of change."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for entry in (*folders, *files):
            status = (Path(parent) / entry).lstat()
            found[f"{parent}/{entry}"] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


def damage(source: Path, outside: Path, rng: random.Random) -> None:
    """Do one kind of damage to one file."""
    files = sorted(path for path in source.rglob("*") if path.is_file() and not path.is_symlink())
    texts = [path for path in files if path.suffix in {".csv", ".txt", ".arff", ".json"}]
    kind = rng.choice([cell, cell, cell, flip, cut, nul, line, rows, rename, delete, link, pipe, folder, nest, double])
    path = rng.choice(
        (texts if kind in {cell, line, rows, nest} or rng.random() < 0.5 else files) or [source / "new.csv"]
    )
    kind(path, source, outside, rng)


def cell(path: Path, _source: Path, _outside: Path, rng: random.Random) -> None:
    """Put something strange where a cell was."""
    text = _read(path)
    for separator in rng.sample([",", ";", "\n"], 3):
        if separator in text:
            cells = text.split(separator)
            cells[rng.randrange(len(cells))] = rng.choice(CELLS)
            path.write_text(separator.join(cells), "utf-8", errors="replace")
            return


def flip(path: Path, _source: Path, _outside: Path, rng: random.Random) -> None:
    """Change some bytes."""
    raw = bytearray(path.read_bytes() or b"x")
    for _ in range(rng.randint(1, 20)):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    path.write_bytes(raw)


def cut(path: Path, _source: Path, _outside: Path, rng: random.Random) -> None:
    """Break the file off."""
    raw = path.read_bytes()
    path.write_bytes(raw[: rng.randint(0, len(raw))])


def nul(path: Path, _source: Path, _outside: Path, rng: random.Random) -> None:
    """Put NUL bytes into it."""
    raw = path.read_bytes()
    at = rng.randint(0, len(raw))
    path.write_bytes(raw[:at] + b"\0" * rng.choice([1, 1000]) + raw[at:])


def line(path: Path, _source: Path, _outside: Path, rng: random.Random) -> None:
    """Add a line that is very long, or of many cells."""
    with path.open("ab") as file:
        file.write(rng.choice([b"1" * 200_000, b"1," * 30_000, b"\xff\xfe\xff\n", b'"' * 999, b"\r\r\n\n;;;\n"]))


def rows(path: Path, _source: Path, _outside: Path, rng: random.Random) -> None:
    """Shuffle, repeat or drop rows, the header too."""
    lines = _read(path).splitlines(keepends=True)
    rng.shuffle(lines)
    path.write_text("".join((lines * 2)[: rng.randint(0, 2 * len(lines))]), "utf-8", errors="replace")


def rename(path: Path, _source: Path, _outside: Path, rng: random.Random) -> None:
    """Give it a hostile name."""
    if path.exists():
        path.rename(path.with_name(rng.choice(NAMES)))


def delete(path: Path, source: Path, _outside: Path, rng: random.Random) -> None:
    """Remove it, or its folder."""
    if rng.random() < 0.3 and path.parent != source:
        shutil.rmtree(path.parent, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def link(path: Path, source: Path, outside: Path, rng: random.Random) -> None:
    """Make it a link: out of the tree, to itself, to a folder above, to nothing."""
    path.unlink(missing_ok=True)
    path.symlink_to(rng.choice([outside / "secret.mp4", outside, path, source, Path("/nowhere"), Path("/dev/zero")]))


def pipe(path: Path, _source: Path, _outside: Path, _rng: random.Random) -> None:
    """Make it a pipe, which whoever opens it waits for."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def folder(path: Path, _source: Path, _outside: Path, _rng: random.Random) -> None:
    """Make it a folder."""
    path.unlink(missing_ok=True)
    path.mkdir()


def nest(path: Path, _source: Path, _outside: Path, rng: random.Random) -> None:
    """Write JSON that is nested beyond measure, or of the wrong kinds."""
    path.write_text(rng.choice(["[" * 100_000, '{"actor": 1}', '{"actor": "a", "frames": {"0": [], "x": 1, "1": {"valence": 1e999}}}',
                                '{"actor": "../../x", "frames": {"00000": {"valence": true, "arousal": ' + "9" * 400 + "}}}", "null"]))  # fmt: skip


def double(path: Path, source: Path, _outside: Path, rng: random.Random) -> None:
    """Copy it to another folder."""
    folders = sorted(p for p in source.rglob("*") if p.is_dir() and not p.is_symlink()) or [source]
    copy = rng.choice(folders) / path.name
    if path.is_file() and not copy.exists():
        shutil.copy(path, copy)


def _read(path: Path) -> str:
    return path.read_text("utf-8", errors="replace") if path.is_file() else ""
