"""What torch trains is what the file computes: their features are the same levels."""

import numpy as np
import onnx
import pytest
import torch

from slimaffect.errors import ExportError
from slimaffect.export.graph import graph
from slimaffect.export.int8 import calibrated
from slimaffect.export.int8.trainable import FollowedFile, channel_units, settled, trainable
from slimaffect.runtime.session import open_model
from slimaffect.train.candidate import Precision

INT8 = Precision(to="int8", calibration_clips=12)
NETS = ["per-frame", "residual, 2 layers", "bottleneck, 7x7 stem, ImageNet", "depthwise"]
SIZES = (-5, -2, -1, 1, 2, 5)  # as powers of two
FRAMES = np.random.default_rng(0).integers(0, 256, (40, 3, 24, 24), dtype=np.uint8)


def in_torch(net):
    with torch.no_grad():
        return net.eval().encode(torch.from_numpy(FRAMES).float() / 255).numpy()


def in_the_file(model, features, folder):
    """Run the file as it is deployed, up to its rounded features."""
    model.graph.output.append(onnx.helper.make_tensor_value_info(features, onnx.TensorProto.FLOAT, None))
    onnx.save(model, folder / "file.onnx")
    session = open_model(folder / "file.onnx", runtime="onnxruntime")
    states = dict(zip("hc", session.zero_state(4) or (), strict=False))
    return session.infer({"frames": FRAMES.reshape(4, 10, 3, 24, 24), **states})[-1].reshape(40, -1)


@pytest.mark.parametrize("name", NETS)
def test_torch_and_file_are_within_one_level(name, candidate_of, tmp_path):
    """After training: other weights and ranges than the calibrated, brought back to the model and exported anew."""
    candidate = candidate_of(name)
    candidate.model.eval()
    found = calibrated(graph(candidate.model), candidate.clips, INT8, seed=0)
    net = trainable(candidate.model, found.model, found.as_trained())
    with torch.no_grad():
        for number, parameter in enumerate(p for p in net.cnn.parameters() if p.requires_grad):
            parameter.add_(0.03 * torch.randn(parameter.shape, generator=torch.manual_seed(number)))
    back, learned = settled(candidate.model, net)
    precision = INT8.model_copy(update={"learned": learned})
    file = calibrated(graph(back), candidate.clips, precision, seed=0).for_cpus()
    apart = np.abs(in_torch(net) - in_the_file(file, net.cnn.features, tmp_path))
    level = list(learned.values())[-1][1] / 255
    assert apart.max() <= 1.01 * level
    assert np.mean(apart > 0.5 * level) < 0.01  # a tie may fall to the other side


def test_a_kept_layer_stays_float32(candidate_of, tmp_path):
    """Its weights are not rounded in torch either, and the two still agree."""
    candidate = candidate_of("plain")
    found = calibrated(graph(candidate.model), candidate.clips, INT8, seed=0)
    kept = ("cnn.blocks.1.conv",)
    net = trainable(candidate.model, found.model, found.as_trained(kept))
    assert [name for name, layer in net.cnn.layers() if layer.reads is None] == list(kept)
    apart = np.abs(in_torch(net) - in_the_file(found.for_cpus(kept), net.cnn.features, tmp_path))
    assert apart.max() <= 1.01 * list(net.cnn.learned().values())[-1][1] / 255


def test_an_unknown_operator_is_refused(candidate_of):
    """With its name and the way out."""
    candidate = candidate_of("plain")
    found = calibrated(graph(candidate.model), candidate.clips, INT8, seed=0)
    file = found.as_trained()
    strange = next(node for node in file.graph.node if node.op_type == "Conv")
    strange.op_type, strange.name = "ConvTranspose", "strange"
    with pytest.raises(ExportError, match="does not know the operator ConvTranspose of node strange"):
        FollowedFile(found.model, file)


def test_channels_of_any_size_are_learned_alike():
    """Multiplied where they are made and divided where they are read, by powers of two, channels leave the same units."""
    weight, random = torch.randn(6, 4, 3, 3, generator=torch.manual_seed(0)), np.random.default_rng(0)
    made, read = (torch.tensor(2.0 ** random.permutation(exponents)).float() for exponents in (SIZES, SIZES[1:-1]))
    other = weight * made.view(-1, 1, 1, 1) / read.view(1, -1, 1, 1)
    (rows, unit), (other_rows, other_unit) = channel_units(weight), channel_units(other)
    assert torch.equal(weight / unit, other / other_unit)
    assert torch.equal(rows * made, other_rows)
