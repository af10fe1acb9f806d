"""Narrower shapes: within the budget, never wider than before, and always one that can be built."""

import pytest
import torch

from slimaffect.errors import ModelError
from slimaffect.model.count import macs_per_frame, parameters
from slimaffect.model.net import AffectNet
from slimaffect.model.scale import scaled, within
from slimaffect.model.shapes import shape


@pytest.mark.parametrize("name", ["reference", "resnet18", "resnet50"])
@pytest.mark.parametrize("share", [0.5, 0.25])
def test_the_largest_that_fits(name: str, share: float) -> None:
    """Not above what is asked, and more than half of it, so the budget is used; the model can be built and answers."""
    spec = shape(name).model_copy(update={"pixels": 32})
    asked = share * macs_per_frame(spec)
    found = within(spec, macs_per_frame, asked)
    assert 0.5 * asked < macs_per_frame(found) <= asked
    assert AffectNet(found).eval()(torch.rand(1, 2, 3, 32, 32)).affect.shape == (1, 2, 2)


def test_any_figure_can_be_the_budget() -> None:
    """Parameters count as well; a budget above the whole model leaves it as it is."""
    spec = shape("reference")
    assert parameters(within(spec, parameters, 50_000)) <= 50_000
    assert within(spec, parameters, 1e9) == spec


def test_no_width_grows() -> None:
    """Rounding to multiples of 16 would make 8 out of 8 but 32 out of 24: it must not."""
    spec = shape("tiny")
    assert scaled(spec, 1.0) == spec


def test_a_budget_of_all_is_the_shape_itself() -> None:
    """Also with widths that are no multiples of 16, as after pruning: self-distillation."""
    odd = shape("tiny").model_copy(update={"features": 21})
    assert within(odd, macs_per_frame, macs_per_frame(odd)) == odd


def test_what_is_too_small_is_refused() -> None:
    """With the least there is."""
    with pytest.raises(ModelError, match=r"may have 10, the teacher has [\d,.e+]+ and its shape with the least widths"):
        within(shape("reference"), macs_per_frame, 10)
