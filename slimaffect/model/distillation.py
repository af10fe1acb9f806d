"""The loss of a student: its labels, and what its teacher says of the same pixels."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from slimaffect.model.imitation import Imitation, clip_means, derivative_gap, gap, relations
from slimaffect.model.losses import Batch, Loss, disagreement
from slimaffect.model.net import Answer, State
from slimaffect.model.spec import ModelSpec
from slimaffect.model.teachers import Teacher


class DistillLoss(Loss):
    """Learn from labels and from a teacher that sees the same pixels.

    (1 - w) label + w imitation of its affect (Hinton et al. 2015, https://arxiv.org/abs/1503.02531; here the
    target is a regression, so imitation is CCC and MSE as for labels) + the weighted imitations of `Imitation`.

    With several teachers each subject has one of them. Teachers of different trainings call no feature by the same
    name, so each has a projection of its own, and clips are related only to clips of the same teacher.
    """

    def __init__(
        self,
        label: Loss,
        teachers: Sequence[Teacher],
        student: ModelSpec,
        weights: Imitation,
        taught_by: Mapping[str, int] | None = None,
    ) -> None:
        """Keep the teachers frozen; `taught_by` says which of several teaches a subject."""
        super().__init__()
        self.label, self.weights, self.taught_by = label, weights, dict(taught_by or {})
        self.teachers = nn.ModuleList(teachers)
        # A projection is drawn whatever its weight: a weight must not change the draws of what comes after.
        self.projections = nn.ModuleList(nn.Linear(student.features, t.features) for t in teachers if t.features)
        states = [nn.Linear(student.lstm.hidden, t.hidden) for t in teachers if t.hidden and weights.state_weight]
        self.state_projections = nn.ModuleList(states)

    @property
    def remembers(self) -> bool:
        """Whether a single frame cannot meet what the teacher says."""
        return any(teacher.remembers for teacher in self.teachers if isinstance(teacher, Teacher))

    @property
    def teaches_frames(self) -> bool:
        """Of single frames the features, how they lie to each other, and the affect of a teacher without memory."""
        weights = self.weights
        return bool(weights.feature_weight or weights.clip_relation_weight) or not self.remembers

    def extra_repr(self) -> str:
        """Show the weights and who is taught by whom: a checkpoint is known by its loss's settings too."""
        return f"{self.weights!r}, taught_by={sorted(self.taught_by.items())}"

    def teach(
        self,
        frames: Float[Tensor, "batch time 3 height width"],
        state: State | None = None,
        whose: Sequence[str] = (),
    ) -> Answer:
        """Answer as each clip's teacher does, going on from its `state`; clips of several teachers hand none on."""
        by = self._by(whose, len(frames), frames.device)
        asked = by.unique().tolist()
        if len(asked) == 1:
            return self._teacher(asked[0]).answer(frames, state)
        parts = {number: self._teacher(number).answer(frames[by == number]) for number in asked}
        affect = _merged({number: said.affect for number, said in parts.items()}, by)
        features = _merged({number: said.features for number, said in parts.items()}, by)
        hidden = {number: said.hidden for number, said in parts.items() if said.hidden is not None}
        return Answer(affect, features, None, _merged(hidden, by) if hidden else None)

    def _teacher(self, number: int) -> Teacher:
        teacher = self.teachers[number]
        assert isinstance(teacher, Teacher)
        return teacher

    def _by(self, whose: Sequence[str], batch: int, on: torch.device) -> Int[Tensor, " batch"]:
        """Say which teacher teaches each clip."""
        if len(self.teachers) == 1:
            return torch.zeros(batch, dtype=torch.int64, device=on)
        return torch.tensor([self.taught_by[subject] for subject in whose], device=on)

    def forward(self, answer: Answer, batch: Batch) -> Float[Tensor, ""]:
        """Weigh the labels, the teacher's affect, and what else of it is imitated."""
        if batch.teacher is None:
            return self.label(answer, batch)
        seen = batch.valid if batch.seen is None else batch.seen
        imitated = sum(weight * part for weight, part in self._parts(answer, batch, seen))
        if batch.valid.shape[1] == 1 and self.remembers:
            # A single frame cannot meet what the teacher says with its history; its features it can.
            return self.label(answer, batch) + imitated
        share, affect_gap = (
            self.weights.teacher_weight,
            disagreement(answer.affect, batch.teacher.affect, seen, mse_weight=1.0, weight=batch.weight),
        )
        return (1 - share) * self.label(answer, batch) + share * affect_gap + imitated

    def _parts(
        self, answer: Answer, batch: Batch, seen: Bool[Tensor, "batch time"]
    ) -> Iterator[tuple[float, Float[Tensor, ""]]]:
        """Iterate over what is imitated beside affect, each with its weight; the time between frames needs frames."""
        weights, teacher, by = self.weights, batch.teacher, self._by(batch.whose, len(seen), seen.device)
        assert teacher is not None
        if weights.feature_weight:
            yield weights.feature_weight, _projected(self.projections, answer.features, teacher.features, seen, by)
        if weights.clip_relation_weight:
            yield weights.clip_relation_weight, _clip_relations(answer.features, teacher.features, seen, by)
        if seen.shape[1] == 1:
            return
        if weights.frame_relation_weight:
            yield weights.frame_relation_weight, relations(answer.features, teacher.features, seen)
        if weights.derivative_weight:
            yield weights.derivative_weight, derivative_gap(answer.affect, teacher.affect, seen)
        if weights.state_weight and answer.hidden is not None and teacher.hidden is not None:
            yield weights.state_weight, _projected(self.state_projections, answer.hidden, teacher.hidden, seen, by)


def _projected(
    projections: nn.ModuleList,
    mine: Float[Tensor, "batch time wide"],
    theirs: Float[Tensor, "batch time other"],
    seen: Bool[Tensor, "batch time"],
    by: Int[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """Average the gap over the teachers, each through its projection and by its share of the frames."""
    total, gaps = seen.sum(), mine.new_zeros(())
    for number in by.unique().tolist():
        own = seen & (by == number)[:, None]
        if own.any():
            share = own.sum() / total
            gaps = gaps + share * gap(projections[number](mine[own].float()), theirs[own].float())
    return gaps


def _clip_relations(
    mine: Float[Tensor, "batch time wide"],
    theirs: Float[Tensor, "batch time other"],
    seen: Bool[Tensor, "batch time"],
    by: Int[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """Relate each clip's mean features to those of the other clips of its teacher."""
    known = torch.stack([seen.any(1) & (by == number) for number in by.unique().tolist()])
    x, y = (clip_means(features, seen).expand(len(known), -1, -1) for features in (mine, theirs))
    return relations(x, y, known)


def _merged(parts: Mapping[int, Tensor], by: Int[Tensor, " batch"]) -> Tensor:
    """Put the teachers' answers back into the order of the clips."""
    first = next(iter(parts.values()))
    whole = first.new_empty(len(by), *first.shape[1:])
    for number, part in parts.items():
        whole[by == number] = part
    return whole
