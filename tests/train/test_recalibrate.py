"""Batch norm's statistics, measured again."""

import torch

from slimaffect.data.clips import Clips
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import ModelSpec
from slimaffect.train.augment import alter, plain_view
from slimaffect.train.pool import Pool
from slimaffect.train.randomness import numpy_generator
from slimaffect.train.recalibrate import recalibrate


def test_the_statistics_are_those_of_what_passes_through(clips: Clips, spec: ModelSpec) -> None:
    """The first layer's mean over all batches, whatever was stored before; the weights stay."""
    torch.manual_seed(0)
    net = AffectNet(spec)
    net.cnn.blocks[0].bn.running_mean.fill_(7.0)
    after = recalibrate(net, clips, seed=3, batches=3, batch=32)
    pool, seen = Pool(clips), []
    for number in range(3):
        frames = pool.single(32, numpy_generator(3, "recalibrate", number)).frames
        seen.append(net.cnn.blocks[0].conv(alter(frames, plain_view(32), moved=False)[:, 0]).mean((0, 2, 3)))
    torch.testing.assert_close(after.cnn.blocks[0].bn.running_mean, torch.stack(seen).mean(0))
    weights = dict(after.named_parameters())
    assert all(torch.equal(weight, weights[name]) for name, weight in net.named_parameters())


def test_a_wrong_scale_before_a_batch_norm_is_undone(clips: Clips, spec: ModelSpec) -> None:
    """Kernels ten times as large answer as before, once the statistics are theirs; without that they do not."""
    torch.manual_seed(0)
    net, larger = AffectNet(spec), AffectNet(spec)
    larger.load_state_dict(net.state_dict())
    with torch.no_grad():
        larger.cnn.blocks[0].conv.weight *= 10
    frames = torch.from_numpy(clips.recordings[0].frames[None, :4].copy()).float() / 255
    truth = recalibrate(net, clips, seed=0)(frames).affect
    torch.testing.assert_close(recalibrate(larger, clips, seed=0)(frames).affect, truth, atol=1e-3, rtol=0)
    assert (larger.eval()(frames).affect - truth).abs().max() > 1e-2


def test_the_given_model_and_the_momentum_stay(clips: Clips, spec: ModelSpec) -> None:
    """A copy comes back, in eval mode, whose batch norms learn as before."""
    net = AffectNet(spec).train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    after = recalibrate(net, clips, seed=0, batches=1)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert net.training
    assert not after.training
    assert after.cnn.blocks[0].bn.momentum == 0.1
