"""What is known of a clip's pictures."""

from dataclasses import replace

import numpy as np
import torch

from slimaffect.data.clips import Clips
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn
from slimaffect.select.features import _over_time, _thumbnails, model_features, pixel_features
from slimaffect.train.journal import Journal, keeping


def test_a_thumbnail_is_the_mean_of_its_cells() -> None:
    """Of 18 pixels the first 16 count: cells of 4x4."""
    frames = np.random.default_rng(0).integers(0, 256, (2, 3, 18, 18), dtype=np.uint8)
    seen = _thumbnails(frames).reshape(2, 3, 4, 4)
    assert seen[1, 2, 3, 0] == frames[1, 2, 12:16, 0:4].mean()


def test_columns_are_in_standard_units(clips: Clips) -> None:
    """Mean 0 and spread 1; a constant one is 0 and no division by nothing."""
    found = pixel_features(clips)
    assert found.shape == (len(clips), 96)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(found.std(0), 1, atol=1e-4)
    black = replace(clips, recordings=tuple(replace(r, frames=np.zeros_like(r.frames)) for r in clips.recordings))
    assert not pixel_features(black).any()


def test_five_frames_spread_over_the_clip_are_looked_at(clips: Clips) -> None:
    """Of ten frames the second, fourth, ...: mean and spread over them."""
    seen = _over_time(clips.pick([4]), lambda frames: frames[:, 0, 0, :1].astype(np.float32))
    number, start = clips.windows[4]
    values = clips.recordings[number].frames[start + 1 : start + 10 : 2, 0, 0, 0].astype(float)
    np.testing.assert_allclose(seen[0], [values.mean(), values.std()], rtol=1e-5)


def test_the_models_frames_are_billed_and_the_model_stays(clips: Clips) -> None:
    """Five frames a clip count as examples; weights, statistics and mode are as before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = AffectNet(ModelSpec(pixels=18, cnn=PlainCnn(widths=(4, 4)), features=6, lstm=Lstm(hidden=4))).train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with keeping(Journal()) as journal:
        found = model_features(clips, net)
    assert found.shape == (len(clips), 12)
    assert journal.examples == 5 * len(clips)
    assert net.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    np.testing.assert_array_equal(found, model_features(clips, net))
