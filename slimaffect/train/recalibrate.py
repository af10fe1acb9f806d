"""Batch norm's running statistics, measured again on training clips after the network before them has changed."""

import copy

import torch
from torch import nn

from slimaffect.data.clips import Clips
from slimaffect.model.net import AffectNet
from slimaffect.train.augment import alter, plain_view
from slimaffect.train.device import device
from slimaffect.train.journal import journal
from slimaffect.train.pool import Pool
from slimaffect.train.randomness import numpy_generator


def recalibrate(net: AffectNet, clips: Clips, seed: int, *, batches: int = 16, batch: int = 256) -> AffectNet:
    """Answer a copy whose batch norms hold the plain mean over batches of single frames of all subjects.

    Without it a pruned network answers with statistics of channels that are gone (Li et al. 2020, arXiv 2007.02491).

    Raises:
        RunError: the clips hold no labelled frame.
    """
    return measure_norms(copy.deepcopy(net).to(device()), Pool(clips), seed, batches=batches, batch=batch).cpu()


@torch.no_grad()
def measure_norms(net: AffectNet, pool: Pool, seed: int, *, batches: int = 16, batch: int = 256) -> AffectNet:
    """Do so to the given model itself, from frames at hand; it is left in eval mode."""
    net.eval()
    norms = [module for module in net.cnn.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.train().momentum = None  # torch then keeps the mean over all batches, not a fading one
    for number in range(batches):
        frames = pool.single(batch, numpy_generator(seed, "recalibrate", number)).frames
        journal().examples += batch
        net.cnn(alter(frames, plain_view(batch), moved=False).flatten(0, 1))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return net.eval()
