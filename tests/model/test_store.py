"""Models are kept as tensors and a spec; foreign weights load by name or are refused with the names."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from slimaffect.errors import ModelError
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import ModelSpec
from slimaffect.model.store import load, load_cnn, save


def test_a_saved_model_answers_the_same(spec: ModelSpec, tmp_path: Path) -> None:
    """Spec and weights are all there is to a model."""
    net, frames = AffectNet(spec).eval(), torch.rand(1, 3, 3, spec.pixels, spec.pixels)
    save(net, tmp_path)
    again = load(tmp_path)
    assert again.spec == spec
    assert torch.equal(again(frames).affect, net(frames).affect)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["spec.json", "weights.safetensors"]


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_published_weights_load_by_torchvisions_names(specs: dict[str, ModelSpec], tmp_path: Path, suffix: str) -> None:
    """A classifier's CNN is taken and its last layer left."""
    published = {n: torch.randn_like(t) for n, t in AffectNet(specs["basic"]).cnn.state_dict().items() if t.ndim}
    published |= {"fc.weight": torch.zeros(1000, 12), "fc.bias": torch.zeros(1000)}
    path = tmp_path / f"resnet{suffix}"
    save_file(published, path) if suffix == ".safetensors" else torch.save(published, path)
    net = AffectNet(specs["basic"])
    load_cnn(net, path)
    assert torch.equal(net.cnn.state_dict()["layer2.0.downsample.0.weight"], published["layer2.0.downsample.0.weight"])


def test_weights_that_do_not_fit_are_refused_by_name(specs: dict[str, ModelSpec], tmp_path: Path) -> None:
    """Missing, unexpected and mis-shaped names are all listed, and nothing is copied."""
    net = AffectNet(specs["basic"])
    before = net.cnn.state_dict()["bn1.weight"].clone()
    weights = {n: t.clone() for n, t in net.cnn.state_dict().items() if t.ndim}
    del weights["conv1.weight"]
    weights |= {"bn1.weight": torch.zeros(8), "bn1.bias": torch.zeros(3), "extra": torch.zeros(1)}
    save_file(weights, tmp_path / "w.safetensors")
    wanted = r"missing: conv1.weight. unexpected: extra. of another shape: bn1.bias is \(3,\), wanted \(8,\)"
    with pytest.raises(ModelError, match=wanted):
        load_cnn(net, tmp_path / "w.safetensors")
    assert torch.equal(net.cnn.state_dict()["bn1.weight"], before)


class Evil:
    """A pickle that would run code."""

    def __reduce__(self) -> tuple:
        return (print, ("code ran",))


def test_files_that_hold_code_are_refused(
    specs: dict[str, ModelSpec], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Nothing in a weights file is ever run."""
    (tmp_path / "w.pth").write_bytes(pickle.dumps({"conv1.weight": Evil()}))
    with pytest.raises(ModelError, match="files that hold code are refused"):
        load_cnn(AffectNet(specs["basic"]), tmp_path / "w.pth")
    assert capsys.readouterr().out == ""


def test_missing_and_damaged_files_are_named(specs: dict[str, ModelSpec], tmp_path: Path) -> None:
    """Each failure says which file and what to do."""
    with pytest.raises(ModelError, match="there is no such weights file"):
        load_cnn(AffectNet(specs["basic"]), tmp_path / "none.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    with pytest.raises(ModelError, match="is damaged"):
        load_cnn(AffectNet(specs["basic"]), tmp_path / "cut.safetensors")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="holds no state dict"):
        load_cnn(AffectNet(specs["basic"]), tmp_path / "list.pth")


def test_a_spec_that_is_none_is_refused(specs: dict[str, ModelSpec], tmp_path: Path) -> None:
    """An altered spec file does not build another model."""
    save(AffectNet(specs["plain"]), tmp_path)
    spec = json.loads((tmp_path / "spec.json").read_text())
    (tmp_path / "spec.json").write_text(json.dumps(spec | {"features": -1}))
    with pytest.raises(ModelError, match="is no model spec"):
        load(tmp_path)


def test_weights_of_another_spec_are_refused(specs: dict[str, ModelSpec], tmp_path: Path) -> None:
    """A folder with mixed files does not load."""
    save(AffectNet(specs["plain"]), tmp_path)
    (tmp_path / "spec.json").write_text(specs["plain"].model_copy(update={"features": 9}).model_dump_json())
    with pytest.raises(ModelError, match=r"bottleneck.weight is \(6, 175\), wanted \(9, 175\)"):
        load(tmp_path)
