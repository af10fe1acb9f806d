"""Randomness as an argument: every step's draws follow from seed, stage and step alone.

So a resumed training draws what the interrupted one would have drawn, without keeping any generator's state.
"""

import zlib

import numpy as np
import torch


def numpy_generator(seed: int, what: str, step: int = 0) -> np.random.Generator:
    """Make the numpy generator of one step."""
    return np.random.default_rng([seed, zlib.crc32(what.encode()), step])


def torch_generator(seed: int, what: str, step: int = 0) -> torch.Generator:
    """Make the torch generator of one step."""
    return torch.Generator().manual_seed(torch_seed(seed, what, step))


def torch_seed(seed: int, what: str, step: int = 0) -> int:
    """Make a 63-bit seed that no other step shares."""
    return int(numpy_generator(seed, what, step).integers(2**63))
