"""The quantise step chooses a number format and touches nothing else."""

import pytest
from pydantic import ValidationError

from slimaffect.model.losses import LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.shapes import shape
from slimaffect.steps.quantise import Quantise
from slimaffect.train.candidate import Candidate, Precision


@pytest.mark.parametrize("to", ["fp32", "fp16", "int8"])
def test_only_the_precision_changes(to):
    """Model, clips, loss and seed are the very objects that were given; the given candidate stays as it was."""
    given = Candidate(AffectNet(shape("micro")), None, LabelLoss(), Precision(), 3)
    answered = Quantise(to=to, calibration_clips=5).apply(given)
    assert answered.precision == Precision(to=to, calibration_clips=5)
    assert answered.model is given.model
    assert answered.loss is given.loss
    assert answered.seed == 3
    assert given.precision == Precision()


def test_it_stands_at_the_end():
    """It needs a training before it, and only such steps may follow it."""
    assert Quantise.name == "quantise"
    assert Quantise.needs_training
    assert Quantise.last


@pytest.mark.parametrize("wrong", [{"to": "int4"}, {"calibration_clips": 0}, {"bits": 8}])
def test_unknown_settings_are_refused(wrong):
    """A format that does not exist, no clips, and unknown keys are faults."""
    with pytest.raises(ValidationError):
        Quantise(**wrong)
