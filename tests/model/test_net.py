"""Frames in, affect out, at every frame, whatever the chunks."""

import torch

from slimaffect.model.net import AffectNet
from slimaffect.model.shapes import shape
from slimaffect.model.spec import ModelSpec


def test_affect_is_answered_at_every_frame_within_its_range(spec: ModelSpec) -> None:
    """Valence and arousal per frame, both in [-1, 1]; features of the bottleneck's width."""
    answer = AffectNet(spec).eval()(torch.rand(2, 3, 3, spec.pixels, spec.pixels))
    assert answer.affect.shape == (2, 3, 2)
    assert answer.features.shape == (2, 3, spec.features)
    assert answer.affect.abs().max() <= 1


def test_chunks_with_the_state_handed_on_answer_as_the_whole(spec: ModelSpec) -> None:
    """A recording may be read in pieces of any length."""
    net, frames = AffectNet(spec).eval(), torch.rand(2, 7, 3, spec.pixels, spec.pixels)
    state, said = None, []
    for chunk in frames.split([1, 4, 2], dim=1):
        answer = net(chunk, state)
        state = answer.state
        said.append(answer.affect)
    torch.testing.assert_close(torch.cat(said, 1), net(frames).affect, atol=1e-6, rtol=0)


def test_later_frames_change_no_earlier_answer(spec: ModelSpec) -> None:
    """The model is causal: it can run live."""
    net, frames = AffectNet(spec).eval(), torch.rand(1, 5, 3, spec.pixels, spec.pixels)
    changed = frames.clone()
    changed[:, 3:] = 0
    torch.testing.assert_close(net(changed).affect[:, :3], net(frames).affect[:, :3], atol=1e-6, rtol=0)


def test_without_lstm_a_frame_stands_alone(specs: dict[str, ModelSpec]) -> None:
    """The per-frame control has no state, and its answers follow their frames when these change places."""
    net, frames = AffectNet(specs["per frame"]).eval(), torch.rand(1, 4, 3, 16, 16)
    assert net(frames).state is None
    torch.testing.assert_close(net(frames.flip(1)).affect.flip(1), net(frames).affect, atol=1e-6, rtol=0)


def test_an_empty_state_is_the_default_one(specs: dict[str, ModelSpec]) -> None:
    """Beginning with zeros is beginning without a state."""
    net, frames = AffectNet(specs["residual"]).eval(), torch.rand(2, 2, 3, 16, 16)
    torch.testing.assert_close(net(frames, net.empty_state(2)).affect, net(frames).affect)


def test_imagenet_resnets_normalise_inside(specs: dict[str, ModelSpec]) -> None:
    """Frames come in [0, 1] everywhere; a picture of ImageNet's mean colour is zero to the first convolution."""
    net = AffectNet(specs["bottleneck"])
    seen = []
    net.cnn.get_submodule("conv1").register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    net.eval().encode(torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1).expand(1, 3, 33, 33))
    assert seen[0].abs().max() < 1e-6


def test_resnet_names_are_torchvisions() -> None:
    """So published weights load by name."""
    names = AffectNet(shape("resnet50")).cnn.state_dict().keys()
    wanted = {
        "conv1.weight",
        "bn1.running_var",
        "layer1.0.downsample.1.bias",
        "layer3.5.conv3.weight",
        "layer4.2.bn2.weight",
    }
    assert wanted <= names
    assert "layer1.1.downsample.0.weight" not in names
    assert len(names) == 318  # torchvision's 320 less fc.weight and fc.bias
