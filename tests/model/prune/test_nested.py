"""Models inside a model: the first units of every layer."""

from collections.abc import Callable

import pytest
import torch

from slimaffect.model.net import AffectNet
from slimaffect.model.prune.graph import groups
from slimaffect.model.prune.nested import behind, in_order, narrower
from slimaffect.model.prune.surgery import picked, stays
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn

Make = Callable[[str, int], AffectNet]


@pytest.mark.parametrize("kind", ["plain residual", "patches", "resnet18", "bottleneck", "depthwise"])
def test_another_order_of_units_changes_no_answer(make: Make, kind: str) -> None:
    """By random scores, two LSTM layers each in an order of its own; the most important unit comes first."""
    net = make(kind, 2)
    found, drawn = groups(net), torch.Generator().manual_seed(0)
    scores = {group.name: torch.rand(group.units, generator=drawn).double() for group in found}
    ordered = in_order(net, found, scores)
    frames = torch.rand(2, 5, 3, net.spec.pixels, net.spec.pixels, generator=drawn)
    with torch.no_grad():
        torch.testing.assert_close(ordered(frames).affect, net(frames).affect, atol=1e-6, rtol=0)
    first = int(scores["bottleneck"].argmax())
    assert torch.equal(ordered.bottleneck.bias[0], net.bottleneck.bias[first])
    assert not torch.equal(ordered.bottleneck.bias, net.bottleneck.bias)


def test_a_narrower_model_has_the_first_units() -> None:
    """Of kernels, of each gate's block, and of the columns that read them: 4 x 4 places for each channel."""
    torch.manual_seed(0)
    net = AffectNet(
        ModelSpec(pixels=16, cnn=PlainCnn(widths=(16, 32)), features=16, lstm=Lstm(hidden=16, layers=2))
    ).eval()
    half = narrower(net, 0.5)
    assert (half.spec.cnn.widths, half.spec.features, half.spec.lstm.hidden) == ((8, 16), 8, 8)
    assert torch.equal(half.cnn.blocks[1].conv.weight, net.cnn.blocks[1].conv.weight[:16, :8])
    assert torch.equal(half.bottleneck.weight, net.bottleneck.weight[:8, : 16 * 16])
    for layer in ("l0", "l1"):
        whole, part = getattr(net.lstm, f"weight_hh_{layer}"), getattr(half.lstm, f"weight_hh_{layer}")
        assert torch.equal(part.view(4, 8, 8), whole.view(4, 16, 16)[:, :8, :8])
    frames = torch.rand(1, 2, 3, 16, 16)
    assert torch.equal(narrower(net, 1.0)(frames).affect, net(frames).affect)


def test_gradients_find_their_way_back(make: Make) -> None:
    """A loss of what was picked has its gradient in the whole tensor, and 0 where nothing was picked."""
    net = make("plain", 1)
    found = groups(net)
    removed = behind(found, 0.7)
    at = stays(net, found, removed)
    taken = picked(dict(net.named_parameters()), at)["bottleneck.weight"]
    taken.square().sum().backward()
    gradient = net.bottleneck.weight.grad
    assert gradient.count_nonzero() == taken.numel() < gradient.numel()
    assert torch.equal(gradient[: taken.shape[0], : taken.shape[1]], 2 * taken)
