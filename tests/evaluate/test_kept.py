"""Six numbers per subject hold every pooled CCC of any group of subjects."""

import numpy as np
import pytest

from slimaffect.evaluate.answers import Answers, SubjectAnswers
from slimaffect.evaluate.bootstrap import replicates
from slimaffect.evaluate.kept import alike, keep, site_replicates


def answers(seeds=1, shift=0.0):
    """Two sites, five people each, some frames without a label."""
    found = []
    for seed in range(seeds):
        for number, site in enumerate(("bonn", "athens")):
            random = np.random.default_rng([number])
            people = tuple(
                SubjectAnswers(
                    f"{site}{one}",
                    (affect := random.normal(0.6, 0.01, (90, 2))) + np.random.default_rng([seed, one]).normal(shift, 0.01, (90, 2)),
                    affect,
                    random.random(90) < 0.8,
                )
                for one in (3, 1, 0, 2, 4)
            )  # fmt: skip
            found.append(Answers(site, seed, people))
    return found


@pytest.mark.parametrize("seeds", [1, 2])
def test_the_same_replicates_follow(seeds):
    """A small spread beside a large mean, people in any order, one seed or two: as from all frames."""
    given = answers(seeds)
    sites = site_replicates(keep(given), draws=200)
    assert np.allclose(sites.mean(axis=(0, 2)), replicates(given, draws=200), atol=1e-4)


def test_pairs_are_recognised():
    """Another model on the same people is alike; other frames or other people are not."""
    one, other = keep(answers()), keep(answers(shift=0.3))
    assert alike(one, other)
    fewer = {site: dict(people) for site, people in one.items()}
    fewer["bonn"].pop("bonn3")
    assert not alike(one, fewer)
    changed = {site: dict(people) for site, people in one.items()}
    changed["bonn"]["bonn3"] = [[[9, *six[1:]] for six in seed] for seed in one["bonn"]["bonn3"]]
    assert not alike(one, changed)
    assert not alike(one, {"bonn": one["bonn"]})
