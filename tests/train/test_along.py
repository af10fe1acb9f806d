"""Narrower models that learn along with a wide one."""

from pathlib import Path

import pytest
import torch

from slimaffect.data.clips import Clips
from slimaffect.model.losses import LabelLoss, disagreement
from slimaffect.model.net import AffectNet
from slimaffect.model.prune.nested import narrower
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn
from slimaffect.train.along import Sandwich, with_narrower
from slimaffect.train.journal import Journal, keeping
from slimaffect.train.learner import Learner
from slimaffect.train.loop import train
from slimaffect.train.pool import Pool
from slimaffect.train.settings import TrainSettings

WIDE = ModelSpec(
    pixels=16, cnn=PlainCnn(widths=(16, 24)), features=16, dropout=0, lstm=Lstm(hidden=16, layers=2, dropout=0)
)
HALF = Sandwich((0.5,), between=0, wide_weight=0.25)


def fresh() -> AffectNet:
    torch.manual_seed(0)
    return AffectNet(WIDE)


def stages(sandwich: Sandwich) -> dict:
    return {"stages": with_narrower(sandwich)}


@pytest.mark.parametrize("stage", ["frames", "sequences", "end_to_end"])
def test_gradients_are_those_of_the_narrower_model(clips: Clips, quick: TrainSettings, stage: str) -> None:
    """What the wide model's weights gather is, in their first units, the gradient of a plain model of that width."""
    settings = quick.model_copy(update={"amp": "off"})
    learner, pool = Learner(fresh(), LabelLoss(), settings, 0), Pool(clips)
    course = with_narrower(HALF)[stage](learner, pool)
    answer, batch = course.attempt(1)
    course.along.learn(1, answer)
    half = narrower(learner.net, 0.5).requires_grad_(True)
    along = course.along.narrower[0]
    half.load_state_dict(along.net.state_dict())
    assert all(
        torch.equal(a, b) for a, b in zip(half.parameters(), narrower(learner.net, 0.5).parameters(), strict=True)
    )
    said = along.course.attempt(1)[0].affect
    loss = 0.75 * LabelLoss()(course.attempt(1)[0]._replace(affect=said), batch)
    loss = loss + 0.25 * disagreement(said, answer.affect.detach(), batch.valid, mse_weight=1.0)
    along.net.zero_grad()
    loss.backward()
    learned = [name for name, weight in along.net.named_parameters() if weight.grad is not None]
    assert learned
    for name in learned:
        mine, whole = along.net.get_parameter(name).grad, learner.net.get_parameter(name).grad
        if name.startswith("cnn") or name == "bottleneck.bias":
            first = whole[tuple(slice(size) for size in mine.shape)]
            torch.testing.assert_close(first, mine, atol=1e-6, rtol=1e-4)
        torch.testing.assert_close(whole.square().sum(), mine.square().sum(), atol=1e-8, rtol=1e-3)


def test_the_wide_model_learns_as_alone_when_nobody_else_has_a_say(clips: Clips, quick: TrainSettings) -> None:
    """Its own answers, batches and hidden features do not depend on who learns along: only the gradients do."""
    learner, pool = Learner(fresh(), LabelLoss(), quick, 0), Pool(clips)
    alone = Learner(fresh(), LabelLoss(), quick, 0)
    plain, together = with_narrower(HALF), with_narrower(Sandwich((0.5, 0.75), 1, 0.5))
    first, second = plain["frames"](learner, pool).attempt(0), together["frames"](alone, pool).attempt(0)
    assert torch.equal(first[0].affect, second[0].affect)


def test_the_narrowest_always_learns() -> None:
    """And others in turn, as the seed and the step say; more than there are is all."""
    sandwich = Sandwich((0.25, 0.5, 0.75), between=1, wide_weight=0.5)
    drawn = [sandwich.drawn(0, step) for step in range(20)]
    assert all(numbers[0] == 0 and len(numbers) == 2 for numbers in drawn)
    assert {numbers[1] for numbers in drawn} == {1, 2}
    assert drawn == [sandwich.drawn(0, step) for step in range(20)]
    assert Sandwich((0.25, 0.5), between=5, wide_weight=0.5).drawn(0, 0) == [0, 1]


class _Interrupted(Exception):  # noqa: N818 (it stands for a kill, which is no error)
    pass


class _Interrupting(Journal):
    def epoch(self, *_: object, **__: float) -> None:
        raise _Interrupted


def test_an_interruption_leaves_no_trace(clips: Clips, quick: TrainSettings, tmp_path: Path) -> None:
    """Killed after every epoch, frozen statistics of narrower models included: not one bit differs."""
    sandwich = stages(Sandwich((0.5, 0.75), 1, 0.5))
    whole = train(fresh(), clips, LabelLoss(), quick, 0, **sandwich)
    for _ in range(6):
        with keeping(_Interrupting(tmp_path)), pytest.raises(_Interrupted):
            train(fresh(), clips, LabelLoss(), quick, 0, **sandwich)
    with keeping(_Interrupting(tmp_path)):
        resumed = train(fresh(), clips, LabelLoss(), quick, 0, **sandwich)
    assert all(
        torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    )
