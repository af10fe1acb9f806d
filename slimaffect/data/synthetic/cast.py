"""Who is filmed where, and the random streams that make each person and recording what they are."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from slimaffect.data.synthetic.settings import SyntheticSettings
from slimaffect.data.synthetic.sites import SITES


@dataclass(frozen=True)
class Take:
    """One recording to make."""

    site: str
    number: int  # of the person within the site, from 1
    recording: int  # from 1

    @property
    def subject(self) -> str:
        """The person's name, unique over all sites."""
        return f"{self.site}P{self.number:02d}"

    @property
    def path(self) -> str:
        """Where the recording lies in the dataset, without an ending."""
        return f"{self.site}/{self.subject}/session{self.recording:02d}"


class Streams(NamedTuple):
    """Independent generators, so that a change to one thing (a camera, say) leaves the others as they were."""

    identity: np.random.Generator
    temper: np.random.Generator
    manner: np.random.Generator
    affect: np.random.Generator
    behaviour: np.random.Generator
    labels: np.random.Generator
    camera: np.random.Generator
    picture: np.random.Generator


_OF_PERSON = 3  # streams that are the same in all recordings of a person


def takes(settings: SyntheticSettings) -> tuple[Take, ...]:
    """Every recording of the dataset. People are dealt over the sites one by one, so more people change no earlier one.

    45 people over four sites make 11, 12, 11 and 11: the first is dealt to the second site.
    """
    sites = [name for name in SITES if name in settings.sites]
    people = [(sites[(index + 1) % len(sites)], index // len(sites) + 1) for index in range(settings.subjects)]
    return tuple(Take(site, number, 1 + r) for site, number in sorted(people) for r in range(settings.recordings))


def streams(seed: int, take: Take) -> Streams:
    """The generators of one recording, the same on every machine and for any number of workers."""
    person = (seed, int(take.site[1:]), take.number)
    of_person = np.random.SeedSequence(person).spawn(_OF_PERSON)
    of_recording = np.random.SeedSequence((*person, take.recording)).spawn(len(Streams._fields) - _OF_PERSON)
    return Streams(*(np.random.default_rng(child) for child in (*of_person, *of_recording)))
