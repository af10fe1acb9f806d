"""How far affect moves without a unit."""

import torch

from slimaffect.data.clips import Clips
from slimaffect.model.net import AffectNet
from slimaffect.model.prune.graph import groups
from slimaffect.model.prune.surgery import cut
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn
from slimaffect.train.journal import Journal, keeping
from slimaffect.train.silence import moved_by, moved_by_units, scene

SPEC = ModelSpec(pixels=16, cnn=PlainCnn(widths=(5, 6), residual=True), features=5, lstm=Lstm(hidden=4))


def seeded() -> AffectNet:
    torch.manual_seed(0)
    net = AffectNet(SPEC)
    torch.nn.init.normal_(net.head.weight)
    torch.nn.init.ones_(net.bottleneck.bias)  # none is dead
    return net


def test_it_is_what_the_cut_model_answers(clips: Clips) -> None:
    """In every group the measured distance is that of a model without the unit; the given model stays."""
    net = seeded()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    found, seen = groups(net), scene(net, clips, 0)
    moved = moved_by_units(net, clips, found, 0)
    for group in found:
        without = cut(net, found, {group.name: torch.tensor([2])})
        torch.testing.assert_close(moved[group.name][2].item(), moved_by(without, seen), rtol=1e-3, atol=1e-12)
        assert moved[group.name].count_nonzero() > 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert net.training


def test_only_the_cnns_units_cost_the_cnn(clips: Clips) -> None:
    """11 channels: both convolutions' and the refined streams'; LSTM and bottleneck read kept features."""
    net = seeded()
    found = groups(net)
    passes = 1 + sum(group.units for group in found if group.name.startswith("cnn."))
    with keeping(Journal()) as journal:
        moved_by_units(net, clips, found, 0)
    assert journal.examples == passes * 8 * 28
