"""Epochs are shared out among the stages."""

import pytest
from pydantic import ValidationError

from slimaffect.train.settings import TrainSettings
from slimaffect.train.stages import epochs_done, lengths


def test_the_default_stages_share_the_epochs() -> None:
    """Twelve epochs: six of frames, two of sequences, four end to end."""
    plan = lengths(TrainSettings())
    assert [(length.name, length.epochs) for length in plan] == [
        ("frames", 6),
        ("sequences", 2),
        ("end_to_end", 4),
    ]


def test_time_grows_in_proportion_to_epochs() -> None:
    """Twice the epochs, twice the steps of every stage."""
    one, two = lengths(TrainSettings(epochs=6)), lengths(TrainSettings(epochs=12))
    assert [2 * length.steps for length in one] == [length.steps for length in two]


def test_an_epoch_on_a_subset_is_as_much_shorter() -> None:
    """A fifth of the frames: a fifth of the steps, as many epochs; never less than a step."""
    whole, fifth = lengths(TrainSettings()), lengths(TrainSettings(), 0.2)
    assert [length.steps for length in whole] == [5 * length.steps for length in fifth]
    assert [length.epochs for length in whole] == [length.epochs for length in fifth]
    assert [length.steps for length in lengths(TrainSettings(), 1e-6)] == [1, 1, 1]


def test_epochs_are_counted_over_all_stages() -> None:
    """A started epoch counts in the total, and the last step ends at the total."""
    stages = {"frames": {"steps": 30}, "sequences": {"steps": 60}, "end_to_end": {"steps": 25}}
    settings = TrainSettings.model_validate({"epochs": 1, **stages})
    plan = lengths(settings)
    assert [length.steps for length in plan] == [15, 10, 8]
    assert epochs_done(plan, 0, 15) == (1, 3)
    assert epochs_done(plan, 1, 10) == (2, 3)


def test_no_stage_at_all_is_refused() -> None:
    """A training that trains nothing is a fault in the recipe."""
    with pytest.raises(ValidationError, match="are all 0; give one of them epochs"):
        TrainSettings.model_validate({"frames": {"share": 0}, "sequences": {"share": 0}, "end_to_end": {"share": 0}})
