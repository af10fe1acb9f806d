"""The time of a candidate's clip, measured on its exported file."""

import numpy as np
import torch

from slimaffect.data.clips import Recording, cut
from slimaffect.measure.clip_ms import clip_ms
from slimaffect.model.losses import LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn
from slimaffect.train.candidate import Candidate, Precision


def of_widths(*widths: int) -> Candidate:
    recording = Recording(
        "S", "a", "r", np.zeros((4, 3, 64, 64), np.uint8), np.zeros((4, 2)), np.ones(4, bool), np.arange(4.0), "d"
    )
    torch.manual_seed(0)
    net = AffectNet(ModelSpec(pixels=64, cnn=PlainCnn(widths=widths), features=8, lstm=Lstm(hidden=8)))
    return Candidate(net, cut([recording], length=4, stride=4, rate=10), LabelLoss(), Precision(), 0)


def test_a_model_with_ten_times_the_work_takes_longer() -> None:
    """Milliseconds, not seconds: 16 frames of some 20 million multiply-accumulates take more than 0.3 ms anywhere."""
    large, small = clip_ms(of_widths(64, 128), budget_s=0.3), clip_ms(of_widths(16, 16), budget_s=0.3)
    assert 0.3 < large < 1000
    assert small < large / 2
