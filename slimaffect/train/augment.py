"""Alter clips: one movement and one tint per clip, the same on all its frames, so that motion stays motion."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from slimaffect.train.settings import AugmentSettings

LUMA = (0.299, 0.587, 0.114)  # shares of red, green and blue in brightness (ITU-R BT.601)


class View(NamedTuple):
    """How each clip of a batch is altered."""

    warp: Float[Tensor, "batch 2 3"]  # from places in the new picture to places in the old, in half pictures
    tint: Float[Tensor, "batch 3 3"]  # old colours, in [0, 255], to new ones, in [0, 1]
    offset: Float[Tensor, "batch 3"]  # added to the new colours


def plain_view(batch: int) -> View:
    """Make the view that only brings colours to [0, 1]."""
    return View(torch.eye(2, 3).repeat(batch, 1, 1), torch.eye(3).repeat(batch, 1, 1) / 255, torch.zeros(batch, 3))


def draw_view(batch: int, settings: AugmentSettings, generator: torch.Generator) -> View:
    """Draw one movement and one tint per clip."""
    normal = torch.randn(batch, 11, generator=generator)
    flat = torch.rand(batch, 2, generator=generator)
    return View(_warps(normal[:, :4], flat[:, 0], settings), *_tints(normal[:, 4:], flat[:, 1], settings))


def _warps(
    normal: Float[Tensor, "batch 4"], flat: Float[Tensor, " batch"], settings: AugmentSettings
) -> Float[Tensor, "batch 2 3"]:
    angle, size = settings.rotation * normal[:, 0], torch.exp(settings.scale * normal[:, 1])
    mirror = torch.where(flat < settings.flip, -1.0, 1.0)
    cos, sin = size * torch.cos(angle), size * torch.sin(angle)
    across = torch.stack([mirror * cos, -sin, settings.shift * normal[:, 2]], dim=1)
    down = torch.stack([mirror * sin, cos, settings.shift * normal[:, 3]], dim=1)
    return torch.stack([across, down], dim=1)


def _tints(
    normal: Float[Tensor, "batch 7"], flat: Float[Tensor, " batch"], settings: AugmentSettings
) -> tuple[Float[Tensor, "batch 3 3"], Float[Tensor, "batch 3"]]:
    """Fold gains, desaturation, contrast about mid-grey and brightness into one matrix and one offset."""
    gain = torch.exp(settings.gain * normal[:, :1] + settings.colour * normal[:, 1:4])
    faded = (settings.desaturation * flat)[:, None, None]
    mix = (1 - faded) * torch.eye(3) + faded * torch.tensor(LUMA).expand(3, 3)
    contrast = torch.exp(settings.contrast * normal[:, 4])
    offset = 0.5 * (1 - contrast) + settings.brightness * normal[:, 5]
    return contrast[:, None, None] * mix * gain[:, None, :] / 255, offset[:, None].expand(-1, 3)


def alter(
    frames: UInt8[Tensor, "batch time 3 height width"], view: View, *, moved: bool = True
) -> Float[Tensor, "batch time 3 height width"]:
    """Answer clips as their views show them, in [0, 1]; `moved=False` leaves the warp out.

    All frames and planes of a clip are channels of one picture, so one grid serves them all.
    """
    batch, time, _, height, width = frames.shape
    warp, tint, offset = (part.to(frames.device) for part in view)
    planes = frames.float()
    if moved:
        planes = F.grid_sample(
            planes.flatten(1, 2), _grid(warp, height, width), padding_mode="border", align_corners=False
        )
    tint = tint[:, None].expand(-1, time, -1, -1).reshape(-1, 3, 3)
    offset = offset[:, None, :, None].expand(-1, time, -1, -1).reshape(-1, 3, 1)
    mixed = torch.baddbmm(offset, tint, planes.reshape(batch * time, 3, height * width))
    return mixed.clamp_(0, 1).view(batch, time, 3, height, width)


def _grid(warp: Float[Tensor, "batch 2 3"], height: int, width: int) -> Float[Tensor, "batch height width 2"]:
    """Say where in the old picture each pixel of the new one lies, in half pictures from its middle.

    `affine_grid` does it by products of thin matrices, which takes a CPU as long as the sampling itself.
    """
    down, across = ((2 * torch.arange(n, device=warp.device) + 1) / n - 1 for n in (height, width))
    by_row = warp[..., 1, None] * down + warp[..., 2, None]
    return (warp[..., 0, None, None] * across + by_row[..., None]).permute(0, 2, 3, 1)
