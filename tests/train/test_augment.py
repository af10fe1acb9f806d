"""A clip is altered as one: what moves in it still moves alike."""

import torch

from slimaffect.train.augment import View, alter, draw_view, plain_view
from slimaffect.train.settings import AugmentSettings

NOTHING = AugmentSettings(
    flip=0, rotation=0, scale=0, shift=0, gain=0, colour=0, desaturation=0, contrast=0, brightness=0
)


def pictures(batch: int = 3, time: int = 4, side: int = 12) -> torch.Tensor:
    """Draw noise."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (batch, time, 3, side, side), dtype=torch.uint8, generator=generator)


def test_without_alteration_frames_are_only_brought_to_one() -> None:
    """All settings at zero: bytes divided by 255, up to the resampling's rounding."""
    view = draw_view(3, NOTHING, torch.Generator().manual_seed(1))
    torch.testing.assert_close(alter(pictures(), view), pictures() / 255, atol=1e-4, rtol=0)
    torch.testing.assert_close(alter(pictures(), plain_view(3), moved=False), pictures() / 255)


def test_all_frames_of_a_clip_are_altered_alike() -> None:
    """A still clip stays still."""
    still = pictures(3, 1).expand(-1, 5, -1, -1, -1).contiguous()
    altered = alter(still, draw_view(3, AugmentSettings(), torch.Generator().manual_seed(2)))
    assert torch.equal(altered, altered[:, :1].expand_as(altered))


def test_clips_are_altered_each_in_its_own_way() -> None:
    """Two copies of a clip in one batch differ afterwards."""
    twice = pictures(1).expand(2, -1, -1, -1, -1).contiguous()
    altered = alter(twice, draw_view(2, AugmentSettings(), torch.Generator().manual_seed(3)))
    assert not torch.allclose(altered[0], altered[1], atol=0.02)


def test_a_flip_mirrors_left_and_right() -> None:
    """Only the columns change places."""
    view = draw_view(3, NOTHING.model_copy(update={"flip": 1.0}), torch.Generator().manual_seed(4))
    torch.testing.assert_close(alter(pictures(), view), pictures().flip(-1) / 255, atol=1e-4, rtol=0)


def test_a_shift_moves_by_half_pictures() -> None:
    """A shift of 1/3 in a picture of 12 pixels is two pixels."""
    view = plain_view(1)
    moved = View(view.warp + torch.tensor([[0, 0, 1 / 3], [0, 0, 0]]), view.tint, view.offset)
    altered = alter(pictures(1), moved)
    torch.testing.assert_close(altered[..., :-2], pictures(1)[..., 2:] / 255, atol=1e-4, rtol=0)


def test_full_desaturation_leaves_no_colour() -> None:
    """The three planes become one brightness, and its mean shares add to one."""
    grey = NOTHING.model_copy(update={"desaturation": 0.999999})
    view = draw_view(200, grey, torch.Generator().manual_seed(5))
    torch.testing.assert_close(view.tint.sum(-1) * 255, torch.ones(200, 3))


def test_colours_stay_in_range() -> None:
    """A camera saturates too."""
    wild = AugmentSettings(gain=0.9, colour=0.9, contrast=0.9, brightness=0.9)
    altered = alter(pictures(), draw_view(3, wild, torch.Generator().manual_seed(6)))
    assert altered.min() >= 0
    assert altered.max() <= 1


def test_the_generator_decides() -> None:
    """Same seed, same view; another seed, another view."""
    draws = [draw_view(2, AugmentSettings(), torch.Generator().manual_seed(seed)) for seed in (7, 7, 8)]
    assert torch.equal(draws[0].warp, draws[1].warp)
    assert torch.equal(draws[0].tint, draws[1].tint)
    assert not torch.equal(draws[0].warp, draws[2].warp)
