"""The net as an ONNX graph: uint8 planes in, affect out, batch and time free, one LSTM node per layer."""

import contextlib
import copy
import logging
import warnings
from collections.abc import Iterator

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from slimaffect.model.net import AffectNet, State

GATE_ORDER = (0, 3, 1, 2)  # torch stacks input, forget, cell, output; ONNX stacks input, output, forget, cell
OPSET, IR = 20, 10  # pinned, so that a newer exporter writes what older runtimes read; a newer one needs its parity run
BATCH, TIME = 2, 5  # sizes to trace with: torch.export takes a size of 1 for a constant


class OnnxLstm(nn.Module):
    """Stands in for nn.LSTM while exporting.

    torch.onnx unrolls nn.LSTM to the traced number of frames without a word (torch 2.13), so each layer names the
    ONNX operator itself (https://onnx.ai/onnx/operators/onnx__LSTM.html).
    """

    def __init__(self, lstm: nn.LSTM) -> None:
        """Copy the weights in ONNX's gate order."""
        super().__init__()
        self.layers, self.hidden = lstm.num_layers, lstm.hidden_size
        for layer in range(self.layers):
            w, r, *biases = (_reordered(p) for p in lstm.all_weights[layer])
            self.register_buffer(f"w{layer}", w[None])
            self.register_buffer(f"r{layer}", r[None])
            self.register_buffer(f"b{layer}", torch.cat(biases)[None])

    def forward(
        self, features: Float[Tensor, "batch time features"], state: State
    ) -> tuple[Float[Tensor, "batch time hidden"], State]:
        """Read the features as nn.LSTM does with `batch_first=True`."""
        sequence, h, c = features.transpose(0, 1), [], []
        for layer in range(self.layers):
            sequence, h_out, c_out = self._layer(layer, sequence, state)
            h.append(h_out)
            c.append(c_out)
        return sequence.transpose(0, 1), (torch.cat(h), torch.cat(c))

    def _layer(self, layer: int, sequence: Tensor, state: State) -> tuple[Tensor, Tensor, Tensor]:
        time, batch, _ = sequence.shape
        weights = (self.get_buffer(f"{name}{layer}") for name in "wrb")
        h, c = (part[layer : layer + 1] for part in state)
        y, h_out, c_out = torch.onnx.ops.symbolic_multi_out(
            "LSTM",
            (sequence, *weights, None, h, c),
            attrs={"hidden_size": self.hidden, "direction": "forward"},
            dtypes=(sequence.dtype,) * 3,
            shapes=((time, 1, batch, self.hidden), (1, batch, self.hidden), (1, batch, self.hidden)),
            version=14,
        )
        return y.squeeze(1), h_out, c_out


class Deployed(nn.Module):
    """The net as a deployment reads it: uint8 planes and, where there is an LSTM, its state."""

    def __init__(self, net: AffectNet, *, half: bool) -> None:
        """Take a copy of the net; with `half` the CNN and bottleneck compute in float16.

        LSTM and head stay in float32: their weights are few, and errors of the cell state add up over time.
        """
        super().__init__()
        self.encoder, self.reader = copy.deepcopy(net).eval(), copy.deepcopy(net).eval()
        self.number = torch.float16 if half else torch.float32
        self.encoder.to(self.number)
        if self.reader.lstm is not None:
            self.reader.lstm = OnnxLstm(self.reader.lstm)  # pyright: ignore[reportAttributeAccessIssue]

    def forward(self, frames: UInt8[Tensor, "batch time 3 height width"], *state: Tensor) -> tuple[Tensor, ...]:
        """Answer affect, then h_out and c_out if there is a state."""
        pixels = frames.to(self.number).flatten(0, 1) / 255  # cast first: TensorRT can do nothing else with uint8
        features = self.encoder.encode(pixels).float().unflatten(0, (frames.shape[0], frames.shape[1]))
        answer = self.reader.read(features, (state[0], state[1]) if state else None)
        return (answer.affect, *answer.state) if state and answer.state else (answer.affect,)


def graph(net: AffectNet, *, half: bool = False) -> onnx.ModelProto:
    """Trace the net into an ONNX model; batch norm is folded into the convolutions.

    The same weights give the same bytes: what torch adds about its own source lines is left out.
    """
    names = ["frames", "h", "c"] if net.spec.lstm.layers else ["frames"]
    outputs = ["affect", "h_out", "c_out"] if net.spec.lstm.layers else ["affect"]
    side, batch, time = net.spec.pixels, torch.export.Dim("batch"), torch.export.Dim("time")
    frames = torch.zeros((BATCH, TIME, 3, side, side), dtype=torch.uint8)
    state = net.empty_state(BATCH) if net.spec.lstm.layers else ()
    with torch.no_grad(), quiet():
        program = torch.onnx.export(
            Deployed(net, half=half),
            (frames, *state),
            dynamo=True,
            opset_version=OPSET,
            input_names=names,
            output_names=outputs,
            dynamic_shapes=({0: batch, 1: time}, *([({1: batch},) * 2] if state else [])),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model = _without_notes(program.model_proto)
    model.ir_version = IR
    return model if half else _scaling_folded(model)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the exporter's and quantiser's notes on their own internals from the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _reordered(parameter: Tensor) -> Tensor:
    gates = parameter.detach().chunk(4)
    return torch.cat([gates[gate] for gate in GATE_ORDER])


def _scaling_folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Divide the first convolution's weights by 255 in place of every pixel: a tenth of a tiny net's clip.

    Zero padding stays zero, so this is exact; a net that normalises its planes first keeps its division.
    In float16 it is left, because weights that small would lose digits.
    """
    divide = next(node for node in model.graph.node if node.op_type == "Div")
    users = [node for node in model.graph.node if divide.output[0] in node.input]
    if len(users) != 1 or users[0].op_type != "Conv":
        return model
    weights = next(tensor for tensor in model.graph.initializer if tensor.name == users[0].input[1])
    scaled = onnx.numpy_helper.to_array(weights) / np.float32(255)
    weights.CopyFrom(onnx.numpy_helper.from_array(scaled, weights.name))
    users[0].input[0] = divide.input[0]
    model.graph.node.remove(divide)
    return without_unused(model)


def without_unused(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop the constants that no node reads any more; ONNX Runtime warns about each."""
    read = {name for node in model.graph.node for name in node.input}
    for tensor in [tensor for tensor in model.graph.initializer if tensor.name not in read]:
        model.graph.initializer.remove(tensor)
    return model


def _without_notes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop stack traces and other notes of the exporter: they differ by machine, and name its folders."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("doc_string")
        del part.metadata_props[:]
    return model
