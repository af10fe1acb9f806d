"""Scores of resampled people: what a study with other subjects of the same sites might have shown.

Subjects are resampled, never frames: frames of one face are not independent, and an interval from resampled frames is
tens of times too narrow. Each site's subjects are drawn with replacement, the CCC of every draw is pooled within the
site, then averaged over sites and, inside the same replicate, over seeds. The draw depends on the seed and the site's
name alone, so every variant of a run is scored on the same resampled people. Intervals are not taken from here: see
`versus`.
"""

import zlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from slimaffect.evaluate.answers import Answers
from slimaffect.evaluate.moments import ccc_of, moments
from slimaffect.evaluate.scores import by_seed, undefined
from slimaffect.evaluate.versus import DRAWS


def replicates(
    answers: Sequence[Answers], *, draws: int = DRAWS, seed: int = 0, clip: bool = False
) -> Float[np.ndarray, " draws"]:
    """Score `draws` resamplings of the subjects of each site; equal subjects and seed, equal resamplings."""
    table = by_seed([one.clipped() for one in answers] if clip else answers)
    first = next(iter(table.values()))
    kept = [site for site in first if not any(undefined(first[site]))]
    if not kept:
        return np.full(draws, np.nan)
    sites = []
    for site in kept:
        weights = resample(site, len(first[site].subjects), draws, seed)
        sites.append(np.mean([ccc_of(moments(folds[site]), weights).mean(axis=-1) for folds in table.values()], axis=0))
    return np.mean(sites, axis=0)


def resample(site: str, subjects: int, draws: int, seed: int) -> Int[np.ndarray, "draws subjects"]:
    """Say for each draw how often each subject of a site is in it."""
    random = np.random.default_rng([seed, zlib.crc32(site.encode())])
    return random.multinomial(subjects, np.full(subjects, 1 / subjects), size=draws)
