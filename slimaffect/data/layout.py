"""The generic dataset layout: dataset.yaml and <site>/<subject>/<recording>.mp4 with <recording>.csv beside it."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError

from slimaffect.data.problems import Problem
from slimaffect.errors import DataError
from slimaffect.files import whole
from slimaffect.settings import Settings

VIDEOS = {".mp4", ".mkv", ".avi", ".mov", ".webm"}
SEQUENCE = ".frames"  # an index of images, see slimaffect/video/sequence.py
BOXES = ".boxes"  # <recording>.boxes.csv tells where faces are, see slimaffect/video/boxes.py
NO_SITES = "all"  # the one folder of a dataset that has no sites
OTHER_VIDEOS = {".mpg", ".mpeg", ".m4v", ".wmv", ".flv", ".mts", ".m2ts", ".ts", ".3gp", ".ogv", ".gif"}


def _increasing(bounds: tuple[float, float]) -> tuple[float, float]:
    if not bounds[0] < bounds[1]:
        raise ValueError(f"the lower bound comes first and is smaller, not {list(bounds)}")
    return bounds


def _a_folder(media: str) -> str:
    if not media.strip("/. "):
        raise ValueError("a folder is meant, not the whole disk")
    return media


class DatasetFacts(Settings):
    """What `dataset.yaml` declares about a dataset."""

    name: Annotated[str, Field(min_length=1)]
    """Name of the dataset in reports."""
    licence: str = "unknown"
    """Under which terms it may be used."""
    affect_range: Annotated[tuple[float, float], AfterValidator(_increasing)] = (-1.0, 1.0)
    """Lowest and highest value that valence and arousal can take in the CSV files."""
    annotation_delay_s: Annotated[float, Field(ge=0, le=20)] = 0.0
    """Seconds by which annotators lag behind what they see."""
    label_gap_s: Annotated[float, Field(gt=0)] | None = None
    """Longest gap in seconds between two rows of labels that is read across; without it, any."""
    sites: Literal["folders", "none"] = "folders"
    """`none` when all subjects stand in one folder `all`, so that there is no site to leave out."""
    media: Annotated[str, AfterValidator(_a_folder)] | None = None
    """The folder outside the dataset that links and image sequences may point into; without it, none."""


@dataclass(frozen=True, order=True)
class Source:
    """One recording on disk: a video, or an index of images (`.frames`), its annotation, and boxes if it has any.

    `labels` is None in a dataset that is read without them.
    """

    site: str
    subject: str
    name: str
    video: Path
    labels: Path | None
    boxes: Path | None = None

    @property
    def where(self) -> str:
        """Its place in the dataset, for messages."""
        return f"{self.site}/{self.subject}/{self.name}"


@dataclass(frozen=True)
class Dataset:
    """A dataset on disk: what it declares, the recordings to use, and what was set aside.

    Attributes:
        root: its folder.
        facts: what dataset.yaml declares.
        sources: recordings in alphabetical order of site, subject and name.
        sites: every site folder, also those whose recordings were all set aside.
        problems: what was set aside, with reasons.
    """

    root: Path
    facts: DatasetFacts
    sources: tuple[Source, ...]
    sites: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def name(self) -> str:
        """The declared name."""
        return self.facts.name


def write_dataset_yaml(root: Path, facts: DatasetFacts) -> None:
    """Write dataset.yaml, whole or not at all."""
    with whole(root / "dataset.yaml") as file:
        file.write_text(yaml.safe_dump(facts.model_dump(mode="json"), sort_keys=False, allow_unicode=True), "utf-8")


def read_dataset(root: Path, *, labelled: bool = True) -> Dataset:
    """Index a dataset without opening its videos and annotations.

    Args:
        root: its folder.
        labelled: False leaves annotations aside, so that videos need none.

    Raises:
        DataError: there is no dataset, no recording, or a site without any usable recording.
    """
    facts = _facts(root)
    problems: list[Problem] = []
    ground = _Ground(root, facts.media)
    found = [s for site in _folders(root, ground, problems) for s in _site(ground, site, problems, labelled)]
    sources = _without_double_subjects(found, problems)
    folders = tuple(folder.name for folder in _folders(root, ground, []))
    sites = folders if labelled else tuple(sorted({source.site for source in sources}))  # no fold is lost with one
    _refuse_undeclared_sites(root, facts, folders)
    dataset = Dataset(root, facts, tuple(sorted(sources)), sites, tuple(problems))
    refuse_lost_sites(dataset, {source.site for source in sources}, dataset.problems)
    return dataset


def refuse_lost_sites(dataset: Dataset, left: set[str], problems: tuple[Problem, ...]) -> None:
    """Refuse to go on when a site has lost all of its recordings: the folds are the claim.

    Raises:
        DataError: nothing is left, or a site is lost.
    """
    if not left:
        reasons = _reasons(problems, "") or "Put videos and annotations at <site>/<subject>/<recording>.mp4 and .csv."
        raise DataError(f"{dataset.root}: no usable recording. {reasons}")
    lost = [site for site in dataset.sites if site not in left]
    if lost:
        raise DataError(
            f"{dataset.root}: site {lost[0]} has no usable recording, and leaving out fewer sites than the dataset has "
            f"would be another experiment. {_reasons(problems, lost[0])} "
            "Mend its recordings, or remove the folder to do without the site."
        )


def _reasons(problems: tuple[Problem, ...], site: str) -> str:
    """Quote the problems of a site; of all sites where none is named."""
    fitting = [str(problem) for problem in problems if f"{problem.where}/".startswith(f"{site}/" if site else "")]
    more = f" (and {len(fitting) - 3} more)" if len(fitting) > 3 else ""
    return " ".join(f"{reason}." for reason in fitting[:3]) + more


def _facts(root: Path) -> DatasetFacts:
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder. Give the folder that holds dataset.yaml.")
    path = root / "dataset.yaml"
    if not path.is_file():
        raise DataError(
            f"{root}: has no dataset.yaml. Write one with name, licence, affect_range: [-1, 1], annotation_delay_s: 0."
        )
    try:
        declared = yaml.safe_load(path.read_text("utf-8"))
        return DatasetFacts.model_validate(declared if isinstance(declared, dict) else {})
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: is no YAML ({error}). Correct it.") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']} (found {e['input']!r})" for e in error.errors())
        raise DataError(f"{path}: {faults}. It takes {', '.join(DatasetFacts.model_fields)}.") from error


@dataclass(frozen=True)
class _Ground:
    """Where a dataset's files may lie: its own folder, and the media folder that it declares."""

    root: Path
    media: str | None = None

    def holds(self, path: Path) -> bool:
        """Whether a path, all links followed, stays in one of the two."""
        places = [self.root.resolve(), *([(self.root / self.media).resolve()] if self.media else [])]
        return any(path.resolve().is_relative_to(place) for place in places)


def _refuse_undeclared_sites(root: Path, facts: DatasetFacts, sites: tuple[str, ...]) -> None:
    if facts.sites == "none" and sites != (NO_SITES,):
        raise DataError(
            f"{root}: dataset.yaml says sites: none but there are the folders {', '.join(sites) or '(none)'}. "
            f"Move all subjects into one folder {NO_SITES}, or write sites: folders if they are sites."
        )


def _inside(path: Path, ground: _Ground, problems: list[Problem]) -> bool:
    """Whether a path can be read and stays inside the dataset and its media; says why not."""
    where = path.relative_to(ground.root).as_posix()
    if not where.isprintable() or any(0xD800 <= ord(c) <= 0xDFFF for c in where):
        problems.append(Problem(ascii(where), "has a name that is no readable text", "Rename it"))
        return False
    if not path.exists():
        problems.append(Problem(where, "is a link to nothing", "Restore what it points to, or remove it"))
        return False
    if not (path.is_file() or path.is_dir()):  # who opens a pipe waits for ever
        problems.append(Problem(where, "is neither a file nor a folder", "Remove it"))
        return False
    if not ground.holds(path):
        next_ = "Move what it points to here, or declare the folder it lies in as media: in dataset.yaml"
        problems.append(Problem(where, f"is a link that leaves the dataset, to {path.resolve()}", next_))
        return False
    return True


def _folders(folder: Path, ground: _Ground, problems: list[Problem]) -> list[Path]:
    entries = sorted(e for e in folder.iterdir() if not e.name.startswith("."))
    return [e for e in entries if (e.is_dir() or e.is_symlink()) and _inside(e, ground, problems) and e.is_dir()]


def _site(ground: _Ground, site: Path, problems: list[Problem], labelled: bool) -> Iterator[Source]:
    strays = sorted(e for e in site.iterdir() if e.is_file() and e.suffix.casefold() in VIDEOS | {".csv"})
    problems += [
        Problem(f"{site.name}/{e.name}", "stands outside a subject's folder", "Move it to <site>/<subject>/")
        for e in strays
    ]
    for subject in _folders(site, ground, problems):
        yield from _subject(ground, subject, problems, labelled)


def _subject(ground: _Ground, folder: Path, problems: list[Problem], labelled: bool) -> Iterator[Source]:
    videos, labels, boxes = defaultdict(list), {}, {}
    for entry in sorted(e for e in folder.iterdir() if not e.name.startswith(".") and _inside(e, ground, problems)):
        kind, stem = entry.suffix.casefold(), unicodedata.normalize("NFC", entry.stem)
        if entry.is_dir() or kind in OTHER_VIDEOS:
            problems.append(Problem(entry.relative_to(ground.root).as_posix(), *_not_read(entry)))
        elif kind in VIDEOS or kind == SEQUENCE:
            videos[stem].append(entry)
        elif kind == ".csv" and stem.endswith(BOXES):
            boxes[stem.removesuffix(BOXES)] = entry
        elif kind == ".csv":
            labels[stem] = entry
    for stem in sorted(boxes.keys() - videos.keys()):
        place = boxes[stem].relative_to(ground.root).as_posix()
        problems.append(Problem(place, "has no video beside it", "Add a video of the same name, or remove the boxes"))
    for stem in sorted(videos.keys() | (labels.keys() if labelled else set())):
        wrong = _unpaired(videos.get(stem, []), stem in labels or not labelled)
        if wrong is None:
            annotation = labels[stem] if labelled else None
            yield Source(folder.parent.name, folder.name, stem, videos[stem][0], annotation, boxes.get(stem))
        else:
            first = videos[stem][0] if stem in videos else labels[stem]
            problems.append(Problem(first.relative_to(ground.root).as_posix(), *wrong))


def _not_read(entry: Path) -> tuple[str, str]:
    if entry.is_dir():
        return "is a folder inside a subject's folder, which is not read", "Move its recordings one level up"
    return f"is a {entry.suffix} file", f"Convert it to one of {', '.join(sorted(VIDEOS))}"


def _unpaired(videos: list[Path], has_labels: bool) -> tuple[str, str] | None:
    if not videos:
        return "has no video beside it", "Add a video of the same name, or remove the annotation"
    if len(videos) > 1:
        return f"is one of {len(videos)} videos of that name: {', '.join(v.name for v in videos)}", "Keep one of them"
    if not has_labels:
        return "has no annotation", f"Add {videos[0].stem}.csv with time, valence and arousal"
    return None


def _without_double_subjects(sources: list[Source], problems: list[Problem]) -> list[Source]:
    """Set aside whoever stands under two sites: a subject who is trained on at one must not be tested at another."""
    sites = defaultdict(set)
    for source in sources:
        sites[source.subject].add(source.site)
    double = {subject: sorted(found) for subject, found in sites.items() if len(found) > 1}
    for subject, found in sorted(double.items()):
        places = " and ".join(f"{site}/{subject}" for site in found)
        what = f"the same subject stands under several sites: {places}; all are set aside"
        next_ = "Give different people different names, or keep one site for this person"
        problems.append(Problem(f"{found[0]}/{subject}", what, next_))
    return [source for source in sources if source.subject not in double]
