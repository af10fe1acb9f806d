"""The step that trains the candidate's model."""

from copy import deepcopy
from dataclasses import replace
from typing import ClassVar

from slimaffect.model.net import AffectNet
from slimaffect.model.store import load_cnn
from slimaffect.settings import NamedFile
from slimaffect.steps.step import Step
from slimaffect.train.candidate import Candidate
from slimaffect.train.loop import train
from slimaffect.train.settings import TrainSettings


class Train(TrainSettings, Step):
    """Train the model: its CNN on single frames, then its LSTM on whole recordings."""

    name: ClassVar[str] = "train"
    needs_training: ClassVar[bool] = False

    weights: NamedFile | None = None
    """Where the CNN starts: the path of a .safetensors or .pth file with torchvision's names, such as ImageNet's."""

    def apply(self, candidate: Candidate) -> Candidate:
        start = begun(candidate.model, self.weights) if self.weights else candidate.model
        model = train(start, candidate.clips, candidate.loss, self, candidate.seed)
        return replace(candidate, model=model)


def begun(net: AffectNet, weights: NamedFile) -> AffectNet:
    """Answer a copy whose CNN has the file's weights.

    Raises:
        ModelError: it is another file than was declared, or its names or shapes do not fit the CNN.
    """
    net = deepcopy(net)
    load_cnn(net, weights.verified())
    return net
