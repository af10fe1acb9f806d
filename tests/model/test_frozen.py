"""A frozen copy says what the model says."""

import torch
from torch import nn

from slimaffect.model.frozen import PART, Folded, frozen
from slimaffect.model.net import AffectNet
from slimaffect.model.shapes import shape
from slimaffect.model.spec import ModelSpec


def test_a_frozen_copy_says_the_same(spec: ModelSpec) -> None:
    """With statistics of its own, every kind of net answers within 1e-5; no batch norm is left, and no gradient."""
    net = AffectNet(spec).train()
    net(torch.rand(4, 3, 3, spec.pixels, spec.pixels))  # moves the running statistics
    before = {name: value.clone() for name, value in net.state_dict().items()}
    still, frames = frozen(net), torch.rand(2, 5, 3, spec.pixels, spec.pixels)
    torch.testing.assert_close(still(frames).affect, net.eval()(frames).affect, atol=1e-5, rtol=0)
    assert not [module for module in still.modules() if isinstance(module, nn.BatchNorm2d)]
    assert not [weight for weight in still.parameters() if weight.requires_grad]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_folded_model_says_and_learns_the_same(spec: ModelSpec) -> None:
    """Answers within 1e-5, and gradients of every parameter that agree, for all kinds of net, in more than one part."""
    net = AffectNet(spec).train()
    net(torch.rand(4, 3, 3, spec.pixels, spec.pixels))
    net.eval()
    frames = torch.rand(PART + 3, 3, spec.pixels, spec.pixels)
    learned = []
    for encode in (net.encode, Folded(net).encode):
        net.zero_grad(set_to_none=True)
        said = encode(frames)
        said.square().mean().backward()
        learned.append({"said": said.detach()} | {name: weight.grad for name, weight in net.named_parameters()})
    plain, folded = learned
    for name, value in plain.items():
        if value is None:
            assert folded[name] is None, name
            continue
        assert folded[name] is not None, name
        scale = float(value.abs().max()) + 1e-6
        torch.testing.assert_close(folded[name] / scale, value / scale, atol=1e-4, rtol=0, msg=name)


def test_a_folded_model_whose_norms_cannot_be_folded_learns_too() -> None:
    """Batch norms over several ranks are of another class, and stay; gradients reach every weight all the same."""
    net = AffectNet(shape("micro")).train()
    net.cnn = nn.SyncBatchNorm.convert_sync_batchnorm(net.cnn)  # pyright: ignore[reportAttributeAccessIssue]
    net.eval()
    Folded(net).encode(torch.rand(3, 3, net.spec.pixels, net.spec.pixels)).sum().backward()
    assert all(weight.grad is not None for weight in net.cnn.parameters())
