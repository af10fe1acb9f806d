"""The space: paths, ranges, and points of the unit cube."""

import numpy as np
import pytest
from pydantic import ValidationError

from slimaffect.search.knobs import Knobs
from slimaffect.search.space import Span, Words, chosen, faults, inside, paths, to_point, to_values, value_at

SPACE = {
    "rates": Span(low=0.25, high=4, log=True),
    "frames.batch": Span(low=64, high=256),
    "augment.rotation": Span(low=0, high=0.4),
    "keep": Words(of=("last", "best")),
}


def test_values_and_points_are_each_others_inverse():
    """Up to the rounding of whole numbers."""
    for point in np.random.default_rng(0).random((20, 4)):
        values = to_values(point, SPACE, Knobs())
        assert inside(values, SPACE)
        assert to_values(to_point(values, SPACE), SPACE, Knobs()) == values
        assert isinstance(values["frames.batch"], int)
        assert chosen(Knobs(), values).frames.batch == values["frames.batch"]


def test_a_choice_changes_nothing_else():
    """The given settings stay, and every other setting of the answer."""
    base = Knobs(epochs=7)
    changed = chosen(base, {"frames.rate": 0.001})
    assert {path for path in paths(base) if value_at(base, path) != value_at(changed, path)} == {"frames.rate"}
    assert base.frames.rate == 3e-3


@pytest.mark.parametrize(
    ("path", "of", "told"),
    [
        ("frame.rate", Span(low=0.1, high=1), "no setting `frame.rate` to search. Did you mean `frames.rate`?"),
        ("frames", Span(low=0.1, high=1), "no setting `frames`"),
        ("frames.rate", Span(low=-1, high=1), "`frames.rate` may not be -1"),
        ("epochs", Span(low=0.2, high=4), "`epochs` may not be 0"),
        ("amp", Span(low=0, high=1), "`amp` is no number: list its values"),
        ("amp", Words(of=("auto", "on")), "`amp` may not be on"),
    ],
)
def test_every_path_and_end_is_checked(path, of, told):
    """A fault names the path, the value and what would be right."""
    (fault,) = faults({path: of}, Knobs())
    assert told in fault


@pytest.mark.parametrize("wrong", [{"low": 1, "high": 1}, {"low": 2, "high": 1}, {"low": 0, "high": 1, "log": True}])
def test_a_range_rises(wrong):
    """And has factors only above 0."""
    with pytest.raises(ValidationError):
        Span(**wrong)


def test_knobs_turn_many_settings_at_once():
    """Rates of all stages, strengths of all alterations; mirrored clips and the rest stay."""
    plain = Knobs(rates=0.5, augmentation=2.0, width=0.5, epochs=3).plain()
    assert (plain.frames.rate, plain.sequences.rate, plain.end_to_end.rate) == (1.5e-3, 2.5e-3, 3e-4)
    assert (plain.augment.rotation, plain.augment.flip, plain.augment.desaturation) == (0.2, 0.5, 0.6)
    assert plain.epochs == 3
    assert Knobs(augmentation=50.0).plain().augment.shift == 0.99
