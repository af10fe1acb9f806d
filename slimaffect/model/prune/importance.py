"""How much each unit of a group matters; pure functions of weights and gradients."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from slimaffect.model.prune.graph import Group, Place

Importance = Literal["magnitude", "bn", "taylor", "fisher", "affect", "random"]

Tensors = Mapping[str, Tensor]
"""Parameters, or their gradients, by the names of the state dict."""


def magnitude(weights: Tensors, group: Group) -> Float[Tensor, " units"]:
    """Sum of squares of all weights that make or read a unit, as a share of the group's.

    The group norm of DepGraph (Fang et al. 2023, arXiv 2301.12900); for one layer the filter norm of Li et al. 2017
    (arXiv 1608.08710). Running statistics are no weights and do not count.
    """
    counted = [_of_units(weights[place.tensor].square(), place) for place in group.places if place.tensor in weights]
    return relative(torch.stack(counted).sum(0))


def bn_scale(weights: Tensors, group: Group) -> Float[Tensor, " units"]:
    """Sum of |gamma| over the batch norms of a unit, as a share of the group's (Liu et al. 2017, arXiv 1708.06519).

    A group without batch norm (bottleneck, LSTM) is judged by magnitude.
    """
    scales = [weights[place.tensor].detach().double().abs().cpu() for place in group.places if _is_scale(place, group)]
    return relative(torch.stack(scales).sum(0)) if scales else magnitude(weights, group)


def taylor(weights: Tensors, batches: Iterable[Tensors], found: Sequence[Group]) -> dict[str, Float[Tensor, "_"]]:
    """Mean over batches of the squared change of loss, to first order, when a unit's output becomes 0; by group.

    The sum of weight times gradient over all that reads the unit is the derivative by a gate on its output
    (Molchanov et al. 2019, arXiv 1906.10771). Scores are in units of loss, so groups compare as they are.
    """
    changes = [{group.name: gate(weights, gradients, group).square() for group in found} for gradients in batches]
    return {group.name: torch.stack([change[group.name] for change in changes]).mean(0) for group in found}


def gate(weights: Tensors, gradients: Tensors, group: Group) -> Float[Tensor, " units"]:
    """Derivative of the loss by a factor on each unit's output, from the weights that read it."""
    reads = [place for place in group.places if place.reads]
    return torch.stack([_of_units(weights[p.tensor] * gradients[p.tensor], p) for p in reads]).sum(0)


def at_random(group: Group, generator: torch.Generator) -> Float[Tensor, " units"]:
    """Scores that mean nothing: the control that every other importance must beat (Mittal et al., arXiv 1801.10447)."""
    return torch.rand(group.units, generator=generator, dtype=torch.float64)


def relative(scores: Float[Tensor, " units"]) -> Float[Tensor, " units"]:
    """Make scores shares of their group's sum, so that groups of unlike sizes compare; all zeros stay zeros.

    >>> relative(torch.tensor([1.0, 3.0])).tolist()
    [0.25, 0.75]
    """
    return scores / scores.sum().clamp_min(1e-30)


def _is_scale(place: Place, group: Group) -> bool:
    """Tell whether a place is a batch norm's gamma: only a batch norm has running statistics beside its weight."""
    layer, _, key = place.tensor.rpartition(".")
    return key == "weight" and any(other.tensor == f"{layer}.running_var" for other in group.places)


def _of_units(tensor: Tensor, place: Place) -> Float[Tensor, " units"]:
    """Sum what belongs to each unit, in float64 so that the order of summation cannot change a ranking."""
    summed = tensor.detach().double().movedim(place.axis, 0).reshape(tensor.shape[place.axis], -1).sum(1)
    return summed.cpu()[place.at].sum(1)
