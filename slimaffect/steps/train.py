"""The step that trains the candidate's model."""

from dataclasses import replace
from typing import ClassVar

from slimaffect.steps.step import Step
from slimaffect.train.candidate import Candidate
from slimaffect.train.loop import train
from slimaffect.train.settings import TrainSettings


class Train(TrainSettings, Step):
    """Train the model: its CNN on single frames, then its LSTM on whole recordings."""

    name: ClassVar[str] = "train"
    needs_training: ClassVar[bool] = False

    def apply(self, candidate: Candidate) -> Candidate:
        model = train(candidate.model, candidate.clips, candidate.loss, self, candidate.seed)
        return replace(candidate, model=model)
