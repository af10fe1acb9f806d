"""Keep a model as safetensors and its spec; load weights that others trained. Never a pickled module."""

import json
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from slimaffect.errors import ModelError
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import ModelSpec

WEIGHTS, SPEC = "weights.safetensors", "spec.json"
# What a published classifier has and a model here has not, and a count that no inference reads.
SURPLUS = ("fc.", "classifier.")
UNREAD = "num_batches_tracked"


def save(net: AffectNet, folder: Path) -> None:
    """Write the weights and the spec; a file is replaced whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().contiguous() for name, tensor in net.state_dict().items()}
    save_file(tensors, folder / f"{WEIGHTS}.part")
    (folder / f"{SPEC}.part").write_text(net.spec.model_dump_json(indent=2) + "\n", encoding="utf-8")
    for name in (WEIGHTS, SPEC):
        (folder / f"{name}.part").replace(folder / name)


def load(folder: Path) -> AffectNet:
    """Rebuild a saved model, in eval mode.

    Raises:
        ModelError: a file is missing or unreadable, or the weights do not fit the spec.
    """
    net = AffectNet(read_spec(folder / SPEC))
    fit(net, read_weights(folder / WEIGHTS), folder / WEIGHTS)
    return net.eval()


def read_spec(path: Path) -> ModelSpec:
    """Read a spec from its JSON file.

    Raises:
        ModelError: the file is missing or no spec.
    """
    try:
        return ModelSpec.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise ModelError(f"{path} is no model spec: {error}. Save the model again, or give another folder.") from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read named tensors from safetensors, or from a torch file without running any code in it.

    Raises:
        ModelError: the file is missing, damaged, or holds anything but named tensors.
    """
    if not path.is_file():
        raise ModelError(f"{path}: there is no such weights file. Give the path of a .safetensors or .pth file.")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds here, among them for pickled code
        raise ModelError(
            f"{path} is no plain state dict ({type(error).__name__}); files that hold code are refused. "
            "Save it again with torch.save(model.state_dict(), path) or as safetensors."
        ) from error
    found = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not all(isinstance(tensor, Tensor) for tensor in found.values()):
        raise ModelError(f"{path} holds no state dict of named tensors. Save model.state_dict() alone.")
    return {name.removeprefix("module."): tensor for name, tensor in found.items()}


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, json.JSONDecodeError, OSError) as error:
        raise ModelError(f"{path} is damaged: {error}. Fetch or save it again.") from error


def fit(module: torch.nn.Module, tensors: dict[str, Tensor], source: Path) -> None:
    """Copy named tensors into a module, all of them or none.

    Raises:
        ModelError: names are missing or unexpected, or shapes differ; all are listed.
    """
    wanted = module.state_dict()
    faults = {
        "missing": [name for name in wanted if name not in tensors and not name.endswith(UNREAD)],
        "unexpected": [name for name in tensors if name not in wanted],
        "of another shape": [
            f"{name} is {tuple(tensors[name].shape)}, wanted {tuple(tensor.shape)}"
            for name, tensor in wanted.items()
            if name in tensors and tensors[name].shape != tensor.shape
        ],
    }
    said = ". ".join(f"{what}: {_some(names)}" for what, names in faults.items() if names)
    if said:
        raise ModelError(f"{source} does not fit the model. {said}. Give the spec that it was saved with.")
    module.load_state_dict(tensors, strict=False)


def _some(names: list[str], shown: int = 4) -> str:
    """Show a few names and count the rest."""
    rest = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + rest


def load_cnn(net: AffectNet, path: Path) -> None:
    """Load a published CNN (torchvision's names) into the model's CNN; its classifier is left out.

    Raises:
        ModelError: the file cannot be read, or names or shapes do not fit.
    """
    tensors = {name: tensor for name, tensor in read_weights(path).items() if not name.startswith(SURPLUS)}
    fit(net.cnn, tensors, path)
