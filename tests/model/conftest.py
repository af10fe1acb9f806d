"""Small specs of both families."""

import pytest

from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn, ResNetCnn

BASIC = {
    "block": "basic",
    "stem": "3x3",
    "stem_width": 8,
    "stages": [
        {"width": 8, "inner": [[6]], "stride": 1, "projection": False},
        {"width": 12, "inner": [[10], [7]]},
    ],
}
BOTTLENECK = {
    "block": "bottleneck",
    "stem_width": 8,
    "imagenet": True,
    "stages": [
        {"width": 16, "inner": [[4, 5], [6, 4]], "stride": 1},
        {"width": 24, "inner": [[7, 8]]},
    ],
}
SPECS = {
    "plain": ModelSpec(pixels=18, cnn=PlainCnn(widths=(5, 7)), features=6, lstm=Lstm(hidden=4)),
    "residual": ModelSpec(
        pixels=16, cnn=PlainCnn(widths=(4, 6), residual=True), features=5, lstm=Lstm(hidden=3, layers=2)
    ),
    "large patches": ModelSpec(pixels=24, cnn=PlainCnn(widths=(5, 6), stem="8x8"), features=5, lstm=Lstm(hidden=3)),
    "patches": ModelSpec(pixels=24, cnn=PlainCnn(widths=(5, 6), stem="4x4"), features=5, lstm=Lstm(hidden=3)),
    "per frame": ModelSpec(pixels=16, cnn=PlainCnn(widths=(4,)), features=5, lstm=Lstm(layers=0)),
    "basic": ModelSpec(pixels=17, cnn=ResNetCnn.model_validate(BASIC), features=5, lstm=Lstm(hidden=4)),
    "bottleneck": ModelSpec(pixels=33, cnn=ResNetCnn.model_validate(BOTTLENECK), features=5, lstm=Lstm(hidden=4)),
}


@pytest.fixture(params=SPECS)
def spec(request: pytest.FixtureRequest) -> ModelSpec:
    """Every family in turn, with odd widths as pruning leaves them."""
    return SPECS[request.param]


@pytest.fixture
def specs() -> dict[str, ModelSpec]:
    """All of them by name."""
    return SPECS
