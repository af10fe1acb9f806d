"""Recipe files: found by path or by name, read, joined with what they extend, overridden and checked."""

from collections.abc import Sequence
from pathlib import Path

import slimaffect
from slimaffect.errors import Fault, RecipeError
from slimaffect.recipe.check import SECTIONS, check, refuse
from slimaffect.recipe.complaints import shown
from slimaffect.recipe.describe import nearest
from slimaffect.recipe.document import Document, parse
from slimaffect.recipe.overrides import override
from slimaffect.recipe.recipe import Recipe

MAX_BYTES = 1 << 20  # a recipe is a page; this is a book
SUFFIXES = (".yaml", ".yml")


def load_recipe(path: str | Path, *, overrides: Sequence[str] = (), data: str | None = None) -> Recipe:
    """Read a recipe file and everything it extends.

    Args:
        path: a file, or the bare name of a shipped recipe such as `distill`.
        overrides: `path=value` each, as `--set` takes them.
        data: the dataset instead of the recipe's, as `--data` takes it.

    Raises:
        RecipeError: the file cannot be read, or something is wrong in it; every fault at once, with its line.
    """
    file = _find(path)
    document = _extended(_read(file, _shown(file)), file)
    return check(override(document, overrides, data, SECTIONS))


def shipped() -> dict[str, Path]:
    """List the recipes that come with the package, by name."""
    package = Path(slimaffect.__file__).parent
    # a wheel carries them inside the package, the source tree beside it
    folder = package / "recipes" if (package / "recipes").is_dir() else package.parent / "recipes"
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def _find(path: str | Path) -> Path:
    """Return the file that is meant: a bare word is a shipped recipe.

    Raises:
        RecipeError: nothing is named.
    """
    text = str(path)
    if not text.strip():
        raise RecipeError([Fault("recipe", "its name is empty", f"Shipped: {', '.join(shipped())}")])
    is_bare = "/" not in text and not Path(text).suffix
    return shipped().get(text, Path(text)) if is_bare else Path(text)


def _shown(file: Path) -> str:
    name = str(file.relative_to(Path.cwd()) if file.is_absolute() and file.is_relative_to(Path.cwd()) else file)
    return name if len(name) < 250 else f"...{name[-240:]}"


def _read(file: Path, name: str) -> Document:
    """Read one file as a mapping.

    Raises:
        RecipeError: it is not there, not readable, not text, not YAML, or not a mapping.
    """
    document = parse(_text(file, name), name)
    if document.value is None:
        raise RecipeError(
            [Fault(f"{name}:1", "the recipe is empty", "Begin with `steps:` and, below it, `  - train: {}`")]
        )
    if not isinstance(document.value, dict):
        what = f"a recipe is a mapping of sections; this is {shown(document.value)}"
        raise RecipeError([*document.faults, Fault(document.where_value(()), what, f"Sections: {', '.join(SECTIONS)}")])
    return document


def _text(file: Path, name: str) -> str:
    try:
        content = _bytes(file, name)
    except FileNotFoundError:
        raise RecipeError([Fault(name, "there is no such file", _neighbours(file))]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RecipeError([Fault(name, f"cannot be read: {reason}", "Check the path and its permissions")]) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"this is no UTF-8 text: byte {content[error.start]:#04x}"
        raise RecipeError([Fault(f"{name}:{line}", what, "Give a YAML file, saved as UTF-8")]) from None


def _bytes(file: Path, name: str) -> bytes:
    if file.is_dir():
        inside = ", ".join(sorted(f.name for f in file.iterdir() if f.suffix in SUFFIXES)[:12])
        raise RecipeError(
            [Fault(name, "is a folder", f"Name a recipe in it: {inside}" if inside else "Name a recipe file")]
        )
    size = file.stat().st_size
    if not file.is_file():
        raise RecipeError([Fault(name, "is no regular file", "Name a YAML file")])
    if size > MAX_BYTES:
        what = f"has {size:,} bytes; {MAX_BYTES:,} are the most"
        raise RecipeError([Fault(name, what, "A recipe is a page of YAML: is this the right file?")])
    return file.read_bytes()


def _neighbours(file: Path) -> str:
    """Suggest a file beside the missing one, or a shipped recipe."""
    try:
        beside = sorted(f.name for f in file.parent.iterdir() if f.suffix in SUFFIXES)
    except OSError:
        beside = []
    close = nearest(file.name, beside) or nearest(f"{file.stem}.yaml", beside) or nearest(file.stem, shipped())
    listed = f"Beside it: {', '.join(beside[:8])}. " if beside else ""
    return f"{close}{listed}Shipped: {', '.join(shipped())}"


def _extended(document: Document, file: Path) -> Document:
    """Join a recipe with the one it extends: each of its sections replaces that of the base whole.

    Raises:
        RecipeError: the base is missing, unreadable, or extends another itself.
    """
    if "extends" not in document.value:
        return document
    where, named = document.where_value(("extends",)), document.value["extends"]
    own = {key: value for key, value in document.value.items() if key != "extends"}
    if not isinstance(named, str) or not named.strip():
        refuse(
            [
                *document.faults,
                Fault(
                    where, f"`extends` is {shown(named)}; it must be a file's name", "Write `extends: baseline.yaml`"
                ),
            ]
        )
    base = _base(file, str(named), where)
    if "extends" in base.value:
        what = f"`{named}` extends `{base.value['extends']}` itself ({base.where(('extends',))}); one level is the most"
        refuse([*document.faults, Fault(where, what, "Extend a recipe that stands alone")])
    kept = {key: value for key, value in base.value.items() if key not in own}
    keys, values = (
        {p: at for p, at in theirs.items() if p and p[0] in kept} | ours
        for theirs, ours in ((base.keys, document.keys), (base.values, document.values))
    )
    doubtful = {path for path in base.doubtful if path[0] in kept} | document.doubtful
    return Document({**kept, **own}, keys, values, base.faults + document.faults, doubtful)


def _base(file: Path, named: str, where: str) -> Document:
    beside = file.parent / named
    options = [
        beside,
        *(beside.with_name(beside.name + suffix) for suffix in SUFFIXES),
        shipped().get(Path(named).stem),
    ]
    found = next((option for option in options if option and _is_there(option)), None)
    if found is None:
        raise RecipeError([Fault(where, f"there is no recipe `{named[:80]}` to extend", _neighbours(beside))])
    if _is_there(file) and found.samefile(file):
        raise RecipeError([Fault(where, "the recipe extends itself", "Name another recipe")])
    return _read(found, _shown(found))


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except (OSError, ValueError):
        return False
