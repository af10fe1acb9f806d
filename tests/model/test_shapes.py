"""Shapes by name, in the sizes that the documentation promises."""

import pytest

from slimaffect.errors import ModelError
from slimaffect.model.count import parameters
from slimaffect.model.shapes import SHAPES, shape
from slimaffect.model.spec import ResNetCnn


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("reference", 230_000, 270_000), ("small", 70_000, 90_000), ("tiny", 25_000, 39_000), ("micro", 4_000, 12_000)],
)
def test_shapes_have_their_promised_size(name: str, least: int, most: int) -> None:
    """Each step down is a multiple smaller."""
    assert least <= parameters(shape(name)) <= most


def test_resnets_have_the_published_backbone() -> None:
    """ResNet-18, 34 and 50 without classifier have 11.2, 21.3 and 23.5 million parameters (He et al. 2016)."""
    from slimaffect.model.count import layers

    published = [name for name, spec in SHAPES.items() if isinstance(spec.cnn, ResNetCnn) and spec.cnn.imagenet]
    counted = {n: sum(x.parameters for x in layers(shape(n)) if x.name.startswith("cnn")) for n in published}
    assert counted == {"resnet18": 11_176_512, "resnet34": 21_284_672, "resnet50": 23_508_032}


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    """A slip of the finger is named."""
    with pytest.raises(ModelError, match=r"No shape is called `tinny`\. Did you mean `tiny`"):
        shape("tinny")
