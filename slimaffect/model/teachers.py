"""Who is imitated: one model, the mean of several, or a file; frozen, and answering as it is scored."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from slimaffect.model.frozen import frozen
from slimaffect.model.net import AffectNet, Answer, State

Joined = tuple[Float[Tensor, "layers batch wide"], Float[Tensor, "layers batch wide"]]  # states side by side


class Teacher(nn.Module, ABC):
    """Something that answers to the student's pixels and is not changed by that.

    Attributes:
        features: width of its features; 0 where it tells none.
        hidden: width of its hidden states; 0 where it tells none.
        remembers: whether a frame's answer depends on earlier frames.
    """

    features: int
    hidden: int
    remembers: bool

    def train(self, mode: bool = True) -> "Teacher":
        """Stay in eval mode, whatever the loss around it does."""
        del mode
        return super().train(mode=False)

    @abstractmethod
    def answer(self, frames: Float[Tensor, "batch time 3 height width"], state: State | None = None) -> Answer:
        """Answer to clips of RGB planes in [0, 1], going on from `state`."""


class Nets(Teacher):
    """One model, or several of one shape: affect is their mean, features and states stand side by side."""

    def __init__(self, nets: Sequence[AffectNet]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(frozen(net) for net in nets)
        spec = nets[0].spec
        self.features = len(nets) * spec.features
        self.remembers = spec.lstm.layers > 0
        self.hidden = len(nets) * spec.lstm.hidden if self.remembers else 0

    @torch.no_grad()
    def answer(self, frames: Float[Tensor, "batch time 3 height width"], state: State | None = None) -> Answer:
        """Answer as the models do; only their CNNs may run in lower precision."""
        said = [_answer(net, frames, own) for net, own in zip(self.nets, _parted(state, len(self.nets)), strict=True)]
        affect, features = torch.stack([one.affect for one in said]).mean(0), _beside([one.features for one in said])
        states = [one.state for one in said if one.state is not None]
        hidden = _beside([one.hidden for one in said if one.hidden is not None]) if states else None
        return Answer(affect, features, _joined(states) if states else None, hidden)


def _answer(net: nn.Module, frames: Float[Tensor, "batch time 3 height width"], state: State | None) -> Answer:
    assert isinstance(net, AffectNet)
    features = net.encode(frames.flatten(0, 1)).float()
    with torch.autocast(frames.device.type, enabled=False):
        return net.read(features.unflatten(0, frames.shape[:2]), state)


def _beside(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)


def _joined(states: list[State]) -> Joined:
    return _beside([h for h, _ in states]), _beside([c for _, c in states])


def _parted(state: Joined | None, count: int) -> list[State | None]:
    """Give each model its own part of the joined state."""
    if state is None:
        return [None] * count
    return list(zip(*(part.chunk(count, dim=-1) for part in state), strict=True))
