"""Epochs are shared out among the stages."""

import pytest
from pydantic import ValidationError

from slimaffect.train.settings import TrainSettings
from slimaffect.train.stages import epochs_done, lengths


def test_the_default_is_two_stages_of_fixed_shares() -> None:
    """Twelve epochs: eight of frames, four of sequences; all epochs together are the dial's."""
    plan = lengths(TrainSettings())
    assert [(length.name, length.steps, length.epochs) for length in plan] == [
        ("frames", 360, 8),
        ("sequences", 220, 4),
    ]


def test_time_grows_in_proportion_to_epochs() -> None:
    """Twice the epochs, twice the steps of every stage."""
    one, two = lengths(TrainSettings(epochs=6)), lengths(TrainSettings(epochs=12))
    assert [2 * length.steps for length in one] == [length.steps for length in two]


def test_epochs_are_counted_over_all_stages() -> None:
    """A started epoch counts in the total, and the last step ends at the total."""
    plan = lengths(TrainSettings(epochs=1))
    assert [length.steps for length in plan] == [30, 18]
    assert epochs_done(plan, 0, 30) == (1, 2)
    assert epochs_done(plan, 1, 18) == (2, 2)


def test_no_stage_at_all_is_refused() -> None:
    """A training that trains nothing is a fault in the recipe."""
    with pytest.raises(ValidationError, match="are all 0; give one of them epochs"):
        TrainSettings.model_validate({"frames": {"share": 0}, "sequences": {"share": 0}, "end_to_end": {"share": 0}})
