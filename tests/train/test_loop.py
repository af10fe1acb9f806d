"""The training loop: it learns, it is a pure function, and an interruption leaves no trace in the weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from slimaffect.data.clips import Clips
from slimaffect.errors import RunError
from slimaffect.model.distillation import DistillLoss
from slimaffect.model.imitation import Imitation
from slimaffect.model.losses import Batch, LabelLoss
from slimaffect.model.net import AffectNet, Answer
from slimaffect.model.spec import ModelSpec
from slimaffect.model.teachers import Nets
from slimaffect.train.journal import Journal, Leaving, keeping
from slimaffect.train.loop import learning_rate, train
from slimaffect.train.settings import TrainSettings
from slimaffect.train.validate import mean_ccc


def fresh(spec: ModelSpec, seed: int = 0) -> AffectNet:
    """Build a model with fresh weights, always the same ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AffectNet(spec)


def weights(module: torch.nn.Module) -> dict[str, Tensor]:
    """Copy a state dict."""
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    """Compare to the last bit."""
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def longer(**stages: dict) -> TrainSettings:
    """A training long enough to learn something easy."""
    return TrainSettings.model_validate(
        {
            "epochs": 3,
            "frames": {"share": 0.34, "steps": 40, "batch": 24},
            "sequences": {"share": 0.34, "steps": 40, "batch": 8, "frames": 20, "unscored": 4, "views": 1},
            "end_to_end": {"share": 0.34, "steps": 10, "batch": 6, "frames": 14, "unscored": 4},
            **stages,
        }
    )


def test_an_easy_thing_is_learnt_and_holds_for_others(more_clips: Clips, spec: ModelSpec) -> None:
    """Training on one site predicts the other: CCC clearly above nothing (a loose bound)."""
    net = train(fresh(spec), more_clips.of_sites(["S1"]), LabelLoss(), longer(), seed=0)
    assert mean_ccc(fresh(spec).eval(), more_clips.of_sites(["S2"])) < 0.2
    assert mean_ccc(net, more_clips.of_sites(["S2"])) > 0.4


def test_the_control_without_lstm_learns_too(more_clips: Clips, spec: ModelSpec) -> None:
    """The per-frame control goes through the same three stages."""
    control = spec.model_copy(update={"lstm": spec.lstm.model_copy(update={"layers": 0})})
    net = train(fresh(control), more_clips.of_sites(["S1"]), LabelLoss(), longer(), seed=0)
    assert mean_ccc(net, more_clips.of_sites(["S2"])) > 0.4


def test_the_given_model_and_loss_stay_as_they_were(clips: Clips, spec: ModelSpec, quick: TrainSettings) -> None:
    """A pure function: new weights in a new model, in eval mode, and torch's own generator untouched."""
    net = fresh(spec)
    loss = DistillLoss(LabelLoss(), [Nets([fresh(spec, 1)])], spec, Imitation(feature_weight=0.5))
    before, loss_before, generator = weights(net), weights(loss), torch.random.get_rng_state()
    trained = train(net, clips, loss, quick, seed=0)
    assert_same(weights(net), before)
    assert_same(weights(loss), loss_before)
    assert net.training
    assert not trained.training
    assert torch.equal(torch.random.get_rng_state(), generator)
    assert not torch.equal(trained.head.weight, net.head.weight)


def test_the_seed_decides(clips: Clips, spec: ModelSpec, quick: TrainSettings) -> None:
    """Same seed, same weights, to the last bit; another seed, other weights."""
    one, again, other = (train(fresh(spec), clips, LabelLoss(), quick, seed) for seed in (0, 0, 1))
    assert_same(weights(one), weights(again))
    assert not torch.equal(one.head.weight, other.head.weight)


class _Interrupted(Exception):  # noqa: N818 (it stands for a kill, which is no error)
    pass


class _Interrupting(Journal):
    """A journal that ends the training after each epoch."""

    def epoch(self, *_: object, **__: float) -> None:
        raise _Interrupted


@pytest.mark.parametrize("keep", ["last", "best"])
def test_an_interrupted_training_ends_at_the_same_weights(
    clips: Clips, spec: ModelSpec, quick: TrainSettings, tmp_path: Path, keep: str
) -> None:
    """Killed after every single epoch and started again, with a loss that learns too: not one bit differs."""
    settings = quick.model_copy(update={"keep": keep})
    loss = DistillLoss(LabelLoss(), [Nets([fresh(spec, 1)])], spec, Imitation(feature_weight=0.5))
    whole = train(fresh(spec), clips, loss, settings, seed=0)
    for _ in range(6):
        with keeping(_Interrupting(tmp_path)), pytest.raises(_Interrupted):
            train(fresh(spec), clips, loss, settings, seed=0)
    with keeping(_Interrupting(tmp_path)):
        resumed = train(fresh(spec), clips, loss, settings, seed=0)
    assert_same(weights(resumed), weights(whole))


def test_a_checkpoint_is_not_taken_for_another_trainings(
    clips: Clips, spec: ModelSpec, quick: TrainSettings, tmp_path: Path
) -> None:
    """Another seed, in the same folder, starts afresh."""
    with keeping(Journal(tmp_path)):
        train(fresh(spec), clips, LabelLoss(), quick, seed=0)
        other = train(fresh(spec), clips, LabelLoss(), quick, seed=1)
    assert_same(weights(other), weights(train(fresh(spec), clips, LabelLoss(), quick, seed=1)))


class _Listening(Journal):
    """A journal that remembers what it hears."""

    def epoch(self, stage: str, done: int, total: int, **figures: float) -> None:
        self.heard = [*getattr(self, "heard", []), (stage, done, total, sorted(figures))]


def test_the_journal_hears_every_epoch(clips: Clips, spec: ModelSpec, quick: TrainSettings) -> None:
    """Stages in their order, the count up to the total, the loss of each; and what passed is counted."""
    with keeping(_Listening()) as journal:
        train(fresh(spec), clips, LabelLoss(), quick, seed=0)
    stages = ["frames"] * 2 + ["sequences"] * 2 + ["end_to_end"] * 2
    assert journal.heard == [(stage, n, 6, ["loss"]) for n, stage in enumerate(stages, start=1)]
    assert journal.trainings == 1
    assert journal.examples == 6 * 16 + 2 * 4 * 40 + 4 * 3 * 10  # single frames, two views of all, short windows


def test_epochs_are_the_dial(clips: Clips, spec: ModelSpec, quick: TrainSettings) -> None:
    """One epoch still runs every stage, at least a step of each."""
    with keeping(_Listening()) as journal:
        train(fresh(spec), clips, LabelLoss(), quick.model_copy(update={"epochs": 1}), seed=0)
    assert [heard[:3] for heard in journal.heard] == [("frames", 1, 3), ("sequences", 2, 3), ("end_to_end", 3, 3)]


def test_a_stage_without_a_share_is_left_out(clips: Clips, spec: ModelSpec, quick: TrainSettings) -> None:
    """Retraining after pruning may fine-tune only: the CNN's batch norm stays as it was."""
    only = quick.model_dump() | {"frames": {"share": 0}, "sequences": {"share": 0}}
    with keeping(_Listening()) as journal:
        net = train(fresh(spec), clips, LabelLoss(), TrainSettings.model_validate(only), seed=0)
    assert {heard[0] for heard in journal.heard} == {"end_to_end"}
    assert net.cnn.state_dict()["blocks.0.bn.num_batches_tracked"] == 0


def test_validation_subjects_choose_the_epoch(clips: Clips, spec: ModelSpec, quick: TrainSettings) -> None:
    """`keep: best` hears a CCC in the stages that may be kept, also with two subjects a site."""
    with keeping(_Listening()) as journal:
        train(fresh(spec), clips, LabelLoss(), quick.model_copy(update={"keep": "best"}), seed=0)
    assert [heard[3] for heard in journal.heard] == [["loss"]] * 2 + [["ccc", "loss"]] * 4


def test_a_single_subject_trains_without_validation(clips: Clips, spec: ModelSpec, quick: TrainSettings) -> None:
    """Where no site can spare a subject, the last weights are kept."""
    alone = clips.of_subjects(["S10"])
    settings = quick.model_copy(update={"keep": "best"})
    assert_same(
        weights(train(fresh(spec), alone, LabelLoss(), settings, seed=0)),
        weights(train(fresh(spec), alone, LabelLoss(), quick, seed=0)),
    )


class _Exploding(LabelLoss):
    """A loss that is no number from the third step on."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, answer: Answer, batch: Batch) -> Tensor:
        self.calls += 1
        return super().forward(answer, batch) * (float("nan") if self.calls >= 3 else 1.0)


def test_a_loss_that_is_no_number_ends_the_training(clips: Clips, spec: ModelSpec, quick: TrainSettings) -> None:
    """The message has stage, step, loss, gradient and learning rate, and what to do."""
    wanted = (
        r"stage frames, step \d of 6: loss nan, gradient norm nan, learning rate .* Lower frames.rate \(now 0.003\)"
    )
    with pytest.raises(RunError, match=wanted):
        train(fresh(spec), clips, _Exploding(), quick, seed=0)


def test_the_rate_rises_then_falls() -> None:
    """One cycle: its top after the warm-up, almost zero at the end, never negative."""
    rates = np.array([learning_rate(step, 200, 2.0, 0.15) for step in range(200)])
    assert rates.argmax() == 30
    assert rates.max() == pytest.approx(2.0)
    assert 0 < rates[-1] < 0.001
    assert np.all(np.diff(rates[:31]) > 0)
    assert np.all(np.diff(rates[30:]) < 0)


class Burst(LabelLoss):
    """No number at one answer of the training, as often as it is told."""

    def __init__(self, at: int, times: int) -> None:
        super().__init__()
        self.count, self.at, self.times = 0, at, times

    def forward(self, answer: Answer, batch: Batch) -> Tensor:
        """Compare as labels do, but for the burst."""
        self.count += 1
        burst = self.at <= self.count < self.at + self.times
        return super().forward(answer, batch) * (float("nan") if burst else 1.0)


SHORT = {"epochs": 3, "sequences": {"share": 0}, "end_to_end": {"share": 0}}
SHORT |= {"frames": {"share": 1.0, "steps": 2, "batch": 4}}


def test_a_loss_that_is_no_number_goes_back_once_and_slower(clips: Clips, spec: ModelSpec) -> None:
    """The stage goes back to its last epoch and on at a lower rate, and says so; a second time is an error."""
    kept, settings = Journal(), TrainSettings.model_validate(SHORT)
    with keeping(kept):
        net = train(fresh(spec), clips, Burst(4, 1), settings, seed=0)
    assert all(bool(torch.isfinite(weight).all()) for weight in net.state_dict().values())
    assert kept.figures["went_back"] == ["went back to step 2 of stage frames and on at 0.3 of the learning rate"]
    with pytest.raises(RunError, match=r"stage frames, step .* loss nan.*Lower frames.rate"):
        train(fresh(spec), clips, Burst(4, 2), settings, seed=0)


def test_asked_to_leave_it_keeps_its_last_step(clips: Clips, spec: ModelSpec, tmp_path: Path) -> None:
    """In the middle of an epoch a training stops, and goes on from that very step to the same weights."""

    class Asked(Journal):
        left = 3

        def leaving(self) -> bool:
            self.left -= 1
            return self.left == 0

    settings = TrainSettings.model_validate(SHORT)
    with keeping(Asked(tmp_path)), pytest.raises(Leaving, match="stage frames, step 3 of 6"):
        train(fresh(spec), clips, LabelLoss(), settings, seed=0)
    with keeping(Journal(tmp_path)) as after:
        resumed = train(fresh(spec), clips, LabelLoss(), settings, seed=0)
    assert after.examples == 3 * 4
    assert_same(weights(resumed), weights(train(fresh(spec), clips, LabelLoss(), settings, seed=0)))
