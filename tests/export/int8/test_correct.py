"""Bias correction takes off what rounding the weights adds on average."""

import numpy as np
import pytest
import torch

from slimaffect.export.graph import graph
from slimaffect.export.int8.correct import corrected, round_channels, rounding_shift
from slimaffect.export.int8.layers import constant, layers


def test_shift_is_the_mean_error_of_a_matrix_product():
    """With the mean input known exactly, the corrected product is right on average, channel by channel."""
    random = np.random.default_rng(0)
    weight, inputs = random.normal(size=(5, 7)), random.exponential(size=(1000, 7))
    error = (inputs @ round_channels(weight).T - inputs @ weight.T).mean(0)
    np.testing.assert_allclose(rounding_shift(weight, inputs.mean(0)), error, atol=1e-12)


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_groups_read_their_own_channels(groups):
    """Also of a depthwise convolution, the answer to a constant picture shifts by what is said."""
    random = np.random.default_rng(1)
    weight, mean = random.normal(size=(6, 6 // groups, 3, 3)), random.uniform(size=6)
    picture = torch.from_numpy(np.broadcast_to(mean[None, :, None, None], (1, 6, 3, 3)).copy())
    answers = [
        torch.nn.functional.conv2d(picture, torch.from_numpy(w), groups=groups).flatten().numpy()
        for w in (round_channels(weight), weight)
    ]
    np.testing.assert_allclose(rounding_shift(weight, mean), answers[0] - answers[1], atol=1e-12)


def test_only_biases_change(candidate_of):
    """The weights stay, and the given graph too."""
    model = graph(candidate_of("plain").model)
    before = model.SerializeToString()
    means = {x.node.input[0]: np.ones(constant(model, x.weight).shape[1]) for x in layers(model).values()}
    moved = corrected(model, means)
    assert model.SerializeToString() == before
    for layer in layers(model).values():
        assert np.array_equal(constant(moved, layer.weight), constant(model, layer.weight))
        assert not np.array_equal(constant(moved, layer.bias), constant(model, layer.bias))
