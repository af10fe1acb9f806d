"""The smaller model is a model like any other, and answers as the larger one without the units."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from slimaffect.errors import ModelError
from slimaffect.model.count import macs_per_frame, parameters
from slimaffect.model.net import AffectNet
from slimaffect.model.prune.graph import Group, groups
from slimaffect.model.prune.surgery import cut
from slimaffect.model.store import load, save

Make = Callable[[str, int], AffectNet]
Quieten = Callable[[AffectNet, Group, torch.Tensor], None]
KINDS = ["plain", "plain residual", "patches", "patches residual", "resnet18", "bottleneck", "depthwise"]


def a_third(found: tuple[Group, ...]) -> dict[str, torch.Tensor]:
    """Draw a third of every group's units; layers of an LSTM lose different ones, but equally many."""
    drawn = torch.Generator().manual_seed(1)
    return {group.name: torch.randperm(group.units, generator=drawn)[: group.units // 3] for group in found}


@pytest.mark.parametrize("layers", [0, 1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_cutting_silent_units_changes_no_answer(
    make: Make, quieten: Quieten, macs_of: Callable[[AffectNet], int], kind: str, layers: int, tmp_path: Path
) -> None:
    """A third of the units answers 0; without them affect and state are equal to 1e-6.

    The smaller model costs what our counter says and its tensors show, and comes back from spec and safetensors.
    """
    net = make(kind, layers)
    found = groups(net)
    gone = a_third(found)
    for group in found:
        quieten(net, group, gone[group.name])
    smaller = cut(net, found, gone)
    frames = torch.rand(2, 6, 3, net.spec.pixels, net.spec.pixels, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        truth, answer = net(frames), smaller(frames)
        assert truth.affect.std() > 0.01
        torch.testing.assert_close(answer.affect, truth.affect, atol=1e-6, rtol=0)
        assert all(a.numel() < b.numel() for a, b in zip(answer.state or (), truth.state or (), strict=True))
        assert macs_per_frame(smaller.spec) == macs_of(smaller) < 0.75 * macs_of(net)
        assert parameters(smaller.spec) == sum(weight.numel() for weight in smaller.parameters())
        save(smaller, tmp_path)
        assert torch.equal(load(tmp_path)(frames).affect, answer.affect)


def test_every_unit_matters_before_it_is_silenced(make: Make) -> None:
    """The same cut without silencing does change the answer: the test above could fail."""
    net = make("plain residual", 2)
    found = groups(net)
    frames = torch.rand(1, 4, 3, 24, 24)
    for group in found:
        ties = {other.name: torch.arange(3) for other in found if other.tie == group.tie}
        assert (cut(net, found, ties)(frames).affect - net(frames).affect).abs().max() > 1e-4


def test_doubles_stay_doubles_and_the_given_model_stays_whole(make: Make, quieten: Quieten) -> None:
    """The type is the model's own, in eval mode; torch's generator and the given weights do not move."""
    net = make("resnet18", 2).double()
    found = groups(net)
    gone = a_third(found)
    for group in found:
        quieten(net, group, gone[group.name])
    before, drawn = {name: t.clone() for name, t in net.state_dict().items()}, torch.random.get_rng_state()
    smaller = cut(net, found, gone)
    assert torch.equal(torch.random.get_rng_state(), drawn)
    frames = torch.rand(1, 3, 3, 64, 64, dtype=torch.float64)
    torch.testing.assert_close(smaller(frames).affect, net(frames).affect, atol=1e-14, rtol=0)
    assert not smaller.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_kept_units_keep_their_order_and_weights(make: Make) -> None:
    """Cutting channel 1 of the stem leaves kernels 0, 2, 3, ... as they were."""
    net = make("plain", 1)
    smaller = cut(net, groups(net), {"cnn.blocks.0.conv": torch.tensor([1])})
    assert torch.equal(smaller.cnn.blocks[0].conv.weight, net.cnn.blocks[0].conv.weight[[0, 2, 3, 4, 5, 6]])
    assert smaller.spec.cnn.widths == (6, 10, 12)


def test_a_group_without_units_is_refused(make: Make) -> None:
    """The group and its size are named."""
    net = make("plain", 1)
    with pytest.raises(ModelError, match=r"bottleneck: all 10 units would be cut\. Leave at least one"):
        cut(net, groups(net), {"bottleneck": torch.arange(10)})


def test_layers_of_an_lstm_must_stay_equally_wide(make: Make) -> None:
    """Both numbers are told."""
    net = make("plain", 2)
    with pytest.raises(ModelError, match=r"lstm\.1 would keep 11 units and another layer of the lstm 8"):
        cut(net, groups(net), {"lstm.0": torch.arange(3)})
