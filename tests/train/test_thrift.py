"""Leaving easy frames out by chance: nothing is biased, and an interrupted epoch decides alike."""

import numpy as np
import pytest
import torch

from slimaffect.model.losses import Batch, concordance, disagreement
from slimaffect.model.net import Answer
from slimaffect.train.thrift import CELL, Thrift

PLACES = np.stack([np.repeat([0, 1, 3], 20 * CELL), np.tile(np.arange(20 * CELL), 3)], axis=1)


def thrift(epochs: int = 8, epoch: int = 10, spared: float = 0.5, seed: int = 0) -> Thrift:
    return Thrift(PLACES, spared=spared, steps=epochs * epoch, epoch=epoch, seed=seed, stage="frames")


def judged(one: Thrift) -> Thrift:
    """Half of the cells were easy."""
    one.error[:] = torch.arange(len(one.error)).float()
    return one


def batch_of(affect: torch.Tensor, valid: torch.Tensor | None = None) -> Batch:
    return Batch(affect, torch.ones(affect.shape[:2], dtype=torch.bool) if valid is None else valid)


def test_nothing_is_left_out_before_it_is_known_and_at_the_end():
    """The first epoch judges; the last eighth sees everything (annealing)."""
    assert len(thrift().at(0)) == len(PLACES)
    one = judged(thrift())
    assert [len(one.at(10 * epoch)) < len(PLACES) for epoch in range(8)] == [True] * 7 + [False]


def test_every_sum_keeps_its_expectation():
    """Over many epochs each easy cell is kept half of the time and counts twice; hard ones are always there."""
    value = np.random.default_rng(0).normal(size=len(PLACES))
    sums = []
    for seed in range(100):
        one = judged(thrift(seed=seed))
        kept = one.at(10)
        weight = one._weights[one.cells[np.searchsorted(one._keys, kept[:, 0] * 2**40 + kept[:, 1])]]
        at = np.searchsorted(one._keys, kept[:, 0] * 2**40 + kept[:, 1])
        sums.append([weight.sum(), (weight * value[at]).sum(), (weight * value[at] ** 2).sum()])
    means, error = np.mean(sums, 0), np.std(sums, 0) / 10
    assert means == pytest.approx([len(PLACES), value.sum(), np.square(value).sum()], abs=float(4 * error.max()))


def test_whole_cells_are_left_out():
    """A cell is neighbours in time of one stretch."""
    one = judged(thrift())
    kept = one.at(20)
    counts = np.unique(kept[:, 0] * 1000 + kept[:, 1] // CELL, return_counts=True)[1]
    assert set(counts) == {CELL}
    assert len(np.unique(one.cells)) == 60


def test_as_many_steps_fewer():
    """The epoch keeps its place in the schedule and skips steps evenly."""
    one = judged(thrift(epoch=100))
    taken = [step for step in range(100, 200) if not one.skips(step)]
    assert len(taken) == pytest.approx(100 * len(one.at(100)) / len(PLACES), abs=1)
    assert max(np.diff(taken)) <= 2
    assert not one.skips(100)


def test_it_learns_what_is_easy():
    """The mean squared error of a cell when it was last drawn; frames without a label say nothing."""
    one = thrift()
    drawn = PLACES[[0, 1, 20 * CELL, 40 * CELL]]
    affect = torch.tensor([0.0, 0.2, 0.4, 0.9])[:, None, None].expand(4, 1, 2)
    valid = torch.tensor([True, True, True, False])[:, None]
    made = one.weigh(drawn, batch_of(affect, valid))
    assert torch.equal(made.weight, torch.ones(4, 1))
    one.learn(Answer(torch.zeros(4, 1, 2), torch.zeros(4, 1, 3), None))
    known = torch.isfinite(one.error)
    assert int(known.sum()) == 2
    assert one.error[known].tolist() == pytest.approx([0.02, 0.16])


def test_what_it_has_seen_lies_in_a_checkpoint():
    """After an interruption the same places are left out."""
    one, again = judged(thrift()), thrift()
    one.at(30)
    again.load_state_dict(one.state_dict())
    assert np.array_equal(one.at(30), again.at(30))


def test_an_interrupted_epoch_goes_on_as_it_began():
    """Errors that are seen meanwhile decide the next epoch and not this one."""
    one = judged(thrift())
    begun = one.at(30)
    one.error[:] = torch.rand(len(one.error), generator=torch.Generator().manual_seed(0))
    again = thrift()
    again.load_state_dict(one.state_dict())
    assert np.array_equal(again.at(35), begun)
    assert not np.array_equal(again.at(40), begun)


def test_weights_are_repetitions():
    """A frame of weight two counts as two frames, in concordance and in the loss."""
    x, y = torch.randn(2, 6, 2, generator=torch.Generator().manual_seed(0)).unbind()
    x, y = x[:, None], y[:, None]
    weight = torch.tensor([1.0, 2.0, 1.0, 1.0, 3.0, 1.0])[:, None]
    at = torch.tensor([0, 1, 1, 2, 3, 4, 4, 4, 5])
    every = torch.ones(9, 1, dtype=torch.bool)
    assert torch.allclose(concordance(x, y, every[:6], weight), concordance(x[at], y[at], every))
    weighted, repeated = disagreement(x, y, every[:6], 0.3, weight), disagreement(x[at], y[at], every, 0.3)
    assert torch.allclose(weighted, repeated)
