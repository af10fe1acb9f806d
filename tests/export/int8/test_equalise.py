"""Equalising changes no answer, and brings neighbours to the same range."""

import numpy as np
import onnx
import pytest

from slimaffect.export.graph import graph
from slimaffect.export.int8.equalise import equalised, pairs
from slimaffect.export.int8.layers import constant, layers
from slimaffect.runtime.session import open_model


def answers(model, folder, name):
    onnx.save(model, folder / name)
    frames = np.random.default_rng(0).integers(0, 256, (2, 6, 3, 24, 24), dtype=np.uint8)
    return open_model(folder / name, runtime="onnxruntime").clip(frames)[0]


@pytest.mark.parametrize("name", ["plain", "bottleneck, 7x7 stem, ImageNet", "depthwise"])
def test_answers_stay(name, candidate_of, tmp_path):
    """Through ReLU, max pool, mean, flattening and depthwise filters, the float32 graph answers as before."""
    model = graph(candidate_of(name).model)
    assert list(pairs(model))
    moved = equalised(model)
    assert moved != model
    np.testing.assert_allclose(answers(moved, tmp_path, "b"), answers(model, tmp_path, "a"), atol=1e-5)


def test_a_pair_ends_with_equal_ranges(candidate_of):
    """Each channel is made as large as it is read: sqrt(r1 r2) on both sides."""
    model = equalised(graph(candidate_of("plain").model))
    first, second = (layers(model)[f"cnn.blocks.{n}.conv"] for n in range(2))
    made = np.abs(constant(model, first.weight)).reshape(8, -1).max(1)
    read = np.abs(constant(model, second.weight)).max((0, 2, 3))
    np.testing.assert_allclose(made, read, rtol=1e-2)


def test_a_residual_stream_is_left_alone(candidate_of):
    """What two layers read, or an addition, has no pair."""
    model = graph(candidate_of("residual, 2 layers").model)
    assert [(a.weight, b.weight) for a, b in pairs(model)] == []
