"""The processor that trains: chosen around a task, left again after it, and nothing stays there."""

import numpy as np
import pytest
import torch

from slimaffect.model.losses import LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.train import pool as module
from slimaffect.train.device import computing_on, device
from slimaffect.train.learner import bfloat16_pays
from slimaffect.train.loop import train
from slimaffect.train.pool import Pool
from slimaffect.train.settings import TrainSettings


def test_the_cpu_trains_unless_a_block_says_otherwise():
    """A block's processor is forgotten with the block, and so are cuDNN's settings, whatever happens inside."""
    before = torch.backends.cudnn.deterministic

    def fail():
        with computing_on("meta"):
            assert device().type == "meta"
            assert torch.backends.cudnn.deterministic
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert device().type == "cpu"
    assert torch.backends.cudnn.deterministic == before


def test_frames_that_stay_on_a_device_are_those_on_disk(clips, monkeypatch):
    """Copied behind each other and found by number, every frame is the one that the mapped file holds."""
    monkeypatch.setattr(module, "_resident", lambda frames, on: torch.from_numpy(np.concatenate(frames)).to(on))
    resident = Pool(clips)
    monkeypatch.undo()
    mapped = Pool(clips)
    last = len(mapped.frames) - 1
    windows = [(0, np.arange(3)), (last, np.arange(2, 5))]
    assert torch.equal(resident.pixels(windows), mapped.pixels(windows))
    single = [(last, len(mapped.frames[last]) - 1), (0, 0)]
    assert torch.equal(resident.pixels(single), mapped.pixels(single))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU on this machine")
def test_a_gpu_trains_to_equal_weights_twice(spec, clips):
    """Equal seeds give equal weights, in main memory, and close to those of the CPU."""
    settings, net, loss = TrainSettings(epochs=1), AffectNet(spec), LabelLoss()
    with computing_on("cuda"):
        assert bfloat16_pays(device()) == (torch.cuda.get_device_capability() >= (8, 0))
        first, second = (train(net, clips, loss, settings, 0) for _ in range(2))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert one.device.type == "cpu"
        assert torch.equal(one, other)
