"""Validation: whole subjects, whole recordings, the evaluation's own CCC."""

import numpy as np
import pytest
import torch

from slimaffect.data.clips import Clips
from slimaffect.evaluate.metrics import ccc
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import ModelSpec
from slimaffect.train import validate
from slimaffect.train.validate import mean_ccc, predict, split


def test_validation_subjects_are_not_trained_on(more_clips: Clips) -> None:
    """Disjoint subjects, some of each site on both sides."""
    training, judges = split(more_clips, 0.25, seed=0)
    assert judges is not None
    assert not set(training.subjects) & set(judges.subjects)
    assert sorted([*training.subjects, *judges.subjects]) == list(more_clips.subjects)
    assert training.sites == judges.sites == more_clips.sites


def test_where_nobody_can_be_spared_all_train(clips: Clips) -> None:
    """One subject at the only site: no validation."""
    alone = clips.of_subjects(["S10"])
    assert split(alone, 0.25, seed=0) == (alone, None)


def test_chunks_change_no_prediction(clips: Clips, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording is read in chunks that hand the state on."""
    net = AffectNet(spec).eval()
    whole = predict(net, clips.recordings[0])
    monkeypatch.setattr(validate, "CHUNK", 7)
    np.testing.assert_allclose(predict(net, clips.recordings[0]), whole, atol=1e-6)


def test_the_ccc_is_pooled_over_valid_frames(clips: Clips, spec: ModelSpec) -> None:
    """All recordings in one series per dimension, frames without label left out; the model's mode stays."""
    net = AffectNet(spec).eval()
    said = np.concatenate([predict(net, r)[r.valid] for r in clips.recordings])
    affect = np.concatenate([r.affect[r.valid] for r in clips.recordings])
    net.train()
    net.cnn.eval()
    modes = [module.training for module in net.modules()]
    found = mean_ccc(net, clips)
    assert found == pytest.approx(np.mean([ccc(said[:, k], affect[:, k]) for k in range(2)]))
    assert [module.training for module in net.modules()] == modes
    assert torch.is_grad_enabled()
