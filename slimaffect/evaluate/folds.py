"""Leave-one-site-out: who is trained on, who is tested on, and who chooses the epoch."""

import zlib
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from slimaffect.data.clips import Clips
from slimaffect.errors import DataError


@dataclass(frozen=True, eq=False)
class Fold:
    """One held-out site: train on all the others, test on every subject of this one."""

    held_out: str
    training: Clips
    test: Clips


def leave_one_site_out(clips: Clips) -> tuple[Fold, ...]:
    """Make one fold per site, in alphabetical order.

    Raises:
        DataError: fewer than two sites, or one subject at two sites (it would be trained and tested on).
    """
    sites = clips.sites
    refuse_few_sites(sites, len(clips.subjects))
    _refuse_shared_subjects(clips)
    return tuple(Fold(site, clips.without_site(site), clips.of_sites([site])) for site in sites)


def refuse_few_sites(sites: tuple[str, ...], subjects: int) -> None:
    """Refuse to leave out the only site, and say what can be done instead: sites are never invented.

    Raises:
        DataError: there are fewer than two sites.
    """
    if len(sites) < 2:
        groups = min(5, max(2, subjects))
        raise DataError(
            f"leave-one-site-out needs two sites; this data has {len(sites)} ({', '.join(sites) or 'none'}). You can "
            "(1) name a column as site when importing: `slim data import ... --option sites=TABLE.csv`, with the "
            "columns subject and site; "
            "(2) take the culture or the camera as site: one folder for each, <site>/<subject>/<recording>; "
            f"(3) leave out groups of subjects instead: --set folds.subject_groups={groups}, or in the recipe "
            f"`folds: {{subject_groups: {groups}}}`. The report then says group, and knows nothing of new sites."
        )


def validation_subjects(clips: Clips, *, share: float = 0.2, seed: int = 0) -> tuple[str, ...]:
    """Draw a share of the subjects of each site, for stopping and for choosing among epochs.

    Whole subjects, because frames of one face are no independent test of each other. Each site gives
    at least one and keeps at least one; a site with a single subject gives none. The draw at a site
    depends on the seed and on that site alone, so the folds agree about it.

    Raises:
        DataError: no site can spare a subject, or the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise DataError(f"validation share is {share}; it must lie between 0 and 1, for example 0.2.")
    drawn = [name for site, names in _subjects_by_site(clips).items() for name in _draw(site, names, share, seed)]
    if not drawn:
        raise DataError(
            f"no subject can be spared for validation: {', '.join(clips.sites) or 'no site'} has one subject each. "
            "Add a second subject to at least one training site."
        )
    return tuple(sorted(drawn))


def _draw(site: str, names: list[str], share: float, seed: int) -> list[str]:
    wanted = min(max(1, round(share * len(names))), len(names) - 1)
    random = np.random.default_rng([seed, zlib.crc32(site.encode())])
    return [names[index] for index in random.permutation(len(names))[:wanted]]


def _subjects_by_site(clips: Clips) -> dict[str, list[str]]:
    found = defaultdict(set)
    for recording in clips.recordings:
        found[recording.site].add(recording.subject)
    return {site: sorted(found[site]) for site in sorted(found)}


def _refuse_shared_subjects(clips: Clips) -> None:
    homes = defaultdict(list)
    for site, names in _subjects_by_site(clips).items():
        for name in names:
            homes[name].append(site)
    shared = {name: sites for name, sites in homes.items() if len(sites) > 1}
    if shared:
        name, sites = next(iter(sorted(shared.items())))
        raise DataError(
            f"{len(shared)} subject(s) stand at more than one site, first {name!r} at {' and '.join(sites)}: the model "
            f"would be trained on a face it is tested on. If they are different people, name them apart, for example "
            f"{sites[0]}-{name}; if it is one person, keep the recordings at one site."
        )
