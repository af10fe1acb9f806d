"""`slimmable`: one training whose narrower models are models of their own."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from slimaffect.model.net import AffectNet
from slimaffect.model.prune.nested import narrower
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn
from slimaffect.steps.slimmable import Slimmable
from slimaffect.train.candidate import Candidate
from slimaffect.train.journal import Journal, keeping
from slimaffect.train.loop import train
from slimaffect.train.recalibrate import recalibrate
from slimaffect.train.settings import TrainSettings
from slimaffect.train.validate import mean_ccc

WIDE = ModelSpec(pixels=16, cnn=PlainCnn(widths=(16, 32)), features=16, dropout=0, lstm=Lstm(hidden=16, dropout=0))
SOME = {
    "epochs": 1,
    "frames": {"share": 1, "steps": 40, "batch": 32, "rate": 5e-3},
    "sequences": {"share": 1, "steps": 40, "batch": 6, "frames": 24, "unscored": 4},
    "end_to_end": {"share": 0},
}


@pytest.fixture
def wide(candidate: Candidate) -> Candidate:
    """The candidate with a model that holds others."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return replace(candidate, model=AffectNet(WIDE))


def ccc_at(candidate: Candidate, width: float) -> float:
    """What one width scores on the clips that it was trained on."""
    net = recalibrate(narrower(candidate.model, width), candidate.clips, 0)
    return mean_ccc(net, candidate.clips)


def test_every_width_learns_the_task(wide: Candidate) -> None:
    """A quarter and a half come near the whole; cut out of an ordinary training of the same length they do not."""
    slim = Slimmable.model_validate({**SOME, "widths": [0.25, 0.5]}).apply(wide)
    plain = replace(wide, model=train(wide.model, wide.clips, wide.loss, TrainSettings.model_validate(SOME), wide.seed))
    whole = ccc_at(slim, 1.0)
    assert whole > 0.3
    for width in (0.25, 0.5):
        assert ccc_at(slim, width) > 0.7 * whole
        assert ccc_at(slim, width) > ccc_at(plain, width) + 0.2


def test_it_is_an_ordinary_model_and_nothing_else_changes(wide: Candidate, quick: dict) -> None:
    """Spec, clips, loss, precision and seed stay, the given model too; the same seed gives the same bits."""
    before = {name: tensor.clone() for name, tensor in wide.model.state_dict().items()}
    step = Slimmable.model_validate({**quick, "widths": [0.5]})
    with keeping(Journal()) as journal:
        one, again = step.apply(wide), step.apply(wide)
    assert journal.trainings == 2
    assert type(one.model) is AffectNet
    assert one.model.spec == WIDE
    kept = ("clips", "loss", "precision", "seed")
    assert [getattr(one, name) for name in kept] == [getattr(wide, name) for name in kept]
    assert all(torch.equal(tensor, before[name]) for name, tensor in wide.model.state_dict().items())
    pairs = zip(one.model.state_dict().values(), again.model.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    ("widths", "why"),
    [
        ([0.5, 0.25], r"\[0\.5, 0\.25\]; write each width once, the narrowest first"),
        ([0.5, 0.5], "each width once"),
        ([0.5, 1.0], "less than 1"),
        ([], "at least 1"),
    ],
)
def test_widths_rise(widths: list, why: str) -> None:
    """Others are refused while the recipe is read; the whole is always trained and not named."""
    with pytest.raises(ValidationError, match=why):
        Slimmable.model_validate({"widths": widths})
