"""Writing what was found as the generic layout: links and small CSV files, complete or not there at all."""

import csv
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from slimaffect.data.importers.format import Found
from slimaffect.data.importers.names import safe
from slimaffect.data.importers.source import Notes, Still, Tree
from slimaffect.data.labels import LabelError, check_length
from slimaffect.data.layout import NO_SITES, SEQUENCE, Source
from slimaffect.errors import DataError

COPIES = ".images"  # where copied images of sequences lie in the dataset
UNEQUAL_S = 1.0  # labels may end this much before or after the video


class Target:
    """A dataset being written beside its final place."""

    def __init__(
        self, root: Path, media: Tree, sites: Mapping[str, str] | None, notes: Notes, *, copy_media: bool
    ) -> None:
        """Write below `root`; `sites` names each subject's site where the format does not."""
        self.root, self.media, self.sites, self.notes, self.copy_media = root, media, sites, notes, copy_media
        self.written: dict[tuple[str, str, str], str] = {}

    def add(self, found: Found) -> None:
        """Write one recording: a link (or copy) of its video or an index of its images, and its labels.

        Raises:
            LabelError: it cannot be used.
        """
        place = (safe(self._site(found)), safe(found.subject), safe(found.name))
        if place in self.written:
            other = self.written[place]
            raise LabelError(f"names the same recording {'/'.join(place)} as {other}", "Keep one of the two")
        self._check_length(found)
        folder = self.root / place[0] / place[1]
        folder.mkdir(parents=True, exist_ok=True)
        self._medium(folder / place[2], found.medium)
        _write_rows(_named(folder / place[2], ".csv"), found)
        self.written[place] = found.where

    def set_aside_double_subjects(self) -> None:
        """Remove whoever stands under two sites: they would be trained on at one and tested on at another."""
        sites = defaultdict(set)
        for site, subject, _ in self.written:
            sites[subject].add(site)
        for subject, found in sorted((s, sorted(f)) for s, f in sites.items() if len(f) > 1):
            self.notes.aside(
                subject,
                f"stands under several sites: {', '.join(found)}; its recordings are set aside",
                "Give different people different names, or name one site for this person",
            )
            for place in [p for p in self.written if p[1] == subject]:
                del self.written[place]
                shutil.rmtree(self.root / place[0] / subject, ignore_errors=True)
        for site in {site for found in sites.values() for site in found}:
            _remove_if_empty(self.root / site)

    def sources(self, root: Path) -> Iterator[Source]:
        """Every recording as it will be found below `root`."""
        for site, subject, name in sorted(self.written):
            folder = self.root / site / subject
            video = next(p for p in folder.iterdir() if p.name != f"{name}.csv" and p.stem == name)
            moved = root / site / subject
            yield Source(site, subject, name, moved / video.name, moved / f"{name}.csv")

    def _site(self, found: Found) -> str:
        if self.sites is None:
            return found.site or NO_SITES
        if found.subject not in self.sites:
            raise LabelError(f"its subject {found.subject} has no row in the table of sites", "Add one: subject,site")
        return self.sites[found.subject]

    def _check_length(self, found: Found) -> None:
        last_s = found.rows.times[-1]
        check_length(last_s, found.length_s)
        if found.length_s and abs(last_s - found.length_s) > UNEQUAL_S:
            what = f"its labels end at {last_s:.1f} s, its video at {found.length_s:.1f} s"
            self.notes.warn(
                found.where, what, "What only one of the two covers is not used; check that they belong together"
            )

    def _medium(self, stem: Path, medium: str | tuple[Still, ...]) -> None:
        if not isinstance(medium, str):
            self._sequence(_named(stem, SEQUENCE), medium)
            return
        self.media.take(medium)
        file = self.media.path(medium)
        link = _named(stem, file.suffix.casefold())
        if self.copy_media:
            shutil.copyfile(file, link)
        else:
            link.symlink_to(file)

    def _sequence(self, index: Path, stills: tuple[Still, ...]) -> None:
        with index.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["time", "path", "bytes"])
            writer.writerows([f"{still.time_s:.6f}", still.file, still.bytes] for still in stills)
        for still in stills if self.copy_media else ():
            copy = self.root / COPIES / still.file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.media.path(still.file), copy)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder that gets the name `target` when the block ends well, and disappears when it does not.

    Raises:
        DataError: the target exists and holds something.
    """
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise DataError(f"{target}: is there already. Choose another target, or remove it to import again.")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.mkdir()
    try:
        yield partial
        partial.replace(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_record(root: Path, record: Mapping[str, object]) -> None:
    """Write import.json: what was imported from where, with which options, and what was not used."""
    (root / "import.json").write_text(json.dumps(record, indent=1, ensure_ascii=True), "utf-8")


def _named(stem: Path, suffix: str) -> Path:
    """A file of this name: the name may hold dots, so `with_suffix` would cut it."""
    return stem.with_name(stem.name + suffix)


def _write_rows(path: Path, found: Found) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("time,valence,arousal\n")
        for time_s, (valence, arousal) in zip(found.rows.times, found.rows.affect, strict=True):
            file.write(f"{time_s:.6f},{valence:.6g},{arousal:.6g}\n")


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
