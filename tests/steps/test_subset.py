"""`subset`: fewer clips of everyone, and as much less training."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from slimaffect.data.clips import Clips, Recording, cut
from slimaffect.execute.store import load_candidate, save_candidate
from slimaffect.recipe.variants import understand_steps
from slimaffect.select.choose import SELECTORS
from slimaffect.select.units import labelled
from slimaffect.steps.subset import Subset
from slimaffect.steps.train import Train
from slimaffect.train.candidate import Candidate
from slimaffect.train.journal import Journal, keeping
from slimaffect.train.pool import Pool

BY = (*SELECTORS, "rs2")  # infobatch keeps all clips and no fixed share of them
TRAINING = {
    "epochs": 6,
    "frames": {"share": 0.34, "steps": 10, "batch": 8},
    "sequences": {"share": 0.33, "steps": 10, "batch": 4, "frames": 16, "unscored": 4, "views": 1},
    "end_to_end": {"share": 0.33, "steps": 10, "batch": 2, "frames": 10, "unscored": 3},
    "amp": "off",
}


@pytest.fixture
def longer(candidate: Candidate) -> Candidate:
    """The candidate with 40 s of each of its four people."""
    random, recordings = np.random.default_rng(0), []
    for one in candidate.clips.recordings:
        affect = np.tanh(np.cumsum(random.normal(0, 0.2, (400, 2)), 0)).astype(np.float32)
        frames = (110 + 80 * affect[:, :1, None, None] + random.normal(0, 5, (400, 3, 16, 16))).clip(0, 255)
        valid = random.random(400) > 0.1
        recordings.append(
            Recording(
                one.site, one.subject, "r", frames.astype(np.uint8), affect, valid, np.arange(400) / 10, one.subject
            )
        )
    return replace(candidate, clips=cut(recordings, length=10, stride=5, rate=10))


def test_every_selector_has_a_word() -> None:
    """The words of a recipe, and the dynamic one."""
    assert {word for kind in get_args(Subset.model_fields["by"].annotation) for word in get_args(kind) or [kind]} == {
        *BY,
        "infobatch",
    }


@pytest.mark.parametrize("by", BY)
def test_only_the_clips_change_and_everyone_stays(longer: Candidate, by: str) -> None:
    """A quarter of the frames of each of four people; the seed decides; the given clips stay as they were."""
    before = longer.clips.fingerprint
    one, again = (Subset(keep=0.25, by=by).apply(longer) for _ in range(2))
    assert longer.clips.fingerprint == before
    assert one.clips.fingerprint == again.clips.fingerprint != before
    names = ("model", "loss", "precision", "seed")
    assert [getattr(one, name) for name in names] == [getattr(longer, name) for name in names]
    assert one.clips.share == pytest.approx(0.25, abs=0.03)
    assert set(one.clips.windows[:, 0].tolist()) == {0, 1, 2, 3}
    if by != "rs2":
        assert labelled(one.clips) / labelled(longer.clips) == one.clips.share
        assert np.bincount(one.clips.windows[:, 0]).tolist() == pytest.approx([10] * 4, abs=1)


def test_another_seed_keeps_other_clips(longer: Candidate) -> None:
    """Where chance has a say."""
    other = replace(longer, seed=4)
    kept = [Subset(keep=0.25, by="random").apply(one).clips.fingerprint for one in (longer, other)]
    assert kept[0] != kept[1]


def test_training_costs_as_much_less(longer: Candidate) -> None:
    """Steps fall in proportion to what is kept; only the one pass that keeps features takes in the history too."""
    steps = []
    for given in (longer, Subset(keep=0.2).apply(longer)):
        with keeping(Journal()) as journal:
            Train.model_validate(TRAINING).apply(given)
        steps.append(journal.examples - sum(one.last - one.first for one in Pool(given.clips).stretches))
    assert steps[1] / steps[0] == pytest.approx(0.2, rel=0.15)


def test_a_new_subset_each_epoch_costs_less_too(longer: Candidate) -> None:
    """`rs2` draws from everything; only the one pass that keeps features stays whole."""
    every = labelled(longer.clips)
    seen = []
    for given in (longer, Subset(keep=0.2, by="rs2").apply(longer)):
        with keeping(Journal()) as journal:
            Train.model_validate(TRAINING).apply(given)
        seen.append(journal.examples - sum(len(r) for r in given.clips.recordings))
    assert seen[1] / seen[0] == pytest.approx(0.2, rel=0.1)
    assert labelled(Subset(keep=0.2, by="rs2").apply(longer).clips) == every


def test_easy_frames_are_spared_once_they_are_known(longer: Candidate) -> None:
    """`infobatch` keeps every clip, and takes fewer steps as soon as it knows what is easy."""
    spared = Subset(keep=0.1, by="infobatch").apply(longer)
    assert (spared.clips.spared, spared.clips.share, len(spared.clips)) == (0.9, 1.0, len(longer.clips))
    seen = []
    for given in (longer, spared):
        with keeping(Journal()) as journal:
            Train.model_validate(TRAINING | {"epochs": 12}).apply(given)
        seen.append(journal.examples)
    assert 0.5 < seen[1] / seen[0] < 0.95


def test_infobatch_and_widths_do_not_go_together() -> None:
    """Narrower models would be judged on other frames than the wide one."""
    steps = [{"subset": {"keep": 0.5, "by": "infobatch"}}, "train", "slimmable"]
    assert "judged on different frames" in understand_steps(steps)[1][0].what


def test_labels_that_were_not_kept_are_never_looked_at(longer: Candidate) -> None:
    """Training on the kept clips is blind to what people felt elsewhere; to what they looked like before, it is not."""
    kept = Subset(keep=0.2, by="quota").apply(longer)
    other = replace(kept, clips=replace(kept.clips, recordings=tuple(_turned(kept.clips))))
    weights = [Train.model_validate(TRAINING).apply(one).model.head.weight for one in (kept, other)]
    assert torch.equal(*weights)


def _turned(clips: Clips) -> list[Recording]:
    """Turn the labels round of every frame that no clip covers."""
    return [
        replace(recording, affect=np.where(clips.covered(number)[:, None], recording.affect, -recording.affect))
        for number, recording in enumerate(clips.recordings)
    ]


def test_the_record_says_what_was_kept(longer: Candidate) -> None:
    """As a task's record holds it: every subject, and the first frame of each kept clip."""
    with keeping(Journal()) as journal:
        kept = Subset(keep=0.25, by="k_center").apply(longer).clips
    told = journal.figures["subset"]
    assert sorted(told["subjects"]) == ["S1/a", "S1/b", "S2/c", "S2/d"]
    assert [start for start, _ in told["kept"]["S1/b/r"]] == kept.windows[kept.windows[:, 0] == 1, 1].tolist()
    assert told["clips"][1] == len(kept)


def test_the_models_features_are_billed(longer: Candidate) -> None:
    """Five frames of each clip it chooses from; thumbnails and chance cost no example."""
    bills = {}
    for by, features in [("herding", "model"), ("herding", "pixels"), ("random", "model")]:
        with keeping(Journal()) as journal:
            Subset(keep=0.25, by=by, features=features).apply(longer)
        bills[by, features] = journal.examples, journal.figures["subset"]["clips"][0]
    examples, offered = bills["herding", "model"]
    assert examples == 5 * offered
    assert bills["herding", "pixels"][0] == bills["random", "model"][0] == 0


def test_subsets_of_subsets_multiply(longer: Candidate) -> None:
    """Half of a half is a quarter, on disk and back."""
    half = Subset(keep=0.5).apply(longer)
    assert Subset(keep=0.5, by="rs2").apply(half).clips.share == pytest.approx(0.25, abs=0.02)
    assert Subset(keep=0.5).apply(half).clips.share == pytest.approx(0.25, abs=0.02)


def test_a_kept_candidate_comes_back_from_disk(longer: Candidate, tmp_path: Path) -> None:
    """Clips and length of an epoch, so that the next task trains as this one would."""
    for by in ("stride", "infobatch"):
        kept = Subset(keep=0.3, by=by).apply(longer)
        save_candidate(kept, tmp_path)
        assert load_candidate(tmp_path, longer.clips, 3).clips.fingerprint == kept.clips.fingerprint


@pytest.mark.parametrize("wrong", [{"keep": 0}, {"keep": 1.0}, {"keep": 0.5, "by": "best"}, {}])
def test_what_makes_no_sense_is_refused(wrong: dict) -> None:
    """Nothing, everything, an unknown selector, no share."""
    with pytest.raises(ValidationError):
        Subset.model_validate(wrong)


def test_it_may_stand_before_the_training_and_the_baseline_goes_without() -> None:
    """A recipe compares with training on everything."""
    variants, complaints = understand_steps([{"subset": {"keep": {"sweep": [0.5, 0.1]}}}, "train", {"quantise": {}}])
    assert not complaints
    assert [(v.name, [str(step) for step in v.steps][:2]) for v in variants] == [
        ("baseline", ["train"]),
        ("keep0.5", ["subset stride 0.5", "train"]),
        ("keep0.1", ["subset stride 0.1", "train"]),
    ]
    assert [v.name for v in understand_steps([{"subset": {"keep": 0.5}}, "train"])[0]] == ["baseline", "subset"]
