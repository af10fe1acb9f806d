"""Leave-one-site-out: nobody is trained on and tested on."""

import numpy as np
import pytest

from slimaffect.data.clips import Clips, Recording, cut
from slimaffect.errors import DataError
from slimaffect.evaluate.folds import leave_one_site_out, validation_subjects


def recordings(people: dict[str, list[str]]) -> Clips:
    """Cut two short recordings of each named subject."""
    made = [
        Recording(
            site,
            name,
            f"r{n}",
            np.zeros((12, 3, 4, 4), np.uint8),
            np.zeros((12, 2)),
            np.ones(12, bool),
            np.arange(12) / 12.5,
            "d",
        )
        for site, names in people.items()
        for name in names
        for n in (0, 1)
    ]
    return cut(made, length=8, stride=4, rate=12.5)


@pytest.fixture
def clips() -> Clips:
    """Three sites of unequal size."""
    return recordings({"bonn": ["b1", "b2", "b3", "b4", "b5"], "athens": ["a1", "a2"], "cadiz": ["c1", "c2", "c3"]})


def test_every_site_is_held_out_once_and_never_trained_on(clips):
    """One fold per site, in alphabetical order; training and test share no site and no subject."""
    folds = leave_one_site_out(clips)
    assert [fold.held_out for fold in folds] == ["athens", "bonn", "cadiz"]
    for fold in folds:
        assert fold.test.sites == (fold.held_out,)
        assert set(fold.training.sites) | {fold.held_out} == set(clips.sites)
        assert not set(fold.training.subjects) & set(fold.test.subjects)
        assert len(fold.training) + len(fold.test) == len(clips)


def test_one_site_is_refused_with_three_ways_out():
    """The message names the site that is there, and a column, the culture or camera, or groups, in exact words."""
    with pytest.raises(DataError) as caught:
        leave_one_site_out(recordings({"bonn": ["b1", "b2", "b3"]}))
    said = str(caught.value)
    for words in ("has 1 (bonn)", "(1) name a column as site", "--option sites=TABLE.csv", "(2) take the culture or the",
                  "(3) leave out groups of subjects", "--set folds.subject_groups=3", "`folds: {subject_groups: 3}`"):  # fmt: skip
        assert words in said
    assert caught.value.exit_code == 3


def test_one_person_at_two_sites_is_refused():
    """A face that is trained on must not be tested on; the message names the person, the sites and a cure."""
    with pytest.raises(DataError, match=r"'s1' at athens and bonn(?s:.*)athens-s1"):
        leave_one_site_out(recordings({"bonn": ["s1", "s2"], "athens": ["s1", "s3"]}))


def test_validation_takes_whole_subjects_from_every_training_site(clips):
    """Each site gives at least one subject and keeps at least one; no subject stands on both sides."""
    chosen = validation_subjects(clips, share=0.4, seed=1)
    assert {name[0] for name in chosen} == {"a", "b", "c"}
    assert sum(name.startswith("b") for name in chosen) == 2
    rest = set(clips.subjects) - set(chosen)
    assert {name[0] for name in rest} == {"a", "b", "c"}


def test_a_site_is_drawn_alike_in_every_fold(clips):
    """The draw at a site depends on the seed and that site alone: holding out another changes nothing."""
    everywhere = set(validation_subjects(clips, share=0.4, seed=5))
    for fold in leave_one_site_out(clips):
        assert set(validation_subjects(fold.training, share=0.4, seed=5)) == everywhere - set(fold.test.subjects)


def test_the_seed_decides_who_validates(clips):
    """Same seed, same people; other seeds reach other people."""
    draws = {validation_subjects(clips, share=0.4, seed=seed) for seed in range(20)}
    assert validation_subjects(clips, share=0.4, seed=7) in draws
    assert len(draws) > 3


def test_a_lonely_subject_stays_in_training():
    """A site with one subject gives none; when no site can spare one, the message says what to add."""
    assert validation_subjects(recordings({"bonn": ["b1"], "athens": ["a1", "a2"]}), share=0.5, seed=0)[0].startswith(
        "a"
    )
    with pytest.raises(DataError, match=r"athens, bonn has one subject each(?s:.*)Add a second subject"):
        validation_subjects(recordings({"bonn": ["b1"], "athens": ["a1"]}), share=0.5, seed=0)


def test_a_share_outside_zero_and_one_is_refused(clips):
    """The value stands in the message."""
    with pytest.raises(DataError, match=r"share is 1\.5"):
        validation_subjects(clips, share=1.5, seed=0)
