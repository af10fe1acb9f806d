"""Multiply-accumulates and parameters, counted from the spec alone.

Our own counter, because torch-pruning 1.6.1 counts an LSTM 33 times too high batch-first and 7.6 times too low
sequence-first. Batch norm, activations and biases are left out of the multiply-accumulates: they fuse.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from slimaffect.model.spec import ModelSpec, PlainCnn, ResNetCnn, ResNetStage


@dataclass(frozen=True)
class Layer:
    """One layer's name, its multiply-accumulates for one frame, and its parameters."""

    name: str
    macs: int
    parameters: int


def layers(spec: ModelSpec) -> tuple[Layer, ...]:
    """List what one frame costs, layer by layer."""
    if isinstance(spec.cnn, PlainCnn):
        cnn, outputs = _plain(spec.cnn, spec.pixels)
    else:
        cnn, outputs = _resnet(spec.cnn, spec.pixels)
    read = spec.lstm.hidden if spec.lstm.layers else spec.features
    return (*cnn, _linear("bottleneck", outputs, spec.features), *_lstm(spec), _linear("head", read, 2))


def macs_per_frame(spec: ModelSpec) -> int:
    """Multiply-accumulates of one frame through the whole model; a clip of T frames costs T times this."""
    return sum(layer.macs for layer in layers(spec))


def parameters(spec: ModelSpec) -> int:
    """Trained numbers of the model; batch norm's running statistics are not among them."""
    return sum(layer.parameters for layer in layers(spec))


def _conv(name: str, entering: int, leaving: int, kernel: int, side: int) -> Layer:
    """Count a convolution without bias and its batch norm; `side` is the side of the map it writes."""
    weights = entering * leaving * kernel * kernel
    return Layer(name, weights * side * side, weights + 2 * leaving)


def _linear(name: str, entering: int, leaving: int) -> Layer:
    return Layer(name, entering * leaving, entering * leaving + leaving)


def _lstm(spec: ModelSpec) -> Iterator[Layer]:
    """Count 4H(in + H) for each layer: four gates read the input and the state; torch keeps two biases."""
    hidden, entering = spec.lstm.hidden, spec.features
    for number in range(spec.lstm.layers):
        weights = 4 * hidden * (entering + hidden)
        yield Layer(f"lstm.{number}", weights, weights + 8 * hidden)
        entering = hidden


def _plain(cnn: PlainCnn, side: int) -> tuple[list[Layer], int]:
    counted, entering = [], 3
    for number, width in enumerate(cnn.widths):
        patch = cnn.patch if number == 0 else None
        side = side // patch if patch else (side + 1) // 2
        counted.append(_conv(f"cnn.blocks.{number}.conv", entering, width, patch or 3, side))
        if cnn.refined[number]:
            counted.append(_conv(f"cnn.blocks.{number}.refine", width, width, 3, side))
        entering = width
    return counted, entering * side * side


def _resnet(cnn: ResNetCnn, side: int) -> tuple[list[Layer], int]:
    large = cnn.stem == "7x7"
    side = (side + 1) // 2 if large else side
    counted = [_conv("cnn.conv1", 3, cnn.stem_width, 7 if large else 3, side)]
    side = (side + 1) // 2 if large else side
    entering = cnn.stem_width
    for number, stage in enumerate(cnn.stages, start=1):
        leaving_side = (side + 1) // 2 if stage.stride == 2 else side
        counted += _stage(f"cnn.layer{number}", cnn.block, entering, stage, side, leaving_side)
        entering, side = stage.width, leaving_side
    return counted, entering


def _stage(name: str, block: str, entering: int, stage: ResNetStage, side: int, leaving: int) -> Iterator[Layer]:
    for index, inner in enumerate(stage.inner):
        where = f"{name}.{index}"
        if block == "basic":
            yield _conv(f"{where}.conv1", entering, inner[0], 3, leaving)
        else:
            yield _conv(f"{where}.conv1", entering, inner[0], 1, side)  # the stride comes after it
            # A depthwise kernel reads one channel.
            reads, writes = (1, inner[0]) if block == "depthwise" else (inner[0], inner[1])
            yield _conv(f"{where}.conv2", reads, writes, 3, leaving)
        yield _conv(f"{where}.last", inner[-1], stage.width, 3 if block == "basic" else 1, leaving)
        if index == 0 and stage.projection:
            yield _conv(f"{where}.downsample", entering, stage.width, 1, leaving)
        entering, side = stage.width, leaving
