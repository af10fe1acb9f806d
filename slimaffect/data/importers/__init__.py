"""Published datasets to the generic layout. The folder is the list: one file per format, a broken one fails loudly.

Importing indexes and links; videos are copied only when that is asked for. Nothing is dropped in silence:
every file and row that is not used is told as a problem.
"""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from slimaffect.data.importers.format import Format, Found
from slimaffect.data.importers.source import Notes, Places, Tree, read_table
from slimaffect.data.importers.source.tables import cell
from slimaffect.data.importers.target import COPIES, Target, new_folder, write_record
from slimaffect.data.labels import LabelError
from slimaffect.data.layout import NO_SITES, VIDEOS, DatasetFacts, Source, write_dataset_yaml
from slimaffect.data.problems import Problem
from slimaffect.errors import DataError, Fault, RecipeError

for _file in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_file.name}")

FORMATS: dict[str, type[Format]] = {kind.name: kind for kind in sorted(Format.__subclasses__(), key=lambda f: f.name)}
"""Every format by the word that the command line uses for it."""

NO_SITES_ADVICE = (
    "This dataset has no sites, so leave-one-site-out is refused. You can (1) name a column as site, in a CSV with the "
    "columns subject and site: sites=PATH; (2) use the culture or the camera as site where the data tells it; "
    "(3) leave out groups of subjects: --set folds.subject_groups=5, and say so where you report it."
)

__all__ = ["FORMATS", "Format", "Found", "Imported", "format_of", "import_dataset", "options_of"]


@dataclass(frozen=True)
class Imported:
    """What an import made.

    Attributes:
        root: the dataset's folder.
        recordings: what it holds.
        problems: every file and row that was not used, and what a reader must know.
        advice: settings that a recipe should have for this dataset.
    """

    root: Path
    recordings: tuple[Source, ...]
    problems: tuple[Problem, ...]
    advice: tuple[str, ...]

    @property
    def sites(self) -> tuple[str, ...]:
        """Its sites in alphabetical order."""
        return tuple(sorted({recording.site for recording in self.recordings}))


def import_dataset(format: str, source: Path, target: Path, *, options: Mapping[str, Any] | None = None) -> Imported:  # noqa: A002 - the word on the command line
    """Index a published dataset as the generic layout, with links to its videos.

    Args:
        format: one of FORMATS.
        source: the folder as it was published; for `manifest` it may be the CSV itself.
        target: a folder that is made; nothing outside it is written.
        options: settings of the format by name.

    Raises:
        RecipeError: there is no such format or option, or an option has a wrong value.
        DataError: there is no such folder, the target is there already, or nothing can be used.
    """
    reader = format_of(format, options or {})
    root = target.expanduser().absolute()
    source, reader = _of_file(source.expanduser(), reader)
    notes = Notes()
    places = _places(source, reader, notes)
    _refuse_inside(root, places)
    with new_folder(root) as partial:
        written = Target(partial, places.media, _site_table(reader.sites), notes, copy_media=reader.copy_media)
        for found in reader.find(places, notes):
            with notes.about(found.where):
                written.add(found)
        written.set_aside_double_subjects()
        _tell_leftover(places, notes)
        _refuse_empty(written, source, reader, notes)
        write_dataset_yaml(partial, _facts(reader, places, written))
        write_record(partial, _record(reader, source, notes))
        recordings = tuple(written.sources(root))
    imported = Imported(root, recordings, tuple(notes.problems), reader.advice(recordings))
    return replace(imported, advice=(*imported.advice, *([NO_SITES_ADVICE] if imported.sites == (NO_SITES,) else [])))


def format_of(name: str, options: Mapping[str, Any]) -> Format:
    """A format with its options checked.

    Raises:
        RecipeError: there is no such format or option, or an option has a wrong value.
    """
    if name not in FORMATS:
        raise RecipeError([Fault(f"format {name}", "is not known", f"Choose one of {', '.join(FORMATS)}")])
    try:
        return FORMATS[name](**options)
    except ValidationError as error:
        known = ", ".join(FORMATS[name].model_fields)
        faults = [(".".join(map(str, e["loc"])), f"{e['msg']} (found {e['input']!r})") for e in error.errors()]
        raise RecipeError([Fault(f"option {loc}", what, f"{name} takes {known}") for loc, what in faults]) from error


def options_of(pairs: Sequence[str]) -> dict[str, Any]:
    """Read KEY=VALUE pairs; values are YAML. A dot in a key reaches into a mapping, whose values are text: names.

    >>> options_of(["rate=25", "columns.site=lab", "affect_range=[1, 9]"])
    {'rate': 25, 'columns': {'site': 'lab'}, 'affect_range': [1, 9]}

    Raises:
        RecipeError: a pair has no `=`, its value is no YAML, or a key is both a value and a mapping.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise RecipeError([Fault(f"option {pair}", "has no value", "Write it as NAME=VALUE")])
        outer, dot, inner = key.partition(".")
        if not dot:
            options[key] = _read(key, value)
        elif not isinstance(mapping := options.setdefault(outer, {}), dict):
            raise RecipeError([Fault(f"option {key}", f"stands beside {outer}={mapping}", "Give one of the two")])
        else:
            mapping[inner] = value
    return options


def _read(key: str, value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        fault = Fault(f"option {key}", f"has a value that is no YAML: {value!r}", "Quote it")
        raise RecipeError([fault]) from error


def _of_file(source: Path, reader: Format) -> tuple[Path, Format]:
    """A source that is a file names the manifest in its folder."""
    if source.is_file() and "manifest" in type(reader).model_fields:
        return source.parent, reader.model_copy(update={"manifest": source.name})
    return source, reader


def _places(source: Path, reader: Format, notes: Notes) -> Places:
    tree = Tree(source, notes)
    return Places(tree, tree if reader.media is None else Tree(reader.media.expanduser(), notes))


def _refuse_inside(target: Path, places: Places) -> None:
    for tree in (places.source, places.media):
        if target.resolve().is_relative_to(tree.root):
            raise DataError(f"{target}: lies inside {tree.root}, which stays untouched. Choose a target elsewhere.")


def _site_table(path: Path | None) -> dict[str, str] | None:
    if path is None:
        return None
    try:
        table = read_table(path.expanduser())
        subject, site = table.column("subject"), table.column("site")
    except LabelError as error:
        raise DataError(f"{path}: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: the table of sites cannot be read ({error.strerror}). Check the path.") from error
    return {cell(row, subject): cell(row, site) for row in table.rows if cell(row, site)}


def _tell_leftover(places: Places, notes: Notes) -> None:
    """Every file that nobody used and no problem has told about yet."""
    told = {problem.where for problem in notes.problems}
    for tree in {id(tree): tree for tree in (places.source, places.media)}.values():
        for folder, suffix, names in tree.leftover():
            left = [name for name in names if f"{folder}/{name}".lstrip("/") not in told]
            if suffix in VIDEOS:
                for name in left:
                    notes.aside(f"{folder}/{name}".lstrip("/"), "is a video without annotation", "Add one to use it")
            elif left:
                what = f"files that are no part of this format: {len(left)} {suffix or 'other'} (first: {left[0]})"
                notes.warn(folder or ".", what, "They were not used")


def _refuse_empty(written: Target, source: Path, reader: Format, notes: Notes) -> None:
    if not written.written:
        reasons = " ".join(f"{problem}." for problem in notes.problems[:3])
        raise DataError(
            f"{source}: no recording of the format {reader.name} can be used. {reasons} "
            f"Check that the folder is the one that was published, and that {reader.name} is its format."
        )


def _facts(reader: Format, places: Places, written: Target) -> DatasetFacts:
    with_sites = written.sites is not None or any(site != NO_SITES for site, _, _ in written.written)
    return DatasetFacts(
        name=reader.dataset or reader.name,
        licence=reader.licence,
        annotation_delay_s=reader.delay_s,
        label_gap_s=reader.label_gap_s or reader.gap_s,
        sites="folders" if with_sites else "none",
        media=COPIES if reader.copy_media else str(places.media.root),
    )


def _record(reader: Format, source: Path, notes: Notes) -> dict[str, Any]:
    options = reader.model_dump(mode="json", exclude_defaults=True)
    problems = [problem.as_dict() for problem in notes.problems]
    return {"format": reader.name, "source": str(source.absolute()), "options": options, "problems": problems}
