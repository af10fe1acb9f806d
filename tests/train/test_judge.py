"""What units and blocks are worth."""

import pytest
import torch

from slimaffect.data.clips import Clips
from slimaffect.model.losses import LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.prune.depth import removable, without
from slimaffect.model.prune.graph import groups
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn
from slimaffect.train.augment import alter, plain_view
from slimaffect.train.candidate import Candidate, Precision
from slimaffect.train.gradients import UNSCORED, WINDOW
from slimaffect.train.judge import unit_scores, without_least_block
from slimaffect.train.pool import Pool
from slimaffect.train.randomness import numpy_generator

SPEC = ModelSpec(pixels=16, cnn=PlainCnn(widths=(6, 6, 6), residual=True), features=6, lstm=Lstm(hidden=6))


@pytest.fixture
def judged(clips: Clips) -> Candidate:
    torch.manual_seed(0)
    net = AffectNet(SPEC).eval()
    torch.nn.init.normal_(net.head.weight)
    return Candidate(net, clips, LabelLoss(), Precision(), 0)


def test_fisher_is_the_mean_squared_slope_of_the_answers(judged: Candidate) -> None:
    """Random signs agree with every single frame's slope, worked out frame by frame: ranks alike, and the size."""
    net, pool = judged.model, Pool(judged.clips)
    windows = pool.cut(pool.draw(pool.starts(WINDOW, UNSCORED), 4, numpy_generator(1, "test")), WINDOW, UNSCORED)
    answers = net(alter(windows.frames, plain_view(4), moved=False)).affect[windows.valid]
    bias = net.bottleneck  # scaling a feature's readers: here the LSTM's columns
    slopes = []
    for answer in answers.flatten():
        gradient = torch.autograd.grad(answer, net.lstm.weight_ih_l0, retain_graph=True)[0]
        slopes.append((gradient * net.lstm.weight_ih_l0).sum(0).detach().square())
    exact = torch.stack(slopes).sum(0) / len(answers)
    found = [group for group in groups(net) if group.name == "bottleneck"]
    scores = unit_scores(judged, found, "fisher")["bottleneck"].float()
    assert bias.out_features == len(scores)
    alive = exact > 1e-6 * exact.max()
    assert torch.equal(scores > 1e-6 * scores.max(), alive)
    ratios = (scores / exact)[alive]
    assert ratios.min() > 0.4
    assert ratios.max() < 2.5  # 64 draws, other windows


@pytest.mark.parametrize("importance", ["fisher", "affect", "taylor"])
def test_a_silent_unit_is_worth_nothing(judged: Candidate, importance: str) -> None:
    """Whatever looks at data knows it; and the same seed gives the same scores."""
    with torch.no_grad():
        judged.model.bottleneck.weight[3] = 0
        judged.model.bottleneck.bias[3] = 0
    found = groups(judged.model)
    one, again = (unit_scores(judged, found, importance) for _ in range(2))
    assert one["bottleneck"][3] == 0
    assert all(torch.equal(one[name], again[name]) for name in one)


def test_the_block_that_adds_least_goes(judged: Candidate) -> None:
    """Of three the one whose last norm is small; where none may go, there is none."""
    with torch.no_grad():
        judged.model.cnn.blocks[1].refine.bn.weight.mul_(0.01)
    found = without_least_block(judged)
    assert found is not None
    assert found[0].spec.cnn.residual == (True, False, True)
    assert 0 < found[1] < 0.01
    bare = judged.model
    for _ in range(3):
        bare = without(bare, removable(bare.spec)[0])
    assert without_least_block(Candidate(bare, judged.clips, judged.loss, judged.precision, 0)) is None
