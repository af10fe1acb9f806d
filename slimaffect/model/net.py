"""The CNN-LSTM: each frame to a few features, the features in their order to valence and arousal."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from slimaffect.model.cnn import Plain, ResNet
from slimaffect.model.spec import ModelSpec, PlainCnn

State = tuple[Float[Tensor, "layers batch hidden"], Float[Tensor, "layers batch hidden"]]  # h and c


class Answer(NamedTuple):
    """What a model says about clips."""

    affect: Float[Tensor, "batch time 2"]  # valence, arousal; both in [-1, 1]
    features: Float[Tensor, "batch time features"]
    state: State | None  # None in a model without LSTM layers
    hidden: Float[Tensor, "batch time hidden"] | None = None  # the last layer's, at every frame


def joined(answers: Sequence[Answer], axis: int = 0) -> Answer:
    """Put answers into one batch, or along axis 1 behind each other in time; their states are left out."""
    hidden = [answer.hidden for answer in answers if answer.hidden is not None]
    return Answer(
        torch.cat([answer.affect for answer in answers], axis),
        torch.cat([answer.features for answer in answers], axis),
        None,
        torch.cat(hidden, axis) if hidden else None,
    )


class AffectNet(nn.Module):
    """CNN per frame, bottleneck, LSTM, linear head, tanh: affect at every frame.

    A frame's answer depends on it and on earlier frames only, so a recording can be read in chunks
    that hand the state on.
    """

    def __init__(self, spec: ModelSpec) -> None:
        """Build the model with fresh weights from torch's global generator."""
        super().__init__()
        self.spec = spec
        self.cnn = Plain(spec.cnn, spec.pixels) if isinstance(spec.cnn, PlainCnn) else ResNet(spec.cnn)
        self.dropout = nn.Dropout(spec.dropout)
        self.bottleneck = nn.Linear(self.cnn.outputs, spec.features)
        self.feature_dropout = nn.Dropout(spec.lstm.dropout)
        self.lstm = (
            nn.LSTM(spec.features, spec.lstm.hidden, spec.lstm.layers, batch_first=True) if spec.lstm.layers else None
        )
        self.head = nn.Linear(spec.lstm.hidden if spec.lstm.layers else spec.features, 2)

    def encode(self, frames: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n features"]:
        """Answer each frame's features; frames are RGB planes in [0, 1]."""
        return torch.relu(self.bottleneck(self.dropout(self.cnn(frames))))

    def read(self, features: Float[Tensor, "batch time features"], state: State | None = None) -> Answer:
        """Answer affect at every frame from features in their order, going on from `state`."""
        seen, hidden = self.feature_dropout(features), None
        if self.lstm is not None:
            hidden, state = self.lstm(seen, state)
        return Answer(torch.tanh(self.head(seen if hidden is None else hidden)), features, state, hidden)

    def forward(self, frames: Float[Tensor, "batch time 3 height width"], state: State | None = None) -> Answer:
        """Answer affect at every frame of clips; frames are RGB planes in [0, 1]."""
        features = self.encode(frames.flatten(0, 1))
        return self.read(features.unflatten(0, (frames.shape[0], frames.shape[1])), state)

    def empty_state(self, batch: int) -> State:
        """Make the state before the first frame: zeros."""
        shape = (self.spec.lstm.layers, batch, self.spec.lstm.hidden)
        return torch.zeros(shape), torch.zeros(shape)
