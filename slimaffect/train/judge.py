"""What each unit or block of a candidate's model is worth, judged on the candidate's own clips."""

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from slimaffect.model.losses import Batch, Loss
from slimaffect.model.net import AffectNet, Answer
from slimaffect.model.prune import importance as judge
from slimaffect.model.prune.depth import ResidualBlock, removable, without
from slimaffect.model.prune.graph import Group
from slimaffect.train.candidate import Candidate
from slimaffect.train.gradients import gradients
from slimaffect.train.randomness import numpy_generator, torch_generator
from slimaffect.train.silence import moved_by, moved_by_units, scene

PROBES, EACH = 64, 4  # draws of signs, and windows of each: the frames of taylor, in more and smaller batches


class Signs(Loss):
    """Affect with random signs: the mean square of its gradient is the trace of the answers' Fisher information.

    Signs of different frames are independent, so their products vanish in the mean and the sum of the frames' squared
    derivatives is left (Hutchinson 1990, https://doi.org/10.1080/03610919008812866).
    """

    def __init__(self, random: np.random.Generator) -> None:
        super().__init__()
        self.random = random

    def forward(self, answer: Answer, batch: Batch) -> Float[Tensor, ""]:
        """Sum the scored answers with a sign each."""
        affect = answer.affect[batch.valid]
        signs = torch.from_numpy(self.random.choice([-1.0, 1.0], affect.shape)).to(affect)
        return (signs * affect).sum() / len(affect) ** 0.5


def unit_scores(
    candidate: Candidate, found: Sequence[Group], importance: judge.Importance, number: int = 0
) -> dict[str, Float[Tensor, "_"]]:
    """Judge every unit of every group; `number` tells one round's chance from another's.

    `fisher` is the second-order change of a squared error when a unit's output becomes 0, its gradient being 0 at the
    model's own answer: the diagonal of the Fisher information by a gate on each unit (LeCun et al. 1990, Optimal Brain
    Damage; Theis et al. 2018, arXiv 1801.05787). It needs no labels.
    """
    net, clips, seed = candidate.model, candidate.clips, candidate.seed
    weights = dict(net.named_parameters())
    if importance == "taylor":
        return judge.taylor(weights, gradients(net, clips, candidate.loss, seed), found)
    if importance == "fisher":
        signs = Signs(numpy_generator(seed, "signs"))
        return judge.taylor(weights, gradients(net, clips, signs, seed, batches=PROBES, batch=EACH), found)
    if importance == "affect":
        return moved_by_units(net, clips, found, seed)
    if importance == "random":
        drawn = torch_generator(seed, "prune at random", number)
        return {group.name: judge.at_random(group, drawn) for group in found}
    judged = judge.bn_scale if importance == "bn" else judge.magnitude
    return {group.name: judged(weights, group) for group in found}


def without_least_block(candidate: Candidate) -> tuple[AffectNet, float] | None:
    """Answer the model without the block whose removal moves affect least, and by how much; None where none may go."""
    net = deepcopy(candidate.model).eval()
    trials = removable(net.spec)
    if not trials:
        return None
    seen = scene(net, candidate.clips, candidate.seed)

    def moved(block: ResidualBlock) -> float:
        return moved_by(without(net, block), seen)

    least = min(trials, key=moved)
    return without(net, least), moved(least)
