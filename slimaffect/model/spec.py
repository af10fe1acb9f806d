"""The spec of a model: every width written out, so that a pruned model can be rebuilt from it."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from slimaffect.settings import Settings

Share = Annotated[float, Field(ge=0, lt=1)]


class PlainCnn(Settings):
    """3x3 convolutions of stride 2, each with batch norm and ReLU: dense work that CPUs do fastest."""

    kind: Literal["plain"] = "plain"
    widths: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    """Channels of each convolution; multiples of 16 run fastest on CPUs."""
    stem: Literal["3x3", "4x4", "8x8"] = "3x3"
    """First convolution: 3x3 of stride 2, or patches: 4x4 of stride 4 or 8x8 of stride 8 read each pixel once."""
    residual: bool | tuple[bool, ...] = False
    """Add a 3x3 convolution of stride 1 with a shortcut after each convolution of stride 2, or only after some."""

    @model_validator(mode="after")
    def _one_word_each(self) -> "PlainCnn":
        if isinstance(self.residual, tuple) and len(self.residual) != len(self.widths):
            raise ValueError(
                f"residual has {len(self.residual)} entries for {len(self.widths)} widths; give one for each, or one"
            )
        return self

    @property
    def patch(self) -> int | None:
        """Side of a patch of the first convolution, in pixels; None where it slides."""
        return None if self.stem == "3x3" else int(self.stem[0])

    @property
    def refined(self) -> tuple[bool, ...]:
        """Whether each convolution is followed by a residual one."""
        return self.residual if isinstance(self.residual, tuple) else (self.residual,) * len(self.widths)


class ResNetStage(Settings):
    """Blocks that share one residual stream."""

    width: PositiveInt
    """Channels of the residual stream, which all blocks of the stage add to."""
    inner: Annotated[tuple[tuple[PositiveInt, ...], ...], Field(min_length=1)]
    """For each block its inner channels: two numbers in a bottleneck, one in the others."""
    stride: Literal[1, 2] = 2
    """Stride of the first block."""
    projection: bool = True
    """The first block's shortcut has a 1x1 convolution (torchvision's `downsample`)."""


class ResNetCnn(Settings):
    """A residual network with torchvision's names (He et al. 2016, https://arxiv.org/abs/1512.03385)."""

    kind: Literal["resnet"] = "resnet"
    block: Literal["basic", "bottleneck", "depthwise"]
    """Two 3x3 convolutions, 1x1 with 3x3 and 1x1, or the same with a depthwise 3x3, which CPUs do slowly."""
    stem: Literal["7x7", "3x3"] = "7x7"
    """7x7 of stride 2 with a max pool (ImageNet), or 3x3 of stride 1 without (small crops)."""
    stem_width: PositiveInt = 64
    stages: Annotated[tuple[ResNetStage, ...], Field(min_length=1)]
    imagenet: bool = False
    """Normalise the planes by ImageNet's mean and standard deviation, as its weights expect."""

    @model_validator(mode="after")
    def _fits(self) -> "ResNetCnn":
        wanted = 2 if self.block == "bottleneck" else 1
        entering = self.stem_width
        for number, stage in enumerate(self.stages, start=1):
            counts = sorted({len(block) for block in stage.inner})
            if counts != [wanted]:
                raise ValueError(f"stage {number}: a {self.block} block has {wanted} inner widths, not {counts}")
            if not stage.projection and (stage.stride != 1 or stage.width != entering):
                raise ValueError(
                    f"stage {number}: without a projection, stride must be 1 and width the entering {entering}; "
                    f"they are {stage.stride} and {stage.width}"
                )
            entering = stage.width
        return self


class Lstm(Settings):
    """The recurrent part; without layers the model is its own per-frame control."""

    hidden: PositiveInt = 64
    """Units of each layer."""
    layers: Literal[0, 1, 2] = 1
    """0 reads affect from each frame's features alone."""
    dropout: Share = 0.2
    """Share of the features that training hides from the LSTM."""


class ModelSpec(Settings):
    """All that is needed to build a CNN-LSTM; its weights come apart from it."""

    pixels: Annotated[int, Field(ge=8)] = 48
    """Side of the square face crops."""
    cnn: Annotated[PlainCnn | ResNetCnn, Field(discriminator="kind")]
    features: PositiveInt = 32
    """Width of the bottleneck between CNN and LSTM; a wide one memorises who a face belongs to."""
    dropout: Share = 0.3
    """Share of the CNN's outputs that training hides from the bottleneck."""
    lstm: Lstm = Lstm()
