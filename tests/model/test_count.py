"""Counts against numbers worked out by hand, and against torch's own parameters."""

from slimaffect.model.count import layers, macs_per_frame, parameters
from slimaffect.model.net import AffectNet
from slimaffect.model.shapes import shape
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn


def test_every_parameter_is_counted(spec: ModelSpec) -> None:
    """The count is the number of trained numbers in the net."""
    assert parameters(spec) == sum(p.numel() for p in AffectNet(spec).parameters())


def test_a_small_model_counted_by_hand() -> None:
    """8 px -> 4 x 4 x 2 -> 3 features -> LSTM of 5 -> 2."""
    spec = ModelSpec(pixels=8, cnn=PlainCnn(widths=(2,)), features=3, lstm=Lstm(hidden=5))
    assert macs_per_frame(spec) == 3 * 2 * 9 * 16 + 32 * 3 + 4 * 5 * (3 + 5) + 5 * 2
    assert parameters(spec) == (54 + 4) + (96 + 3) + (160 + 40) + 12


def test_a_second_lstm_layer_reads_the_first() -> None:
    """4H(in + H) per layer: the second layer's input is H."""
    spec = ModelSpec(cnn=PlainCnn(widths=(2,)), features=3, lstm=Lstm(hidden=5, layers=2))
    counted = {layer.name: layer.macs for layer in layers(spec)}
    assert (counted["lstm.0"], counted["lstm.1"]) == (4 * 5 * 8, 4 * 5 * 10)


def test_without_lstm_nothing_is_counted_for_it() -> None:
    """The head of the control reads the features."""
    spec = ModelSpec(cnn=PlainCnn(widths=(2,)), features=3, lstm=Lstm(layers=0))
    assert [layer.name for layer in layers(spec)][-2:] == ["bottleneck", "head"]
    assert layers(spec)[-1].macs == 6


def test_resnet50_has_the_published_multiply_accumulates() -> None:
    """4.09 G at 224 px (torchvision's table, 4.089), our bottleneck in place of its classifier."""
    spec = shape("resnet50").model_copy(update={"pixels": 224})
    backbone = sum(layer.macs for layer in layers(spec) if layer.name.startswith("cnn"))
    assert round((backbone + 2048 * 1000) / 1e9, 3) == 4.089
