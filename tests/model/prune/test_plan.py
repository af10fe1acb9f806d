"""How many units go, and from where."""

import itertools
from collections.abc import Callable

import pytest
import torch

from slimaffect.model.count import macs_per_frame
from slimaffect.model.net import AffectNet
from slimaffect.model.prune import plan
from slimaffect.model.prune.graph import Group, groups
from slimaffect.model.prune.importance import magnitude
from slimaffect.model.prune.surgery import respec, widths
from slimaffect.model.shapes import shape
from slimaffect.model.spec import ModelSpec

Make = Callable[[str, int], AffectNet]
SHARES = (0.75, 0.5, 0.25, 0.1)


class Case:
    """A model's groups, their scores, and what is left of its MACs."""

    def __init__(self, spec: ModelSpec) -> None:
        net = AffectNet(spec)
        self.found, weights = groups(net), dict(net.named_parameters())
        self.scores = {group.name: magnitude(weights, group) for group in self.found}
        self.spec = spec
        self.costs = plan.unit_costs(self.found, self.macs)

    def macs(self, left: plan.Kept) -> float:
        return macs_per_frame(respec(self.spec, widths(self.found, left)))


def test_widths_stay_multiples_and_no_group_is_skipped() -> None:
    """A group that is a multiple comes down to one multiple; one that is smaller stays whole."""
    assert plan.counts(64, 16) == (64, 48, 32, 16)
    assert plan.counts(50, 16) == (50, 48, 32, 16)
    assert plan.counts(10, 16) == (10,)
    assert plan.counts(3, 1) == (3, 2, 1)


def test_the_block_that_loses_least_for_what_it_saves_goes_first(make: Make) -> None:
    """Blocks of one group keep their order; those of tied LSTM layers are judged together."""
    found = groups(make("plain", 2))
    costs = dict.fromkeys((group.tie for group in found), 1.0) | {"lstm": 8.0}
    scores = {group.name: torch.arange(group.units, dtype=torch.float64) + 100 for group in found}
    scores["lstm.0"], scores["lstm.1"] = torch.zeros(11).double(), torch.full((11,), 4.0).double()
    scores["bottleneck"] = torch.tensor([0.1] * 5 + [2.0] * 5).double()
    order = plan.blocks(found, scores, costs, round_to=4, scope="global")
    assert [(b.tie, b.before, b.after) for b in order[:4]] == [
        ("bottleneck", 10, 8),
        ("lstm", 11, 8),
        ("lstm", 8, 4),
        ("bottleneck", 8, 4),
    ]
    assert [block.lost for block in order[:3]] == pytest.approx([0.2, 12.0, 16.0])
    left = plan.kept(found, order[:2])
    assert (left["bottleneck"], left["lstm"], left["cnn.blocks.0.conv"]) == (8, 8, 7)


def test_a_units_cost_is_what_the_figure_falls_by(make: Make) -> None:
    """Of a first channel of 7: its own 27 weights at 13 x 13 places and 90 readers at 7 x 7."""
    net = make("plain", 1)
    found = groups(net)
    costs = plan.unit_costs(found, lambda left: macs_per_frame(respec(net.spec, widths(found, left))))
    assert costs["cnn.blocks.0.conv"] == 27 * 13**2 + 90 * 7**2
    assert costs["bottleneck"] == 12 * 4**2 + 4 * 11


def test_per_group_takes_about_the_same_share_everywhere(make: Make) -> None:
    """After any number of blocks no group is more than one block ahead of another."""
    found = groups(make("resnet18", 1))
    scores = {group.name: torch.rand(group.units).double() for group in found}
    order = plan.blocks(found, scores, {}, round_to=1, scope="per_group")
    units = {group.tie: group.units for group in found}
    for count in range(0, len(order), 7):
        left = plan.kept(found, order[:count])
        gone = [1 - left[tie] / units[tie] for tie in left if left[tie] > 1]
        assert max(gone) - min(gone) <= 1 / 8 + 1e-9  # the narrowest group has 8 units


def test_the_units_that_matter_least_are_chosen(make: Make) -> None:
    """By score, ties by number; nothing is named where nothing goes."""
    group = groups(make("plain", 1))[0]
    scores = {group.name: torch.tensor([5.0, 1.0, 3.0, 1.0, 9.0, 0.5, 2.0])}
    assert plan.least([group], scores, {group.tie: 4})[group.name].tolist() == [5, 1, 3]
    assert plan.least([group], scores, {group.tie: 7}) == {}


def test_bisection_finds_the_fewest_blocks() -> None:
    """One block less and the figure is above what was asked; and a stop on the way stays above."""
    case = Case(shape("resnet18").model_copy(update={"pixels": 32}))
    order = plan.blocks(case.found, case.scores, case.costs, round_to=16, scope="global")
    asked = 0.4 * macs_per_frame(case.spec)
    figures = [case.macs(plan.kept(case.found, order[:count])) for count in range(len(order) + 1)]
    first = next(count for count, figure in enumerate(figures) if figure <= asked)
    assert plan.fewest(case.found, order, case.macs, asked) == plan.kept(case.found, order[:first])
    assert plan.most_above(case.found, order, case.macs, asked) == plan.kept(case.found, order[: first - 1])


@pytest.mark.parametrize("scope", ["global", "per_group"])
@pytest.mark.parametrize(
    ("name", "pixels", "round_to"),
    [("reference", 48, 8), ("resnet18", 112, 16), ("resnet34", 112, 16), ("resnet50", 112, 16), ("resnet18", 64, 1)],
)
def test_large_models_come_within_three_per_cent(name: str, pixels: int, round_to: int, scope: plan.Scope) -> None:
    """Below the ask, and by at most 3 %, at four ratios."""
    case = Case(shape(name).model_copy(update={"pixels": pixels}))
    order = plan.blocks(case.found, case.scores, case.costs, round_to=round_to, scope=scope)
    for share in SHARES:
        asked = share * macs_per_frame(case.spec)
        left = plan.closest(order, plan.fewest(case.found, order, case.macs, asked), case.macs, asked)
        assert 0.97 * asked <= case.macs(left) <= asked
        assert all(left[group.tie] % round_to == 0 or left[group.tie] == group.units for group in case.found)


@pytest.mark.parametrize(("name", "round_to"), [("micro", 8), ("tiny", 8), ("small", 16)])
def test_small_models_come_as_near_as_their_few_widths_allow(name: str, round_to: int) -> None:
    """Within 3 %, or to the best of all combinations."""
    case = Case(shape(name))
    order = plan.blocks(case.found, case.scores, case.costs, round_to=round_to, scope="global")
    ladders = {group.tie: plan.counts(group.units, round_to) for group in case.found}
    all_figures = [case.macs(dict(zip(ladders, left, strict=True))) for left in itertools.product(*ladders.values())]
    for share in SHARES[:2]:
        asked = share * macs_per_frame(case.spec)
        left = plan.closest(order, plan.fewest(case.found, order, case.macs, asked), case.macs, asked)
        best = max(figure for figure in all_figures if figure <= asked)
        assert case.macs(left) <= asked
        assert case.macs(left) >= min(best, 0.97 * asked)


def test_the_smallest_is_known_before_anything_is_cut(make: Make) -> None:
    """One multiple in every group; groups narrower than it stay."""
    found: tuple[Group, ...] = groups(make("plain", 1))
    assert plan.smallest(found, 8) == {
        "cnn.blocks.0.conv": 7,
        "cnn.blocks.1.conv": 8,
        "cnn.blocks.2.conv": 8,
        "bottleneck": 8,
        "lstm": 8,
    }
