"""The two families of per-frame CNNs: plain 3x3 convolutions, and ResNets under torchvision's names."""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from slimaffect.model.spec import PlainCnn, ResNetCnn, ResNetStage

# Mean and standard deviation of ImageNet's RGB planes, as torchvision's weights expect them.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def conv(entering: int, leaving: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """Make a convolution that keeps the size but for its stride; batch norm brings the bias."""
    return nn.Conv2d(entering, leaving, kernel, stride, padding=kernel // 2, bias=False)


class PlainBlock(nn.Module):
    """Halve the picture, or read it in patches; optionally refine it with a residual convolution."""

    def __init__(self, entering: int, leaving: int, *, residual: bool, patch: int | None = None) -> None:
        super().__init__()
        self.conv = (
            nn.Conv2d(entering, leaving, patch, patch, bias=False) if patch else conv(entering, leaving, 3, stride=2)
        )
        self.bn = nn.BatchNorm2d(leaving)
        self.refine = (
            nn.Sequential(OrderedDict(conv=conv(leaving, leaving, 3), bn=nn.BatchNorm2d(leaving))) if residual else None
        )

    def forward(self, x: Float[Tensor, "n entering h w"]) -> Float[Tensor, "n leaving h2 w2"]:
        """Convolve with a stride, and add the refinement where there is one."""
        x = F.relu(self.bn(self.conv(x)), inplace=True)
        return x if self.refine is None else F.relu(x + self.refine(x), inplace=True)


class Plain(nn.Module):
    """A pile of plain blocks whose last map is flattened: where a lip is matters as much as that it is there."""

    def __init__(self, spec: PlainCnn, pixels: int) -> None:
        super().__init__()
        pairs = enumerate(zip((3, *spec.widths[:-1]), spec.widths, strict=True))
        patch = spec.patch
        self.blocks = nn.ModuleList(
            [PlainBlock(a, b, residual=spec.refined[n], patch=None if n else patch) for n, (a, b) in pairs]
        )
        side = halved(pixels // patch, len(spec.widths) - 1) if patch else halved(pixels, len(spec.widths))
        self.outputs = spec.widths[-1] * side**2

    def forward(self, frames: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n outputs"]:
        """Answer the flattened last map."""
        for block in self.blocks:
            frames = block(frames)
        return frames.flatten(1)


def halved(pixels: int, times: int) -> int:
    """Side of a map after `times` convolutions of stride 2 with padding.

    >>> halved(48, 4)
    3
    """
    for _ in range(times):
        pixels = (pixels + 1) // 2
    return pixels


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al. 2016, Figure 5 left)."""

    def __init__(self, entering: int, inner: tuple[int, ...], width: int, stride: int, *, projection: bool) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(entering, inner[0], 3, stride), nn.BatchNorm2d(inner[0])
        self.conv2, self.bn2 = conv(inner[0], width, 3), nn.BatchNorm2d(width)
        self.downsample = shortcut(entering, width, stride) if projection else None

    def forward(self, x: Float[Tensor, "n entering h w"]) -> Float[Tensor, "n width h2 w2"]:
        """Add the block's answer to its shortcut."""
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)), inplace=True)))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut; the stride sits on the 3x3 as in torchvision."""

    def __init__(self, entering: int, inner: tuple[int, ...], width: int, stride: int, *, projection: bool) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(entering, inner[0], 1), nn.BatchNorm2d(inner[0])
        self.conv2, self.bn2 = conv(inner[0], inner[1], 3, stride), nn.BatchNorm2d(inner[1])
        self.conv3, self.bn3 = conv(inner[1], width, 1), nn.BatchNorm2d(width)
        self.downsample = shortcut(entering, width, stride) if projection else None

    def forward(self, x: Float[Tensor, "n entering h w"]) -> Float[Tensor, "n width h2 w2"]:
        """Add the block's answer to its shortcut."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(y)), inplace=True)))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


class Depthwise(nn.Module):
    """Expand by 1x1, filter each channel alone by 3x3, project by 1x1, and a shortcut (after Sandler et al. 2018).

    Unlike MobileNetV2 (arXiv 1801.04381) it ends in a ReLU, as the other blocks do.
    """

    def __init__(self, entering: int, inner: tuple[int, ...], width: int, stride: int, *, projection: bool) -> None:
        super().__init__()
        wide = inner[0]
        self.conv1, self.bn1 = conv(entering, wide, 1), nn.BatchNorm2d(wide)
        self.conv2 = nn.Conv2d(wide, wide, 3, stride, padding=1, groups=wide, bias=False)
        self.bn2 = nn.BatchNorm2d(wide)
        self.conv3, self.bn3 = conv(wide, width, 1), nn.BatchNorm2d(width)
        self.downsample = shortcut(entering, width, stride) if projection else None

    def forward(self, x: Float[Tensor, "n entering h w"]) -> Float[Tensor, "n width h2 w2"]:
        """Add the block's answer to its shortcut."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(y)), inplace=True)))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


def shortcut(entering: int, width: int, stride: int) -> nn.Sequential:
    """Make the 1x1 convolution that fits a shortcut to its block; named 0 and 1 as in torchvision."""
    return nn.Sequential(conv(entering, width, 1, stride), nn.BatchNorm2d(width))


class ResNet(nn.Module):
    """A residual network whose state dict has torchvision's names, without its classifier."""

    mean: Tensor
    std: Tensor

    def __init__(self, spec: ResNetCnn) -> None:
        super().__init__()
        large = spec.stem == "7x7"
        self.conv1 = conv(3, spec.stem_width, 7, stride=2) if large else conv(3, spec.stem_width, 3)
        self.bn1 = nn.BatchNorm2d(spec.stem_width)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if large else nn.Identity()
        entering, self.stages = spec.stem_width, len(spec.stages)
        for number, stage in enumerate(spec.stages, start=1):
            self.add_module(f"layer{number}", _blocks(spec.block, entering, stage))
            entering = stage.width
        self.outputs = entering
        mean, std = (IMAGENET_MEAN, IMAGENET_STD) if spec.imagenet else ((0.0,) * 3, (1.0,) * 3)
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, frames: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n outputs"]:
        """Answer the last map's mean over the picture."""
        x = self.maxpool(F.relu(self.bn1(self.conv1((frames - self.mean) / self.std)), inplace=True))
        for number in range(1, self.stages + 1):
            x = self.get_submodule(f"layer{number}")(x)
        return x.mean((2, 3))


def _blocks(kind: str, entering: int, stage: ResNetStage) -> nn.Sequential:
    make = {"basic": BasicBlock, "bottleneck": Bottleneck, "depthwise": Depthwise}[kind]
    blocks = []
    for index, inner in enumerate(stage.inner):
        first = index == 0
        stride, projection = (stage.stride, stage.projection) if first else (1, False)
        blocks.append(make(entering if first else stage.width, inner, stage.width, stride, projection=projection))
    return nn.Sequential(*blocks)
