"""Shapes by name: from a ResNet-50 down to a model of some ten thousand parameters."""

import difflib

from slimaffect.errors import ModelError
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn, ResNetCnn, ResNetStage


def _plain(widths: tuple[int, ...], features: int, hidden: int, dropout: float) -> ModelSpec:
    return ModelSpec(cnn=PlainCnn(widths=widths), features=features, dropout=dropout, lstm=Lstm(hidden=hidden))


def _patched(side: int, widths: tuple[int, ...], features: int, hidden: int) -> ModelSpec:
    cnn = PlainCnn.model_validate({"widths": widths, "stem": f"{side}x{side}"})
    return ModelSpec(cnn=cnn, features=features, dropout=0.0, lstm=Lstm(hidden=hidden))


def _resnet(block: str, depths: tuple[int, ...], features: int, lstm: Lstm) -> ModelSpec:
    """The shapes of He et al. 2016, Table 1, with a bottleneck to the LSTM instead of the classifier."""
    cnn = ResNetCnn.model_validate({"block": block, "stages": _stages(block, depths, 64), "imagenet": True})
    return ModelSpec(pixels=112, cnn=cnn, features=features, lstm=lstm)


def _small_resnet(depths: tuple[int, ...], width: int) -> ModelSpec:
    cnn = ResNetCnn(block="basic", stem_width=width, stages=_stages("basic", depths, width))
    return ModelSpec(cnn=cnn)


def _stages(block: str, depths: tuple[int, ...], width: int) -> tuple[ResNetStage, ...]:
    growth, inner = (1, 1) if block == "basic" else (4, 2)
    return tuple(
        ResNetStage(
            width=width * 2**level * growth,
            inner=((width * 2**level,) * inner,) * depth,
            stride=1 if level == 0 else 2,
            projection=level > 0 or growth > 1,
        )
        for level, depth in enumerate(depths)
    )


SHAPES: dict[str, ModelSpec] = {
    # Widths are multiples of 16, because narrower steps cost the same time on CPUs. A 3x3 stem takes half of a tiny
    # net's time, so `micro` reads patches, and so do the shapes that say it: at about as many parameters as the one
    # before them they answer in less than half the time (benchmarks/small_nets.py), and see less of where things are.
    "reference": _plain((32, 64, 96, 128), features=32, hidden=64, dropout=0.3),
    "small": _plain((16, 32, 48, 64), features=32, hidden=48, dropout=0.2),
    "small_patches": _patched(4, (32, 48, 64), features=32, hidden=48),
    "compact": ModelSpec(  # 4x4 patches too, and deep where maps are small (docs/reference.md)
        cnn=PlainCnn(stem="4x4", widths=(16, 32, 48, 64), residual=(False, False, True, True)),
        dropout=0.0,
        lstm=Lstm(hidden=48),
    ),
    "tiny": _plain((16, 16, 32, 32), features=24, hidden=32, dropout=0.1),
    "tiny_patches": _patched(8, (32, 32), features=32, hidden=32),
    "micro": _patched(4, (16, 16, 16), features=16, hidden=16),
    "micro_patches": _patched(8, (16, 16), features=16, hidden=16),
    # In the widths of the ResNet-8 of MLPerf Tiny (Banbury et al. 2021, https://arxiv.org/abs/2106.07597).
    "resnet8": _small_resnet((1, 1, 1), width=16),
    "resnet18": _resnet("basic", (2, 2, 2, 2), features=64, lstm=Lstm(hidden=128)),
    "resnet34": _resnet("basic", (3, 4, 6, 3), features=64, lstm=Lstm(hidden=128)),
    "resnet50": _resnet("bottleneck", (3, 4, 6, 3), features=128, lstm=Lstm(hidden=256, layers=2)),
}


def shape(name: str) -> ModelSpec:
    """Look a shape up by its name.

    Raises:
        ModelError: no shape has this name; the message lists those that exist.
    """
    if name in SHAPES:
        return SHAPES[name]
    close = difflib.get_close_matches(name, SHAPES, n=1)
    meant = f" Did you mean `{close[0]}`?" if close else ""
    raise ModelError(f"No shape is called `{name}`.{meant} There are: {', '.join(SHAPES)}; or write the spec out.")
