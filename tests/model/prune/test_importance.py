"""What each unit is worth, against numbers worked out otherwise."""

from collections.abc import Callable

import pytest
import torch

from slimaffect.model.net import AffectNet
from slimaffect.model.prune.graph import Group, groups
from slimaffect.model.prune.importance import at_random, bn_scale, gate, magnitude, taylor

Make = Callable[[str, int], AffectNet]
Quieten = Callable[[AffectNet, Group, torch.Tensor], None]


def by_name(net: AffectNet) -> dict[str, Group]:
    return {group.name: group for group in groups(net)}


def test_magnitude_sums_the_squares_of_all_that_belongs_to_a_unit(make: Make) -> None:
    """Kernel, gamma, beta and the next layer's columns; running statistics do not count."""
    net = make("plain", 1)
    first, second = net.cnn.blocks[0], net.cnn.blocks[1]
    by_hand = first.conv.weight.square().sum((1, 2, 3)) + second.conv.weight.square().sum((0, 2, 3))
    by_hand = (by_hand + first.bn.weight.square() + first.bn.bias.square()).detach().double()
    scores = magnitude(dict(net.named_parameters()), by_name(net)["cnn.blocks.0.conv"])
    torch.testing.assert_close(scores, by_hand / by_hand.sum())


def test_magnitude_of_an_lstms_unit_is_its_rows_and_columns(make: Make) -> None:
    """Four gates of input and state, both biases, what it hands on to itself and to the next layer."""
    net = make("plain", 2)
    lstm, by_hand = net.lstm, torch.zeros(11)
    for unit in range(11):
        rows = [unit + 11 * gate_number for gate_number in range(4)]
        kept = [lstm.weight_ih_l0[rows], lstm.weight_hh_l0[rows], lstm.bias_ih_l0[rows], lstm.bias_hh_l0[rows]]
        kept += [lstm.weight_hh_l0[:, unit], lstm.weight_ih_l1[:, unit]]
        by_hand[unit] = sum(tensor.square().sum().item() for tensor in kept)
    scores = magnitude(dict(net.named_parameters()), by_name(net)["lstm.0"])
    torch.testing.assert_close(scores, (by_hand / by_hand.sum()).double(), atol=1e-5, rtol=0)


def test_batch_norms_scale_is_summed_over_a_residual_stream(make: Make) -> None:
    """Where there is no batch norm, magnitude judges."""
    net = make("resnet18", 1)
    found, weights = by_name(net), dict(net.named_parameters())
    norms = (net.cnn.bn1, net.cnn.layer1[0].bn2, net.cnn.layer1[1].bn2)
    by_hand = sum(norm.weight.detach().abs() for norm in norms).double()
    torch.testing.assert_close(bn_scale(weights, found["cnn.conv1"]), by_hand / by_hand.sum())
    assert torch.equal(bn_scale(weights, found["lstm.0"]), magnitude(weights, found["lstm.0"]))


@pytest.mark.parametrize("kind", ["plain residual", "resnet18", "bottleneck"])
def test_the_gate_is_the_derivative_by_a_units_output(make: Make, kind: str) -> None:
    """Scaling all that reads a unit by 1 + e changes the loss by e times its gate, in every group."""
    net = make(kind, 2).double()
    drawn = torch.Generator().manual_seed(0)
    frames = torch.rand(1, 3, 3, net.spec.pixels, net.spec.pixels, dtype=torch.float64, generator=drawn)

    def loss() -> torch.Tensor:
        return net(frames).affect.square().sum()

    loss().backward()
    gradients = {name: weight.grad for name, weight in net.named_parameters()}
    weights, step = dict(net.named_parameters()), 1e-7
    with torch.no_grad():
        for group in groups(net):
            change = []
            for sign in (1, -1):
                reads = [place for place in group.places if place.reads]
                before = {place.tensor: weights[place.tensor].clone() for place in reads}
                for place in reads:
                    weights[place.tensor].movedim(place.axis, 0)[place.at[2]] *= 1 + sign * step
                change.append(loss().item())
                for name, tensor in before.items():
                    weights[name].copy_(tensor)
            slope = (change[0] - change[1]) / (2 * step)
            assert gate(weights, gradients, group)[2].item() == pytest.approx(slope, rel=1e-4, abs=1e-7), group.name


def test_silent_units_have_no_taylor_importance(make: Make, quieten: Quieten) -> None:
    """A unit that answers 0 changes no loss; its neighbours do. The score is the mean square over batches."""
    net = make("plain", 1)
    group = by_name(net)["cnn.blocks.1.conv"]
    quieten(net, group, torch.tensor([4]))
    net(torch.rand(1, 3, 3, 25, 25)).affect.square().sum().backward()
    gradients = {name: weight.grad for name, weight in net.named_parameters()}
    doubled = {name: 2 * gradient for name, gradient in gradients.items()}
    weights = dict(net.named_parameters())
    scores = taylor(weights, [gradients, doubled], [group])[group.name]
    assert scores[4] == 0
    assert scores.count_nonzero() >= 3  # some are dead for this picture
    torch.testing.assert_close(scores, 2.5 * gate(weights, gradients, group).square())


def test_chance_follows_from_its_generator(make: Make) -> None:
    """The same generator, the same scores; and they do not look at the model."""
    group = groups(make("plain", 1))[0]
    drawn = [at_random(group, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
