"""Teachers that are trained for teaching: cross-fitted over subjects, or from several seeds."""

from dataclasses import dataclass, replace

import torch

from slimaffect.data.clips import Clips
from slimaffect.errors import ModelError
from slimaffect.evaluate.groups import deal
from slimaffect.model.losses import Loss
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import ModelSpec
from slimaffect.train.loop import train
from slimaffect.train.randomness import torch_seed
from slimaffect.train.settings import TrainSettings


@dataclass(frozen=True, eq=False)
class Schooling:
    """How a teacher is trained: all but its subjects and its seed."""

    spec: ModelSpec
    clips: Clips
    loss: Loss
    settings: TrainSettings
    seed: int

    def teacher(self, number: int) -> AffectNet:
        """Train a fresh model with a seed of its own; a training that was interrupted goes on."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(torch_seed(self.seed, "fresh teacher", number))
            fresh = AffectNet(self.spec)
        return train(fresh, self.clips, self.loss, self.settings, torch_seed(self.seed, "teacher", number))

    def without(self, subjects: set[str]) -> "Schooling":
        """Leave subjects out."""
        return replace(self, clips=self.clips.of_subjects(set(self.clips.subjects) - subjects))


def ensemble(schooling: Schooling, count: int) -> list[AffectNet]:
    """Train so many models that differ by their seeds alone."""
    return [schooling.teacher(number) for number in range(count)]


def out_of_fold(
    schooling: Schooling, folds: int, others: Clips | None = None
) -> tuple[list[AffectNet], dict[str, int]]:
    """Train one teacher for each part of the subjects, on all the others; answer who teaches whom.

    Cross-fitting: a teacher that has seen the labels of a face repeats them there, with more certainty than it has on
    any other face. Subjects are dealt so that every part has its share of every site. `others` have no labels and are
    dealt as well: any teacher is out of fold for them.

    Raises:
        ModelError: a part would be without a subject.
    """
    homes = {recording.subject: recording.site for recording in schooling.clips.recordings}
    if folds > len(homes):
        raise ModelError(
            f"distill: teachers.out_of_fold is {folds}, the training sites have {len(homes)} subjects, and each "
            f"teacher leaves at least one out. Set it to {len(homes)} or less."
        )
    dealt = _numbered(deal(homes, folds, schooling.seed))
    teachers = [
        schooling.without({name for name, part in dealt.items() if part == number}).teacher(number)
        for number in range(folds)
    ]
    strangers = {r.subject: r.site for r in (others.recordings if others else ()) if r.subject not in homes}
    return teachers, dealt | _numbered(deal(strangers, folds, schooling.seed))


def _numbered(dealt: dict[str, str]) -> dict[str, int]:
    """Number the parts by their names: `group2` becomes 1."""
    return {subject: int(name.removeprefix("group")) - 1 for subject, name in dealt.items()}
