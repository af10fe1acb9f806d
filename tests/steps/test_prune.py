"""`prune`: a smaller model, as small as was asked."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from slimaffect.errors import ModelError
from slimaffect.export import export
from slimaffect.measure.clip_ms import clip_ms
from slimaffect.measure.until import Until
from slimaffect.model.count import macs_per_frame, parameters
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn
from slimaffect.runtime.session import open_model
from slimaffect.steps.prune import Prune
from slimaffect.train.candidate import Candidate
from slimaffect.train.journal import Journal, keeping

WIDE = ModelSpec(pixels=16, cnn=PlainCnn(widths=(24, 32), residual=True), features=16, lstm=Lstm(hidden=24, layers=2))
QUICK = {"epochs": 1, "end_to_end": {"share": 1, "steps": 2, "batch": 3, "frames": 10, "unscored": 3}}
NOT = {"epochs": 0}


@pytest.fixture
def wide(candidate: Candidate) -> Candidate:
    """The candidate with a model that has something to cut."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = AffectNet(WIDE)
    return Candidate(net, candidate.clips, candidate.loss, candidate.precision, candidate.seed)


def step(**settings: object) -> Prune:
    return Prune.model_validate({"round_to": 4, "retrain": NOT, **settings})


def test_the_model_becomes_smaller_and_nothing_else_changes(wide: Candidate) -> None:
    """Clips, loss, precision and seed stay; the given model keeps weights, statistics and mode."""
    before = {name: tensor.clone() for name, tensor in wide.model.state_dict().items()}
    slim = step(until={"macs": 0.4}, retrain=QUICK).apply(wide)
    asked = 0.4 * macs_per_frame(WIDE)
    assert 0.97 * asked <= macs_per_frame(slim.model.spec) <= asked
    assert not slim.model.training
    kept = ("clips", "loss", "precision", "seed")
    assert [getattr(slim, name) for name in kept] == [getattr(wide, name) for name in kept]
    assert all(torch.equal(tensor, before[name]) for name, tensor in wide.model.state_dict().items())
    assert wide.model.training


@pytest.mark.parametrize("importance", ["magnitude", "bn", "taylor", "fisher", "affect", "random"])
@pytest.mark.parametrize("scope", ["global", "per_group"])
def test_every_importance_reaches_the_ask_and_follows_from_the_seed(
    wide: Candidate, importance: str, scope: str
) -> None:
    """Parameters by number; the same seed gives the same bits."""
    cutting = step(until={"parameters": 9000}, importance=importance, scope=scope)
    one, again = cutting.apply(wide).model, cutting.apply(wide).model
    assert 0.97 * 9000 <= parameters(one.spec) <= 9000
    assert one.spec == again.spec
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), again.state_dict().values(), strict=True))


def test_silent_units_go_first(wide: Candidate) -> None:
    """Half of a layer answers 0: Taylor importance cuts it, and what is left answers as before."""
    net = wide.model
    with torch.no_grad():
        net.bottleneck.weight[::2] = 0
        net.bottleneck.bias[::2] = 0
        net.bottleneck.bias[1::2] = 1  # none of the others is dead
    ask = parameters(net.spec.model_copy(update={"features": 8}))
    slim = step(until={"parameters": ask}, importance="taylor").apply(wide).model
    assert slim.spec == net.spec.model_copy(update={"features": 8})
    assert torch.equal(slim.head.weight, net.head.weight)
    torch.testing.assert_close(slim.lstm.weight_ih_l0, net.lstm.weight_ih_l0[:, 1::2])


def test_rounds_come_down_by_equal_factors_and_are_told(wide: Candidate) -> None:
    """Each round cuts, trains and is reported; the last reaches the ask, none goes below it."""
    told: list[tuple[str, int, int, float, float]] = []

    class Told(Journal):
        def epoch(self, stage: str, done: int, total: int, **figures: float) -> None:
            if stage.startswith("prune"):
                told.append((stage, done, total, figures["asked"], figures["reached"]))

    with keeping(Told()) as journal:
        step(until={"macs": 0.25}, rounds=2, retrain=QUICK).apply(wide)
    assert [entry[:4] for entry in told] == [("prune macs", 1, 2, 0.25), ("prune macs", 2, 2, 0.25)]
    assert 0.5 <= told[0][4] < 0.7  # the next four channels are more than a seventh
    assert 0.97 * 0.25 <= told[1][4] <= 0.25
    assert journal.trainings == 2


def test_retraining_trains(wide: Candidate) -> None:
    """The cut alone copies weights; with epochs they move."""
    plain = step(until={"macs": 0.5}).apply(wide).model
    trained = step(until={"macs": 0.5}, retrain=QUICK).apply(wide).model
    assert plain.spec == trained.spec
    assert not torch.equal(plain.head.weight, trained.head.weight)


def test_a_model_that_is_small_enough_stays(wide: Candidate) -> None:
    """It is the very candidate, for a share of 1 and for a number above its own."""
    assert step(until={"macs": 1.0}).apply(wide) is wide
    assert step(until={"parameters": 1e9}).apply(wide) is wide


@pytest.mark.parametrize("until", [{"macs": 1.0}, {"parameters": 10_000_000}])
def test_an_ask_that_is_met_already_is_not_refused_while_a_recipe_is_read(wide: Candidate, until) -> None:
    """Such a model passes through unchanged, so nothing is wrong with its recipe."""
    asked = step(until=until, round_to=16)
    assert asked.unfit(wide.model.spec) is None
    assert asked.apply(wide).model is wide.model


def test_what_cannot_be_reached_is_refused_before_training(wide: Candidate) -> None:
    """Asked, owned and reachable are all told."""
    with (
        keeping(Journal()) as journal,
        pytest.raises(
            ModelError, match=r"until\.parameters asks for 100 of 39,274, but .* multiples of 4 the least is 1,162"
        ),
    ):
        step(until={"parameters": 100}, rounds=2, retrain=QUICK).apply(wide)
    assert journal.examples == 0


def test_a_pruned_model_exports_and_answers_as_torch(wide: Candidate, tmp_path: Path) -> None:
    """Export compares with torch at several sizes; here real frames once more."""
    slim = step(until={"macs": 0.3}).apply(wide)
    file = export(slim, tmp_path).files["fp32"]
    frames = np.asarray(wide.clips.recordings[0].frames[None, :12])
    said, _ = open_model(file, runtime="onnxruntime").clip(frames)
    with torch.no_grad():
        truth = slim.model(torch.from_numpy(frames).float() / 255).affect.numpy()
    np.testing.assert_allclose(said, truth, atol=1e-5)


@pytest.mark.slow
def test_a_time_is_measured_on_the_exported_file(candidate: Candidate) -> None:
    """Half the milliseconds, by the clock of the runtime; the model that takes them is the one that comes out."""
    big = ModelSpec(pixels=16, cnn=PlainCnn(widths=(96, 96), residual=True), features=16, lstm=Lstm(hidden=16))
    torch.manual_seed(0)
    large = Candidate(AffectNet(big), candidate.clips, candidate.loss, candidate.precision, 0)
    before = clip_ms(large)
    slim = step(until={"clip_ms": before / 2}, importance="magnitude", round_to=32).apply(large)
    assert clip_ms(slim) < 0.7 * before  # a busy machine may be slower than when it was asked
    assert 0.1 * macs_per_frame(big) < macs_per_frame(slim.model.spec) < macs_per_frame(big)


def test_what_no_widths_come_near_to_is_refused(wide: Candidate) -> None:
    """Before anything is trained, with the nearest; a wider allowance lets it pass."""
    asked = {"until": {"macs": 0.9}, "round_to": 16, "retrain": QUICK}
    with (
        keeping(Journal()) as journal,
        pytest.raises(
            ModelError,
            match=r"asks for 583,186, .*multiples of 16 the nearest below is 478,.* 18.0% off\. Ask for that, .*within",
        ),
    ):
        step(**asked).apply(wide)
    assert journal.examples == 0
    allowed = step(**{**asked, "retrain": NOT}, within=0.5).apply(wide).model
    assert 0.45 * macs_per_frame(WIDE) <= macs_per_frame(allowed.spec) < 0.87 * macs_per_frame(WIDE)


def test_layers_that_cannot_be_pruned_are_named(wide: Candidate) -> None:
    """With widths in multiples of 32 only the second convolution's 32 channels could go, and nothing does."""
    narrow = step(until={"macs": 0.5}, round_to=32)
    with pytest.raises(
        ModelError,
        match=r"the least is .* \(cnn\.blocks\.0\.conv, bottleneck, lstm are narrower than it and stay whole\)",
    ):
        narrow.apply(wide)


def test_blocks_go_first(wide: Candidate) -> None:
    """One refinement of two is taken out and told, then channels; more than there are is refused."""
    told = []

    class Told(Journal):
        def epoch(self, stage: str, done: int, total: int, **figures: float) -> None:
            told.append((stage, done, total, sorted(figures)))

    with keeping(Told()):
        slim = step(until={"macs": 0.4}, blocks=1).apply(wide).model
    assert sum(slim.spec.cnn.refined) == 1
    assert 0.97 * 0.4 <= macs_per_frame(slim.spec) / macs_per_frame(WIDE) <= 0.4
    assert told[0] == ("prune blocks", 1, 1, ["affect_moved"])
    with pytest.raises(ModelError, match=r"blocks asks for 3, but only 2 residual blocks"):
        step(until={"macs": 0.4}, blocks=3).apply(wide)


@pytest.mark.parametrize(
    ("until", "why"),
    [
        ({}, "give one of macs, parameters, clip_ms and cpu_s, not none"),
        ({"macs": 0.5, "clip_ms": 1}, "not macs and clip_ms"),
        ({"macs": 0}, "greater than 0"),
        ({"flops": 0.5}, "Extra inputs"),
    ],
)
def test_one_figure_is_asked_for(until: dict, why: str) -> None:
    """None, two, nothing and unknown ones are refused while the recipe is read."""
    with pytest.raises(ValidationError, match=why):
        step(until=until)


def test_a_figure_up_to_one_is_a_share() -> None:
    """Of multiply-accumulates and parameters; milliseconds are milliseconds."""
    assert Until(macs=0.25).asked(1000) == 250
    assert Until(parameters=1).asked(1000) == 1000
    assert Until(parameters=300).asked(1000) == 300
    assert Until(clip_ms=0.5).asked(1000) == 0.5


def test_the_step_says_what_it_comes_down_to() -> None:
    """As a line of a table shows it."""
    assert str(step(until={"parameters": 50_000})) == "prune parameters 50000"
