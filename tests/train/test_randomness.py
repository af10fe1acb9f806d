"""Randomness is an argument."""

import torch

from slimaffect.train.randomness import torch_generator, torch_seed


def test_steps_have_their_own_seeds() -> None:
    """Seed, stage and step together decide; any of them changes the draw."""
    seeds = {torch_seed(seed, what, step) for seed in range(5) for what in ("frames", "views") for step in range(50)}
    assert len(seeds) == 500


def test_equal_arguments_draw_equal_numbers() -> None:
    """So a resumed training goes on as the interrupted one would have."""
    draws = [torch.rand(3, generator=torch_generator(3, "views", 8)) for _ in range(2)]
    assert torch.equal(*draws)
