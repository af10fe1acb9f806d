"""`tune`: settings found by trials on the training sites only, and a training with them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from slimaffect.errors import RunError
from slimaffect.meter import Meter
from slimaffect.model.net import AffectNet
from slimaffect.recipe.variants import understand_steps
from slimaffect.search.transfer import people
from slimaffect.settings import NamedFile
from slimaffect.steps.train import Train
from slimaffect.steps.tune import Tune
from slimaffect.train.journal import Journal, keeping
from slimaffect.train.loop import train

pytest.importorskip("optuna")

SPACE = {"rates": {"low": 0.5, "high": 2.0, "log": True}, "weight_decay": {"low": 0.0, "high": 0.1}}


OWN = {"rates": 1.0, "weight_decay": 0.02}


class Stopped(BaseException):
    """As if the process had been killed."""


class Counting(Journal):
    """Counts epochs, and stops the task after some."""

    def __init__(self, checkpoint: Path | None = None, stop: int = 10**9) -> None:
        super().__init__(checkpoint)
        self.stop, self.heard = stop, []

    def epoch(self, stage: str, done: int, total: int, **figures: float) -> None:
        self.heard.append((stage, done, total, figures))
        if len(self.heard) == self.stop:
            raise Stopped


@pytest.fixture
def settings(quick: dict) -> dict:
    """A search of seconds: three trials and two trainings at full size."""
    return {
        "train": quick,
        "space": SPACE,
        "proxy": {"keep": 0.5, "width": 1.0, "epochs": 0.34, "judged": 0.5},
        "budget": {"trials": 3, "warm_up": 1},
        "validation": 0.5,
        "recheck": [1.0, 0.5],
    }


def test_it_trains_with_what_it_found(candidate, settings, monkeypatch):
    """On everyone, from the given model, with the settings that the record tells; billed where it runs."""
    asked, meter = [], Meter()
    monkeypatch.setattr("slimaffect.steps.tune.meter_of", lambda device: asked.append(device) or meter)
    before = [weight.clone() for weight in candidate.model.parameters()]
    with keeping(Counting()) as journal:
        tuned = Tune.model_validate(settings).apply(candidate)
    told = journal.figures["tune"]
    assert asked == ["cpu"]
    assert meter._stop.is_set()  # nobody goes on looking at counters after the search
    assert all(map(torch.equal, before, candidate.model.parameters()))
    assert (tuned.clips, tuned.precision, tuned.seed) == (candidate.clips, candidate.precision, candidate.seed)
    assert told["settings"] == ["rates", "weight_decay"] == told["free"]
    full = 2 if told["best"] == OWN else 3
    assert (told["started"], told["by_stage"]) == (3 + full, {"trials": 3, "checks": 0, "full size": full})
    assert journal.trainings == told["started"] + 1
    assert journal.examples > told["spent"]["examples"] > 0
    knobs = Tune.model_validate(settings).train.model_validate(told["trained_with"])
    won = max(told["full_size"], key=lambda one: one["ccc"])
    begun = told["best"] if won["values"] == "found" else OWN
    assert knobs.rates == pytest.approx(begun["rates"] * won["rate_factor"])
    alone = train(candidate.model, candidate.clips, candidate.loss, knobs.plain(), candidate.seed)
    assert all(map(torch.equal, alone.parameters(), tuned.model.parameters()))


def test_what_helps_on_the_proxy_only_is_not_taken(candidate, settings, monkeypatch):
    """The recipe's own settings are tried at full size as well, and win where the search's are worse there."""
    own = Tune.model_validate(settings).train.rates

    def scored(self, knobs, *_):
        return 0.5 if knobs.rates == own or knobs.epochs < self.knobs.epochs else 0.1

    monkeypatch.setattr("slimaffect.search.trials.Trials._score", scored)
    monkeypatch.setattr("slimaffect.search.search._Plan.ranked", lambda self: self.book.trials("trials")[::-1])
    with keeping(Journal()) as journal:
        Tune.model_validate(settings).apply(candidate)
    told = journal.figures["tune"]
    assert told["best"]["rates"] != own
    assert [(one["values"], one["ccc"]) for one in told["full_size"]] == [("found", 0.1), ("found", 0.1), ("own", 0.5)]
    assert (told["trained_with"]["rates"], told["validation_ccc"]) == (own, 0.5)


def test_a_killed_search_goes_on_to_the_same_model(candidate, settings, tmp_path):
    """No finished trial is repeated, and the one that was killed goes on from its checkpoint."""
    step = Tune.model_validate(settings)
    with keeping(Counting(tmp_path / "whole")) as whole:
        (tmp_path / "whole").mkdir()
        expected = step.apply(candidate)
    (tmp_path / "cut").mkdir()
    with keeping(Counting(tmp_path / "cut", stop=8)) as cut, pytest.raises(Stopped):
        step.apply(candidate)
    with keeping(Counting(tmp_path / "cut")) as rest:
        again = step.apply(candidate)
    assert all(map(torch.equal, expected.model.parameters(), again.model.parameters()))
    told, wanted = rest.figures["tune"], whole.figures["tune"]
    assert (told["best"], told["killed"], wanted["killed"]) == (wanted["best"], 1, 0)
    assert told["started"] == wanted["started"] + 1
    assert len(cut.heard) + len(rest.heard) <= len(whole.heard) + 1
    assert rest.trainings < whole.trainings


def test_another_width_begins_with_a_fresh_model(candidate, settings):
    """Weights of one width are none of another's."""
    wider = AffectNet(candidate.model.spec.model_copy(update={"features": 32}))
    words = settings | {"space": {"width": {"of": [1.0, 0.5]}}, "budget": {"trials": 2, "warm_up": 1}}
    with keeping(Journal()) as journal:
        tuned = Tune.model_validate(words).apply(replace(candidate, model=wider))
    assert tuned.model.spec.features == {1.0: 32, 0.5: 16}[journal.figures["tune"]["best"]["width"]]


def test_without_a_second_subject_nobody_can_judge(candidate, settings):
    """It says so, and what to do."""
    alone = replace(candidate, clips=candidate.clips.of_subjects(["a", "c"]))
    with pytest.raises(RunError, match="no training site has a second subject that could judge"):
        Tune.model_validate(settings).apply(alone)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"space": {"rate": SPACE["rates"]}}, "no setting `rate` to search. Did you mean `rates`?"),
        ({"space": {"epochs": {"low": 0.1, "high": 3}}}, "`epochs` may not be 0"),
        ({"space": {}}, "at least 1"),
        ({"train": {"width": 0.5}}, "train.width is 0.5; give the recipe's `model`"),
        ({"budget": {"trials": 0}}, "greater than 0"),
        ({"from": "nowhere.json"}, "give the path of a file that can be read"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, wrong, told):
    """While the recipe is read."""
    with pytest.raises(ValidationError, match=told):
        Tune.model_validate(settings | wrong)


def test_it_may_stand_for_a_train_and_the_baseline_does_without():
    """The baseline trains as the search's own first trial does; a sweep compares both with a later step."""
    variants, complaints = understand_steps([{"tune": {"train": {"epochs": 3, "rates": 2.0}}}])
    assert not complaints
    assert [v.name for v in variants] == ["baseline", "tune"]
    (plain,) = variants[0].steps
    assert isinstance(plain, Train)
    assert (plain.epochs, plain.frames.rate) == (3, 6e-3)
    variants, complaints = understand_steps([{"sweep": ["train", {"tune": {}}]}, {"prune": {"until": {"macs": 0.5}}}])
    assert not complaints
    assert [[step.name for step in v.steps] for v in variants] == [["train"], ["train", "prune"], ["tune", "prune"]]


def result_of(tmp_path: Path, *findings: dict) -> NamedFile:
    """Write a result that holds these findings."""
    file = tmp_path / "result.json"
    file.write_text(json.dumps({"ledger": [{"found": {"tune": one}} for one in findings] + [{"found": None}]}))
    return NamedFile(path=str(file))


def finding(seen: dict, rates: float) -> dict:
    return {"people": seen, "score": 0.5, "top": [{"rates": rates, "other": 1}], "frozen": {"weight_decay": 0.05}}


def test_an_earlier_recipe_is_a_start(candidate, settings, tmp_path):
    """Its best choice is tried first, what it froze stays frozen, and there is no warm-up."""
    file = result_of(tmp_path, finding(people(candidate.clips), 1.5))
    with keeping(Journal()) as journal:
        Tune.model_validate(settings | {"from": file.path}).apply(candidate)
    told = journal.figures["tune"]
    assert told["frozen"] == {"weight_decay": 0.05}
    assert told["by_stage"]["trials"] == 3
    assert told["best"]["rates"] in {1.5, 1.0} or told["best"]["weight_decay"] == 0.05


def test_findings_that_have_seen_others_are_refused(candidate, settings, tmp_path):
    """Whoever is held out now may be among them; findings of quite other data are welcome."""
    seen = people(candidate.clips) | {"S3": "0123456789abcdef"}
    step = Tune.model_validate(settings | {"from": result_of(tmp_path, finding(seen, 1.5)).path})
    with pytest.raises(RunError, match="have all seen people that are not in this fold's training sites"):
        step.apply(candidate)
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    with pytest.raises(RunError, match="holds no findings of `tune`"):
        Tune.model_validate(settings | {"from": result_of(nothing).path}).apply(candidate)
