"""Models inside a model: each narrower one has the first units of every layer of the wide one."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from slimaffect.model.net import AffectNet
from slimaffect.model.prune.graph import Group, groups
from slimaffect.model.prune.surgery import cut, picked

MULTIPLE = 8  # widths of narrower models: fine enough for a quarter of 32 channels, and wide enough for registers


def narrower(net: AffectNet, share: float) -> AffectNet:
    """Answer the model that has this share of every layer's units, the first ones, in eval mode."""
    found = groups(net)
    return cut(net, found, behind(found, share))


def behind(found: Sequence[Group], share: float) -> dict[str, Int[Tensor, "_"]]:
    """List in each group the units that a narrower model leaves out: those behind its share."""
    left = {group.name: units_at(group.units, share) for group in found}
    return {
        group.name: torch.arange(left[group.name], group.units) for group in found if left[group.name] < group.units
    }


def units_at(units: int, share: float) -> int:
    """Say how many units a share of a layer is: a multiple of 8, at least one and at most all.

    >>> [units_at(96, share) for share in (0.25, 0.5, 0.7, 1.0)], units_at(6, 0.25)
    ([24, 48, 64, 96], 6)
    """
    return min(units, max(MULTIPLE, round(units * share / MULTIPLE) * MULTIPLE))


def in_order(net: AffectNet, found: Sequence[Group], scores: Mapping[str, Float[Tensor, "_"]]) -> AffectNet:
    """Answer the same model with the units of every group in falling order of their scores; it answers as before."""
    places: dict[tuple[str, int], Tensor] = {}
    for group in found:
        order = scores[group.name].argsort(descending=True, stable=True)
        for place in group.places:
            size = net.state_dict()[place.tensor].shape[place.axis]
            index = places.setdefault((place.tensor, place.axis), torch.arange(size))
            index[place.at.flatten()] = place.at[order].flatten()
    ordered = cut(net, found, {})
    ordered.load_state_dict(picked(net.state_dict(), places))
    return ordered
