"""Leave-one-group-out: groups of whole subjects stand where sites stood, for data that has no sites to leave out."""

import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, NonNegativeInt

from slimaffect.data.clips import Clips
from slimaffect.errors import DataError
from slimaffect.settings import Settings


class SubjectGroups(Settings):
    """Folds of whole subjects instead of sites."""

    subject_groups: Annotated[int, Field(ge=2, le=1000)]
    """How many groups the subjects are dealt into; each is held out once."""
    seed: NonNegativeInt = 0
    """Another seed deals the subjects into other groups."""


Folds = Literal["site"] | SubjectGroups
"""What a fold holds out: a site, or a group of subjects."""


def in_groups(clips: Clips, folds: SubjectGroups) -> Clips:
    """Put the name of each subject's group where its site stood: whatever holds out a site now holds out a group.

    A subject is never split, even one that was recorded at two sites. The clips' fingerprint changes with the
    groups, so no finished task of other folds is taken for one of these.

    Raises:
        DataError: there are fewer subjects than groups.
    """
    homes = {r.subject: r.site for r in sorted(clips.recordings, key=lambda r: r.site, reverse=True)}
    refuse_few_subjects(len(homes), folds)
    group = deal(homes, folds.subject_groups, folds.seed)
    return replace(clips, recordings=tuple(replace(r, site=group[r.subject]) for r in clips.recordings))


def deal(homes: Mapping[str, str], groups: int, seed: int) -> dict[str, str]:
    """Deal subjects out like cards, site after site, each site shuffled by the seed and its name.

    So the sizes of groups differ by one at most, and so do a site's shares in them.

    Args:
        homes: the site of each subject.
        groups: how many.
        seed: of the shuffling.

    >>> deal({"a": "all", "b": "all", "c": "all"}, groups=2, seed=0)
    {'a': 'group1', 'b': 'group2', 'c': 'group1'}
    """
    deck = [name for site in sorted(set(homes.values())) for name in _shuffled(site, homes, seed)]
    digits = len(str(groups))  # group02 stands before group10
    return {name: f"group{number % groups + 1:0{digits}}" for number, name in enumerate(deck)}


def refuse_few_subjects(subjects: int, folds: SubjectGroups) -> None:
    """Refuse to make more groups than there are people.

    Raises:
        DataError: there are fewer subjects than groups.
    """
    wanted = folds.subject_groups
    if subjects < wanted:
        raise DataError(
            f"folds.subject_groups is {wanted}; this data has {subjects} subject(s), and a group holds at least one. "
            + (f"Set folds.subject_groups={subjects} or less." if subjects > 1 else "Add recordings of other people.")
        )


def _shuffled(site: str, homes: Mapping[str, str], seed: int) -> list[str]:
    names = sorted(name for name, home in homes.items() if home == site)
    random = np.random.default_rng([seed, zlib.crc32(site.encode())])
    return [names[index] for index in random.permutation(len(names))]
