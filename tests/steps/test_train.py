"""`train`: a function from a candidate to a candidate."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from slimaffect.errors import ModelError
from slimaffect.model.net import AffectNet
from slimaffect.settings import NamedFile
from slimaffect.steps.train import Train, begun
from slimaffect.train.candidate import Candidate
from slimaffect.train.loop import train


def test_only_the_model_changes(candidate: Candidate, quick: dict) -> None:
    """Clips, loss, precision and seed are handed on; the given model keeps its weights."""
    before = {name: tensor.clone() for name, tensor in candidate.model.state_dict().items()}
    given = candidate.model
    trained = Train(**quick).apply(candidate)
    assert candidate.model is given
    assert all(torch.equal(tensor, before[name]) for name, tensor in given.state_dict().items())
    assert (trained.clips, trained.loss, trained.precision, trained.seed) == (
        candidate.clips,
        candidate.loss,
        candidate.precision,
        candidate.seed,
    )
    assert not torch.equal(trained.model.head.weight, given.head.weight)
    assert not trained.model.training


def test_it_is_the_training_loop_with_the_candidates_seed(candidate: Candidate, quick: dict) -> None:
    """There is one loop: the step adds nothing to it."""
    step = Train(**quick)
    loop = train(candidate.model, candidate.clips, candidate.loss, step, candidate.seed)
    assert torch.equal(step.apply(candidate).model.head.weight, loop.head.weight)


def test_a_setting_that_does_not_exist_is_refused() -> None:
    """A typo in a recipe is no silent default."""
    with pytest.raises(ValidationError, match="epoch\n"):
        Train.model_validate({"epoch": 3})


def test_the_cnn_starts_from_a_file(candidate: Candidate, quick: dict, tmp_path: Path) -> None:
    """Training goes on from published weights; another file under the same name is refused, both hashes in the message."""
    other = AffectNet(candidate.model.spec)
    file = tmp_path / "cnn.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in other.cnn.state_dict().items()}, file)
    step = Train.model_validate({"weights": str(file), **quick})
    started = begun(candidate.model, NamedFile.model_validate(str(file)))
    assert torch.equal(started.head.weight, candidate.model.head.weight)
    expected = train(started, candidate.clips, candidate.loss, step, candidate.seed)
    found = step.apply(candidate).model
    assert all(torch.equal(a, b) for a, b in zip(found.parameters(), expected.parameters(), strict=True))
    file.write_bytes(b"another")
    with pytest.raises(ModelError, match=r"cnn\.safetensors has sha256 \w{12}\.\.\., the recipe declares \w{12}"):
        step.apply(candidate)


def test_weights_that_are_not_there_are_refused_while_the_recipe_is_read() -> None:
    """An hour of training must not end in a missing file."""
    with pytest.raises(ValidationError, match=r"nowhere\.pth: No such file or directory; give the path"):
        Train.model_validate({"weights": "nowhere.pth"})
