"""A teacher in a file: what it was declared to read and tell, and a clear word where it does otherwise."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from pydantic import ValidationError
from torch import nn

from slimaffect.errors import ModelError
from slimaffect.model.onnx_teacher import OnnxFile, PictureTeacher, open_teacher

OUTPUTS = {"valence": ("va", 1), "arousal": ("va", 0), "features": "seen"}
MEAN, SCALE = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)


class Foreign(nn.Module):
    """Somebody's per-frame model: arousal before valence, on a scale from 1 to 9."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.last = nn.Conv2d(3, 5, 3, stride=2), nn.Linear(5, 2)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen = self.body(pictures).mean((2, 3))
        return 5 + 4 * torch.tanh(self.last(seen)), seen


def write(net: Foreign, path: Path, batch: int | str) -> Path:
    """Write the model node by node, as another tool would, for pictures of 24 pixels."""
    kept = {name: weight.numpy() for name, weight in net.state_dict().items()} | {
        "four": np.float32(4), "five": np.float32(5)
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["pictures", "body.weight", "body.bias"], ["maps"], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["maps"], ["means"]),
        helper.make_node("Flatten", ["means"], ["seen"]),
        helper.make_node("Gemm", ["seen", "last.weight", "last.bias"], ["raw"], transB=1),
        helper.make_node("Tanh", ["raw"], ["bent"]),
        helper.make_node("Mul", ["bent", "four"], ["wide"]),
        helper.make_node("Add", ["wide", "five"], ["va"]),
    ]
    float32 = TensorProto.FLOAT
    reads = [helper.make_tensor_value_info("pictures", float32, [batch, 3, 24, 24])]
    tells = [helper.make_tensor_value_info(name, float32, [batch, size]) for name, size in (("va", 2), ("seen", 5))]
    weights = [numpy_helper.from_array(np.asarray(weight), name) for name, weight in kept.items()]
    graph = helper.make_graph(nodes, "foreign", reads, tells, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Foreign]:
    """The model and its file, which reads as many pictures at once as one likes."""
    torch.manual_seed(0)
    net = Foreign().eval()
    return write(net, tmp_path_factory.mktemp("foreign") / "foreign.onnx", "n"), net


def declared(path: Path, **more: object) -> OnnxFile:
    """Declare the foreign file as it is."""
    told = {"pixels": 24, "mean": MEAN, "scale": SCALE, "affect_range": (1, 9), "outputs": OUTPUTS}
    return OnnxFile.model_validate({"path": str(path)} | told | more)


def test_it_answers_as_its_file_does(foreign: tuple[Path, Foreign]) -> None:
    """Pictures scaled and normalised, columns in their order, affect brought to [-1, 1], features as they are."""
    path, net = foreign
    teacher, frames = open_teacher(declared(path)), torch.rand(2, 3, 3, 16, 16)
    said = teacher.answer(frames)
    large = nn.functional.interpolate(frames.flatten(0, 1), size=(24, 24), mode="bilinear", antialias=True)
    mean, scale = (torch.tensor(planes).view(3, 1, 1) for planes in (MEAN, SCALE))
    with torch.no_grad():
        raw, seen = net((large - mean) / scale)
    torch.testing.assert_close(said.affect.flatten(0, 1), ((raw - 5) / 4).flip(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(said.features.flatten(0, 1), seen, atol=1e-5, rtol=0)
    assert (teacher.features, teacher.hidden, teacher.remembers) == (5, 0, False)


def test_it_is_known_by_its_files_content(foreign: tuple[Path, Foreign], tmp_path: Path) -> None:
    """The hash stands among the settings, so a task's key changes with the file; the file may not change later."""
    path, _ = foreign
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(path.read_bytes())
    file = declared(copy)
    assert file.sha256 == declared(path).sha256
    copy.write_bytes(copy.read_bytes() + b"\0")
    assert declared(copy).sha256 != file.sha256
    with pytest.raises(ModelError, match=r"has sha256 \w{12}\.\.\., the recipe declares \w{12}\.\.\. Restore the file"):
        open_teacher(file)


def test_a_copy_of_the_loss_keeps_its_teacher(foreign: tuple[Path, Foreign]) -> None:
    """Training copies losses; a session cannot be copied, and need not be."""
    teacher = open_teacher(declared(foreign[0]))
    assert deepcopy(nn.ModuleList([teacher]))[0] is teacher


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"pixels": 32}, r"reads pictures tensor\(float\) .*; a teacher reads float32 pictures \[n, 3, 32, 32\]"),
        ({"outputs": {"valence": ("v", 0)}}, "has no output v; it has va, seen. Name them in outputs"),
        ({"outputs": OUTPUTS | {"arousal": ("va", 2)}}, "output va of .* has 2 columns; there is no column 2"),
    ],
)
def test_a_file_that_does_otherwise_is_refused(foreign: tuple[Path, Foreign], more: dict, message: str) -> None:
    """With what it does, before anything is trained."""
    with pytest.raises(ModelError, match=message):
        open_teacher(declared(foreign[0], **more))


def test_what_is_no_onnx_file_is_refused(tmp_path: Path) -> None:
    """A missing file while the recipe is read, another kind of file when it is opened."""
    with pytest.raises(ValidationError, match="No such file or directory; give the path of a file"):
        declared(tmp_path / "nowhere.onnx")
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(ModelError, match="is no ONNX file that ONNX Runtime reads"):
        open_teacher(declared(tmp_path / "notes.txt"))


def test_one_picture_at_a_time_is_enough(foreign: tuple[Path, Foreign], tmp_path: Path) -> None:
    """Files exported for a single picture are asked one by one."""
    path, net = foreign
    single = write(net, tmp_path / "single.onnx", 1)
    frames, many = torch.rand(2, 2, 3, 24, 24), open_teacher(declared(path))
    one = open_teacher(declared(single))
    assert isinstance(one, PictureTeacher)
    torch.testing.assert_close(one.answer(frames).affect, many.answer(frames).affect, atol=1e-6, rtol=0)
