"""Gradients of a candidate's loss over training clips, without taking a step: what first-order importance reads."""

import copy
from collections.abc import Iterator

from torch import Tensor

from slimaffect.data.clips import Clips
from slimaffect.model.losses import Batch, Loss
from slimaffect.model.net import AffectNet
from slimaffect.train.augment import alter, plain_view
from slimaffect.train.device import device
from slimaffect.train.journal import journal
from slimaffect.train.pool import Pool
from slimaffect.train.randomness import numpy_generator

WINDOW, UNSCORED = 28, 13  # frames, as in the end-to-end stage of training


def gradients(
    net: AffectNet, clips: Clips, loss: Loss, seed: int, *, batches: int = 16, batch: int = 16
) -> Iterator[dict[str, Tensor]]:
    """Answer the gradient of every parameter, in main memory, batch after batch; windows are spread over all subjects.

    The model answers as it is deployed: no dropout, batch norm's running statistics, no augmentation.

    Raises:
        RunError: the clips hold no labelled frame.
    """
    pool, loss = Pool(clips), copy.deepcopy(loss).to(device()).eval()
    net = copy.deepcopy(net).to(device()).eval().requires_grad_(True)
    if net.lstm is not None:
        net.lstm.train()  # cuDNN has no gradient of an LSTM in eval mode; without dropout inside they are the same
    starts = pool.starts(WINDOW, UNSCORED)
    for number in range(batches):
        drawn = pool.draw(starts, batch, numpy_generator(seed, "gradients", number))
        windows = pool.cut(drawn, WINDOW, UNSCORED)
        faces = alter(windows.frames, plain_view(batch), moved=False)
        journal().examples += batch * WINDOW
        net.zero_grad(set_to_none=True)
        loss(net(faces), Batch(windows.affect, windows.valid, loss.teach(faces))).backward()
        yield {name: weight.grad.cpu() for name, weight in net.named_parameters() if weight.grad is not None}
