"""`train`: a function from a candidate to a candidate."""

import pytest
import torch
from pydantic import ValidationError

from slimaffect.steps.train import Train
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
