"""Leave easy stretches of time out of an epoch by chance, and weigh the others up: InfoBatch for concordance.

Qin et al. 2024 (https://arxiv.org/abs/2303.04947) leave out examples whose loss is below the mean, each with one
probability, and weigh those of them that stay by one over the rest, so that a sum over examples keeps its expectation.
Concordance has no loss of an example. It is made of means over a batch, though (of x, y and their squares and product),
and weights keep these in expectation; so the weights go into its moments. What is judged easy is a stretch of
neighbouring frames by its squared error when it was last drawn.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from slimaffect.model.losses import Batch
from slimaffect.model.net import Answer
from slimaffect.train.randomness import numpy_generator

CELL = 26  # neighbouring places that are judged together: two seconds of frames
ANNEALED = 1 / 8  # the last share of a stage's epochs sees everything (ibid., delta = 0.875)


class Thrift(nn.Module):
    """Which places a stage draws from in the present epoch. A module, so that a checkpoint keeps what it has seen.

    Args:
        places: stretch and first frame of all that may be drawn, in their order.
        spared: probability that an easy stretch is left out of an epoch.
        steps: steps of the stage.
        epoch: steps of an epoch.
        seed: of what is left out.
    """

    def __init__(
        self, places: Int[np.ndarray, "places 2"], *, spared: float, steps: int, epoch: int, seed: int, stage: str
    ) -> None:
        super().__init__()
        self.places, self.spared, self.epoch, self.seed, self.stage = places, spared, epoch, seed, stage
        self.epochs = -(-steps // epoch)
        self.cells = _cells(places)
        self._keys = _keys(places)
        self.error: Tensor  # squared error of each cell when it was last drawn; NaN before
        self.register_buffer("error", torch.full((int(self.cells.max()) + 1,), torch.nan))
        self.judged: Tensor  # what the present epoch was decided by: one that is interrupted goes on as it began
        self.register_buffer("judged", self.error.clone())
        self.decided: Tensor  # the epoch that was last decided
        self.register_buffer("decided", torch.tensor(-1))
        self._now, self._kept, self._weights = -1, places, np.ones(len(self.error))
        self._drawn: tuple[Int[np.ndarray, " batch"], Batch] | None = None

    def at(self, step: int) -> Int[np.ndarray, "kept 2"]:
        """List what may be drawn at a step; at the first one of an epoch it is decided."""
        number = step // self.epoch
        if number != self._now:
            if int(self.decided) != number:
                self.judged.copy_(self.error)
                self.decided.fill_(number)
            self._now = number
            self._decide(number)
        return self._kept

    def skips(self, step: int) -> bool:
        """Tell whether an epoch that leaves places out leaves this step out: as many fewer, evenly spread."""
        share, at = len(self.at(step)) / len(self.places), step % self.epoch
        return int((at + 1) * share + 1e-9) == int(at * share + 1e-9) and at > 0

    def _decide(self, number: int) -> None:
        error = self.judged.numpy()
        easy = error < np.nanmean(error) if np.isfinite(error).any() else np.zeros(len(error), bool)
        if number >= self.epochs - max(1, round(ANNEALED * self.epochs)):
            easy[:] = False
        out = easy & (numpy_generator(self.seed, f"{self.stage} spared", number).random(len(error)) < self.spared)
        self._weights = np.where(easy, 1 / (1 - self.spared), 1.0)
        self._kept = self.places[~out[self.cells]] if not out.all() else self.places

    def weigh(self, drawn: Int[np.ndarray, "batch 2"], batch: Batch) -> Batch:
        """Give each window of a batch its weight, and remember the batch for `learn`."""
        cells = self.cells[np.searchsorted(self._keys, _keys(drawn))]
        self._drawn = cells, batch
        weight = torch.from_numpy(self._weights[cells].astype(np.float32)).to(batch.valid.device)
        return batch._replace(weight=weight[:, None].expand(batch.valid.shape))

    def learn(self, answer: Answer) -> None:
        """Remember the squared error of what was just drawn."""
        assert self._drawn is not None
        cells, batch = self._drawn
        error, known = _errors(answer.affect.detach(), batch)
        error, cells = error[known], cells[known]
        sums, counts = (np.bincount(cells, weights, len(self.error)) for weights in (error, np.ones(len(cells))))
        mean = torch.from_numpy(np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)).float()
        met = torch.from_numpy(counts > 0)
        self.error[met] = mean[met]


def _errors(
    affect: Float[Tensor, "batch time 2"], batch: Batch
) -> tuple[Float[np.ndarray, " batch"], Bool[np.ndarray, " batch"]]:
    """Mean squared error of each window over its scored frames, and which windows have any."""
    squared = (affect.float() - batch.affect).square().mean(-1) * batch.valid
    counts = batch.valid.sum(1)
    return (squared.sum(1) / counts.clamp_min(1)).cpu().numpy().astype(float), (counts > 0).cpu().numpy()


def _cells(places: Int[np.ndarray, "places 2"]) -> Int[np.ndarray, " places"]:
    """Number the cells: neighbours in time of one stretch, so many at a time."""
    joint = np.stack([places[:, 0], places[:, 1] // CELL], axis=1)
    return np.unique(joint, axis=0, return_inverse=True)[1].reshape(-1)


def _keys(places: Int[np.ndarray, "places 2"]) -> Int[np.ndarray, " places"]:
    """One rising number for each place."""
    return places[:, 0] * 2**40 + places[:, 1]
