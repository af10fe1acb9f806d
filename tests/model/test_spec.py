"""A spec says every width, and refuses what cannot be built."""

import pytest
from pydantic import ValidationError

from slimaffect.model.spec import ModelSpec, PlainCnn, ResNetCnn


def test_a_spec_survives_json() -> None:
    """What is written to a file is what comes back, pruned widths included."""
    spec = ModelSpec(cnn=PlainCnn(widths=(5, 11, 3)), features=7)
    assert ModelSpec.model_validate_json(spec.model_dump_json()) == spec


def test_the_family_is_told_by_its_kind() -> None:
    """A recipe names the family; an unknown one lists those that exist."""
    with pytest.raises(ValidationError, match="'plain', 'resnet'"):
        ModelSpec.model_validate({"cnn": {"kind": "vgg", "widths": [8]}})


def test_a_stage_without_projection_must_keep_its_width() -> None:
    """A shortcut without convolution cannot change the width; both numbers are named."""
    with pytest.raises(ValidationError, match="width the entering 64; they are 1 and 48"):
        ResNetCnn.model_validate(
            {
                "block": "basic",
                "stages": [{"width": 48, "inner": [[64]], "stride": 1, "projection": False}],
            }
        )


def test_a_bottleneck_has_two_inner_widths() -> None:
    """One number for a bottleneck block is refused with what is wanted."""
    with pytest.raises(ValidationError, match="a bottleneck block has 2 inner widths"):
        ResNetCnn.model_validate({"block": "bottleneck", "stages": [{"width": 64, "inner": [[16]]}]})
