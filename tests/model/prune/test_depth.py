"""Whole residual blocks that go."""

from collections.abc import Callable

import pytest
import torch

from slimaffect.model.count import macs_per_frame
from slimaffect.model.net import AffectNet
from slimaffect.model.prune.depth import ResidualBlock, removable, without
from slimaffect.model.shapes import shape

Make = Callable[[str, int], AffectNet]
LAST_NORM = {
    "plain residual": "cnn.blocks.{0}.refine.bn",
    "resnet18": "cnn.layer{1}.{2}.bn2",
    "bottleneck": "cnn.layer{1}.{2}.bn3",
    "depthwise": "cnn.layer{1}.{2}.bn3",
}


@pytest.mark.parametrize("kind", LAST_NORM)
def test_a_block_that_adds_nothing_may_go(make: Make, macs_of: Callable[[AffectNet], int], kind: str) -> None:
    """Where a block's last norm answers 0, the model without it answers as before, costs less and is counted right."""
    net = make(kind, 1)
    for block in removable(net.spec):
        silent = make(kind, 1)
        norm = silent.get_submodule(LAST_NORM[kind].format(block.stage, block.stage + 1, block.at))
        torch.nn.init.zeros_(norm.weight)
        torch.nn.init.zeros_(norm.bias)
        frames = torch.rand(1, 3, 3, net.spec.pixels, net.spec.pixels)
        shallower = without(silent, block)
        with torch.no_grad():
            torch.testing.assert_close(shallower(frames).affect, silent(frames).affect, atol=1e-6, rtol=0)
            assert (without(net, block)(frames).affect - net(frames).affect).abs().max() > 1e-4
        assert macs_per_frame(shallower.spec) == macs_of(shallower) < macs_of(net)


def test_blocks_that_change_the_size_stay() -> None:
    """A ResNet-18 has one block in each stage that may go, and both in its first, which keeps one of them."""
    blocks = removable(shape("resnet18"))
    assert blocks == tuple(ResidualBlock(*at) for at in [(0, 0), (0, 1), (1, 1), (2, 1), (3, 1)])
    left = without(AffectNet(shape("resnet18")), ResidualBlock(0, 0))
    assert removable(left.spec) == blocks[2:]
    assert removable(shape("reference")) == ()


def test_later_blocks_move_up(make: Make) -> None:
    """The third of three is then the second, with its weights."""
    net = AffectNet(shape("resnet34").model_copy(update={"pixels": 32}))
    left = without(net, ResidualBlock(0, 1))
    assert torch.equal(left.cnn.layer1[1].conv1.weight, net.cnn.layer1[2].conv1.weight)
    assert [len(stage.inner) for stage in left.spec.cnn.stages] == [2, 4, 6, 3]
    plain = without(make("plain residual", 1), ResidualBlock(0, 0))
    assert plain.spec.cnn.residual == (False, True)
    assert without(plain, ResidualBlock(1, 0)).spec.cnn.residual is False
