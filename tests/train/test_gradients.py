"""Gradients of a candidate's loss, batch after batch."""

import torch

from slimaffect.data.clips import Clips
from slimaffect.model.losses import LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import ModelSpec
from slimaffect.train.gradients import gradients
from slimaffect.train.journal import Journal, keeping


def test_they_point_where_the_loss_rises(clips: Clips, spec: ModelSpec) -> None:
    """A small step against the mean gradient lowers the loss that the gradients are of."""
    torch.manual_seed(0)
    net, loss = AffectNet(spec), LabelLoss()
    found = list(gradients(net, clips, loss, 0, batches=4))
    mean = {name: torch.stack([g[name] for g in found]).mean(0) for name in found[0]}
    assert set(mean) == {name for name, _ in net.named_parameters()}
    slope = sum(gradient.square().sum().item() for gradient in mean.values())

    def losses(model: AffectNet) -> float:
        values = []

        class Noted(LabelLoss):
            def forward(self, answer, batch):
                loss = super().forward(answer, batch)
                values.append(loss.item())
                return loss

        list(gradients(model, clips, Noted(), 0, batches=4))
        return sum(values) / len(values)

    before, step = losses(net), 1e-3
    with torch.no_grad():
        for name, weight in net.named_parameters():
            weight.sub_(step * mean[name])
    assert 0.5 * step * slope < before - losses(net) < 1.5 * step * slope


def test_the_model_stays_as_it_was_and_the_frames_are_billed(clips: Clips, spec: ModelSpec) -> None:
    """Weights, statistics, mode and gradients; and every frame that passed is an example."""
    net = AffectNet(spec).train().requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with keeping(Journal()) as journal:
        first, again, other = (next(gradients(net, clips, LabelLoss(), seed)) for seed in (0, 0, 1))
    assert journal.examples == 3 * 16 * 28
    assert torch.equal(first["head.weight"], again["head.weight"])
    assert not torch.equal(first["head.weight"], other["head.weight"])
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert net.training
    assert all(weight.grad is None and not weight.requires_grad for weight in net.parameters())
