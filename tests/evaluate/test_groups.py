"""Leave-one-group-out: whole subjects, dealt evenly, and never mistaken for sites."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimaffect.data.clips import Clips, Recording, cut
from slimaffect.errors import DataError
from slimaffect.evaluate.folds import leave_one_site_out, validation_subjects
from slimaffect.evaluate.groups import SubjectGroups, deal, in_groups


def clips_of(people: dict[str, list[str]]) -> Clips:
    """Cut two short recordings of each named subject."""
    made = [
        Recording(site, name, f"r{n}", np.zeros((12, 3, 4, 4), np.uint8), np.zeros((12, 2)), np.ones(12, bool),
                  np.arange(12) / 12.5, "d")
        for site, names in people.items() for name in names for n in (0, 1)
    ]  # fmt: skip
    return cut(made, length=8, stride=4, rate=12.5)


@pytest.fixture
def lab() -> Clips:
    """One site with seven people: nothing to leave out."""
    return clips_of({"all": [f"p{n}" for n in range(7)]})


def test_every_subject_is_held_out_once_and_whole(lab):
    """Five groups are five folds; a person's recordings stand on one side, and each person is tested on once."""
    folds = leave_one_site_out(in_groups(lab, SubjectGroups(subject_groups=5)))
    assert [fold.held_out for fold in folds] == [f"group{n}" for n in range(1, 6)]
    assert sorted(name for fold in folds for name in fold.test.subjects) == sorted(lab.subjects)
    for fold in folds:
        assert not set(fold.training.subjects) & set(fold.test.subjects)
        assert len(fold.training) + len(fold.test) == len(lab)


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 13), min_size=1, max_size=5), groups=st.integers(2, 12), seed=st.integers(0, 99))
def test_groups_are_even_over_people_and_over_sites(sizes, groups, seed):
    """The sizes of groups differ by one at most, and so does each site's share in them."""
    homes = {f"s{site}p{n}": f"s{site}" for site, size in enumerate(sizes) for n in range(size)}
    dealt = deal(homes, groups, seed)
    names = {f"group{n + 1:0{len(str(groups))}d}" for n in range(groups)}
    for site in (None, *set(homes.values())):
        held = Counter(dealt[name] for name in homes if site in (None, homes[name]))
        counts = [held[name] for name in names]
        assert max(counts) - min(counts) <= 1
        assert sum(counts) == sum(held.values())


def test_the_seed_deals_and_the_order_of_recordings_does_not(lab):
    """Same seed, same groups, however the recordings are listed; other seeds reach other groups."""
    homes = dict.fromkeys(lab.subjects, "all")
    assert deal(homes, 3, 4) == deal(dict(reversed(homes.items())), 3, 4)
    assert len({tuple(sorted(deal(homes, 3, seed).items())) for seed in range(10)}) > 3


def test_groups_stand_in_numerical_order():
    """Ten groups and more: the second comes before the tenth in every table."""
    folds = leave_one_site_out(
        in_groups(clips_of({"all": [f"p{n:02d}" for n in range(11)]}), SubjectGroups(subject_groups=11))
    )
    assert [fold.held_out for fold in folds][:3] == ["group01", "group02", "group03"]


def test_no_finished_task_of_other_folds_is_taken_for_one_of_these(lab):
    """Sites, groups, another number of groups and another seed: four fingerprints, so four sets of tasks."""
    asked = [SubjectGroups(subject_groups=2), SubjectGroups(subject_groups=3), SubjectGroups(subject_groups=2, seed=1)]
    assert len({lab.fingerprint, *(in_groups(lab, one).fingerprint for one in asked)}) == 4


def test_steps_inside_a_fold_spread_over_groups(lab):
    """What draws from every site draws from every training group: here who validates."""
    grouped = in_groups(lab, SubjectGroups(subject_groups=3))
    (fold, *_) = leave_one_site_out(grouped)
    chosen = validation_subjects(fold.training, share=0.3, seed=0)
    assert {r.site for r in grouped.recordings if r.subject in chosen} == {"group2", "group3"}


def test_one_person_at_two_sites_is_one_person():
    """Groups need no sites, so such a person is no reason to refuse: all recordings go to one group."""
    grouped = in_groups(clips_of({"athens": ["x", "a"], "bonn": ["x", "b"]}), SubjectGroups(subject_groups=3))
    assert len({r.site for r in grouped.recordings if r.subject == "x"}) == 1
    assert len(leave_one_site_out(grouped)) == 3


@pytest.mark.parametrize(
    ("people", "next_"), [(3, "Set folds.subject_groups=3 or less"), (1, "Add recordings of other")]
)
def test_more_groups_than_people_are_refused(people, next_):
    """Both numbers stand in the message, and what to do."""
    few = clips_of({"all": [f"p{n}" for n in range(people)]})
    with pytest.raises(DataError, match=rf"subject_groups is 4; this data has {people} subject(?s:.*){next_}"):
        in_groups(few, SubjectGroups(subject_groups=4))
