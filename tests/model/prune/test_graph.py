"""Which weights belong to one unit."""

from collections.abc import Callable

import pytest
import torch

from slimaffect.model.net import AffectNet
from slimaffect.model.prune.graph import groups
from slimaffect.model.shapes import shape

Make = Callable[[str, int], AffectNet]


def test_a_channel_of_a_flattened_map_is_read_at_every_place(make: Make) -> None:
    """25 pixels become maps of 4 x 4: the bottleneck has 16 columns for each channel, next to each other."""
    last = next(group for group in groups(make("plain", 1)) if group.name == "cnn.blocks.2.conv")
    read = next(place for place in last.places if place.reads)
    assert read.tensor == "bottleneck.weight"
    assert read.at[3].tolist() == list(range(48, 64))


def test_all_who_write_a_residual_stream_are_one_group(make: Make) -> None:
    """Without a projection the stem and every block of the first stage share their channels."""
    stem = groups(make("resnet18", 1))[0]
    assert stem.makes == ("cnn.conv1", "cnn.layer1.0.conv2", "cnn.layer1.1.conv2")
    readers = {place.tensor for place in stem.places if place.reads}
    assert readers == {
        "cnn.layer1.0.conv1.weight",
        "cnn.layer1.1.conv1.weight",
        "cnn.layer2.0.conv1.weight",
        "cnn.layer2.0.downsample.0.weight",
    }


def test_a_unit_of_an_lstm_has_four_rows_and_its_column(make: Make) -> None:
    """Both layers are groups, tied to one hidden size; the first is read by the second, that by the head."""
    first, second = (group for group in groups(make("plain", 2)) if group.tie == "lstm")
    rows = next(place for place in first.places if place.tensor == "lstm.weight_hh_l0" and place.axis == 0)
    assert rows.at[2].tolist() == [2, 13, 24, 35]
    assert [p.tensor for p in first.places if p.reads] == ["lstm.weight_hh_l0", "lstm.weight_ih_l1"]
    assert [p.tensor for p in second.places if p.reads] == ["lstm.weight_hh_l1", "head.weight"]


def test_every_unit_lies_in_one_group(make: Make) -> None:
    """No position of a tensor belongs to two units, and all but the head's answers and the pictures are covered."""
    net = make("bottleneck", 2)
    seen: dict[tuple[str, int], list[int]] = {}
    for group in groups(net):
        for place in group.places:
            seen.setdefault((place.tensor, place.axis), []).extend(place.at.flatten().tolist())
    for (tensor, axis), at in seen.items():
        assert sorted(at) == list(range(net.state_dict()[tensor].shape[axis])), tensor
    weights = {(name, axis) for name, weight in net.named_parameters() for axis in range(min(weight.ndim, 2))}
    assert weights - set(seen) == {("cnn.conv1.weight", 1), ("head.weight", 0), ("head.bias", 0)}


@pytest.mark.parametrize("layers", [1, 2])
def test_the_float_type_changes_nothing(make: Make, layers: int) -> None:
    """In float64 torch unrolls the LSTM; the groups are the same."""
    single, double = groups(make("plain residual", layers)), groups(make("plain residual", layers).double())
    assert [(a.name, a.makes, [p.tensor for p in a.places]) for a in single] == [
        (b.name, b.makes, [p.tensor for p in b.places]) for b in double
    ]


def test_the_model_stays_as_it_was(make: Make) -> None:
    """Mode, gradients and the LSTM's own forward are untouched, frozen models can be traced, also without gradients."""
    net = make("plain", 1).train().requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with torch.no_grad():
        assert len(groups(net)) == 5
    assert net.training
    assert not any(weight.requires_grad for weight in net.parameters())
    assert "forward" not in vars(net.lstm)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_shapes_by_name_are_all_traced() -> None:
    """From a ResNet-50 with two LSTM layers to the smallest: as many groups as widths that can be chosen."""
    assert len(groups(AffectNet(shape("resnet50")))) == 40
    assert len(groups(AffectNet(shape("micro")))) == 5
