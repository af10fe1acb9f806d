"""The quantise step chooses a number format, and trains or keeps layers in float32 only where it is told to."""

import copy

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from slimaffect.export import export
from slimaffect.export.graph import graph
from slimaffect.export.int8 import calibrated
from slimaffect.export.int8.layers import layers
from slimaffect.export.int8.sensitivity import Judge, keep_worst, worst_first
from slimaffect.export.int8.trainable import trainable
from slimaffect.steps.quantise import Quantise
from slimaffect.train.candidate import Precision
from slimaffect.train.journal import Journal, keeping

TRAIN = {"epochs": 1, "frames": {"share": 1, "steps": 3, "batch": 16, "rate": 1e-3}}


@torch.no_grad()
def away_in_int8(one, truth):
    """Root mean square difference of the int8 file's features from a float32 model's."""
    found = calibrated(graph(one.model), one.clips, one.precision, one.seed)
    frames = torch.from_numpy(np.concatenate([r.frames for r in one.clips.recordings])).float() / 255
    rounded = trainable(one.model, found.model, found.as_trained()).eval()
    return (rounded.encode(frames) - copy.deepcopy(truth).eval().encode(frames)).square().mean().sqrt().item()


@pytest.mark.parametrize("to", ["fp32", "fp16", "bf16", "int8"])
def test_only_the_precision_changes(to, candidate):
    """Model, clips, loss and seed are the very objects that were given; the given candidate stays as it was."""
    given, answered = candidate, Quantise(to=to, calibration_clips=5).apply(candidate)
    assert answered.precision == Precision(to=to, calibration_clips=5)
    assert answered.model is given.model
    assert answered.clips is given.clips
    assert answered.loss is given.loss
    assert answered.seed == given.seed
    assert given.precision == Precision()


def test_it_stands_at_the_end():
    """It needs a training before it, and only such steps may follow it."""
    assert Quantise.name == "quantise"
    assert Quantise.needs_training
    assert Quantise.last


@pytest.mark.parametrize("wrong", [{"to": "int4"}, {"calibration_clips": 0}, {"bits": 8}, {"ranges": "best"}])
def test_unknown_settings_are_refused(wrong):
    """A format or choice of ranges that does not exist, no clips, and unknown keys are faults."""
    with pytest.raises(ValidationError):
        Quantise(**wrong)


def test_training_learns_weights_and_ranges(candidate, tmp_path):
    """One training of rounded weights: the model and its ranges have moved, and the given candidate has not."""
    before = {name: tensor.clone() for name, tensor in candidate.model.state_dict().items()}
    with keeping(Journal()) as journal:
        done = Quantise(train=TRAIN, equalise=True, correct_bias=True, calibration_clips=8).apply(candidate)
    assert journal.trainings == 1
    assert not done.precision.equalise
    assert not done.precision.correct_bias
    start = calibrated(graph(candidate.model), candidate.clips, Precision(to="int8", calibration_clips=8), 3).ranges
    assert {name for name, (_, high) in done.precision.learned.items() if high != start.data[name].range_value[1]}
    after = done.model.state_dict()
    assert not torch.equal(after["bottleneck.weight"], before["bottleneck.weight"])
    assert all(torch.equal(after[name], before[name]) for name in before if name.startswith(("lstm.", "head.")))
    assert all(torch.equal(tensor, before[name]) for name, tensor in candidate.model.state_dict().items())
    assert Precision.model_validate_json(done.precision.model_dump_json()) == done.precision
    assert set(export(done, tmp_path).files) == {"u8s8", "s8s8"}


def test_training_the_lstm_alone_is_refused():
    """Nothing that int8 rounds would learn."""
    with pytest.raises(ValidationError, match="sequences trains the LSTM alone, which int8 does not round"):
        Quantise(train={"epochs": 1, "sequences": {"share": 0.5}})


def test_training_answers_as_float32_does(candidate):
    """Where rounding has made the features wrong, a short training brings them nearer to the float32 model's."""
    with torch.no_grad():  # one channel a hundred times as large as the others takes all levels of its map
        factor = torch.ones(8)
        factor[0] = 100
        block, after = candidate.model.cnn.blocks
        block.bn.weight.mul_(factor)
        block.bn.bias.add_(0.1).mul_(factor)
        after.conv.weight.div_(factor.view(1, -1, 1, 1))
    settings = TRAIN["frames"] | {"steps": 30}
    done = Quantise(train={"epochs": 1, "frames": settings}, calibration_clips=8).apply(candidate)
    plain = Quantise(calibration_clips=8).apply(candidate)
    assert away_in_int8(done, candidate.model) < 0.7 * away_in_int8(plain, candidate.model)


def test_same_seed_same_training(candidate):
    """Trained again from the same candidate, weights and ranges are equal to the last bit, and so is the record."""
    with keeping(Journal()) as journal:
        first = Quantise(train=TRAIN, calibration_clips=8).apply(candidate)
    told = journal.figures["quantise"]["ranges"]
    assert {name: one["learned"] for name, one in told.items()} == {
        name: max(map(abs, ends)) for name, ends in first.precision.learned.items()
    }
    assert all(0.2 < one["ratio"] < 5 for one in told.values())
    again = Quantise(train=TRAIN, calibration_clips=8).apply(candidate)
    assert first.precision == again.precision
    state = again.model.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in first.model.state_dict().items())


def test_a_wide_margin_keeps_nothing_and_trains_nothing(candidate):
    """What int8 reaches is on record all the same, beside float32."""
    with keeping(Journal()) as journal:
        done = Quantise(keep_within=0.9, train=TRAIN, calibration_clips=8).apply(candidate)
    assert done.precision.kept == ()
    assert journal.trainings == 0
    assert set(done.precision.ccc) == {"fp32", "int8"}
    told = journal.figures["quantise"]
    assert told["ccc"] == done.precision.ccc
    assert (told["trained"], told["ccc_before_training"]) == (False, done.precision.ccc["int8"])


def test_the_worst_layers_are_kept_until_the_margin_holds(candidate, monkeypatch):
    """Where one layer costs all, it alone stays in float32; where no margin can be met, all do."""
    candidate = Quantise(calibration_clips=8).apply(candidate)
    judge = Judge(candidate)
    names = list(layers(graph(candidate.model)))
    monkeypatch.setattr(judge, "ccc", lambda _, kept=(): judge.as_float - (0.2 if names[1] not in kept else 0.0))
    assert keep_worst(judge, candidate, 0.01) == ((names[1],), judge.as_float)
    monkeypatch.setattr(judge, "ccc", lambda *_: judge.as_float - 0.2)
    assert set(keep_worst(judge, candidate, 0.01)[0]) == set(names)


def test_layers_are_judged_one_by_one(candidate):
    """Keeping every layer is float32 itself, and the order names each layer once, the most costly first."""
    candidate = Quantise(calibration_clips=8).apply(candidate)
    judge = Judge(candidate)
    found = judge.calibrated(candidate)
    names = list(layers(found.model))
    assert judge.ccc(found, names) == pytest.approx(judge.as_float, abs=1e-6)
    order = worst_first(judge, found)
    alone = [judge.ccc(found, [other for other in names if other != name]) for name in order]
    assert sorted(order) == sorted(names)
    assert alone == sorted(alone)


def test_judges_do_not_calibrate(candidate):
    """One subject of each site judges, and no clip of theirs sets a range."""
    judge = Judge(candidate)
    assert judge.judging.sites == candidate.clips.sites
    assert not set(judge.judging.subjects) & set(judge.calibrating.subjects)
    assert {*judge.judging.subjects, *judge.calibrating.subjects} == set(candidate.clips.subjects)
