"""Which processor trains: the CPU, unless a block says otherwise.

It is said around a task, as its threads are, and not handed from step to step: a candidate always lies in main memory,
and only what is copied out of it to be trained lies on the processor that trains.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

CPU = torch.device("cpu")
_chosen: ContextVar[torch.device] = ContextVar("device", default=CPU)


def device() -> torch.device:
    """Answer the processor of this block."""
    return _chosen.get()


@contextmanager
def computing_on(name: str) -> Iterator[torch.device]:
    """Train on `cpu`, `cuda` or `cuda:1` inside the block; equal seeds give equal weights on one kind of processor.

    cuDNN picks its kernels by a fixed rule inside: those it would pick by racing them differ from run to run.
    """
    token = _chosen.set(torch.device(name))
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
            yield device()
    finally:
        _chosen.reset(token)


def random_devices() -> list[torch.device]:
    """List the devices whose random state a training uses up besides the CPU's."""
    return [device()] if device().type == "cuda" else []
