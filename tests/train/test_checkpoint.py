"""Checkpoints: whole or not there, known by what decides the weights."""

from pathlib import Path

import pytest
import torch

from slimaffect.data.clips import Clips
from slimaffect.errors import LeaseError
from slimaffect.model.distillation import DistillLoss
from slimaffect.model.imitation import Imitation
from slimaffect.model.losses import LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import ModelSpec
from slimaffect.model.teachers import Nets
from slimaffect.train.checkpoint import Checkpoint, Progress, training_key
from slimaffect.train.journal import Journal, keeping
from slimaffect.train.settings import TrainSettings


def test_everything_that_decides_the_weights_is_in_the_key(clips: Clips, spec: ModelSpec) -> None:
    """Model, clips, loss, teacher, settings and seed each change it; equal ones do not."""
    torch.manual_seed(0)
    net, other = AffectNet(spec), AffectNet(spec)
    settings = TrainSettings()
    distils = [
        DistillLoss(LabelLoss(), [Nets([AffectNet(spec)])], spec, Imitation(teacher_weight=weight, feature_weight=0))
        for weight in (0.1, 0.1, 0.2)
    ]
    keys = [
        training_key(net, clips, LabelLoss(), settings, 0),
        training_key(other, clips, LabelLoss(), settings, 0),
        training_key(net, clips.pick([0]), LabelLoss(), settings, 0),
        training_key(net, clips, LabelLoss(0.4), settings, 0),
        *(training_key(net, clips, loss, settings, 0) for loss in distils),
        training_key(net, clips, LabelLoss(), TrainSettings(epochs=3), 0),
        training_key(net, clips, LabelLoss(), settings, 1),
    ]
    assert len(set(keys)) == len(keys)
    assert training_key(net, clips, LabelLoss(), settings, 0) == keys[0]


def test_progress_comes_back_as_it_was(tmp_path: Path) -> None:
    """Numbers and tensors, through a loader that runs no code."""
    Checkpoint(tmp_path / "deep", "key").write(Progress(1, 5, {"w": torch.arange(3)}, best_ccc=0.5))
    found = Checkpoint(tmp_path / "deep", "key").read()
    assert (found.stage, found.step, found.best_ccc) == (1, 5, 0.5)
    assert torch.equal(found.weights["w"], torch.arange(3))
    assert [path.suffix for path in (tmp_path / "deep").iterdir()] == [".pt"]


def test_a_damaged_checkpoint_is_a_fresh_start(tmp_path: Path) -> None:
    """A file cut short by a full disk costs the progress, not the run."""
    checkpoint = Checkpoint(tmp_path, "key")
    checkpoint.write(Progress(1, 5))
    assert checkpoint.path is not None
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:100])
    assert checkpoint.read() == Progress()


def test_a_damaged_checkpoint_costs_the_epoch_since_the_one_before(tmp_path: Path) -> None:
    """One flipped byte anywhere is noticed by its hash, reported, and the checkpoint before it is read."""
    said: list[str] = []

    class Told(Journal):
        def report(self, sentence: str) -> None:
            said.append(sentence)

    checkpoint = Checkpoint(tmp_path, "key")
    checkpoint.write(Progress(1, 5, {"w": torch.arange(3)}))
    checkpoint.write(Progress(1, 6, {"w": torch.arange(3)}))
    assert checkpoint.path is not None
    content = bytearray(checkpoint.path.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.path.write_bytes(bytes(content))
    with keeping(Told()):
        assert checkpoint.read().step == 5
    assert "is damaged; going on from the one before" in said[0]


def test_who_lost_the_task_writes_nothing(tmp_path: Path) -> None:
    """The journal is asked right before the file is replaced; an objection leaves the old file and no part."""

    class Fenced(Journal):
        def may_write(self) -> None:
            raise LeaseError("no longer ours")

    checkpoint = Checkpoint(tmp_path, "key")
    checkpoint.write(Progress(1, 5))
    with keeping(Fenced()), pytest.raises(LeaseError):
        checkpoint.write(Progress(1, 6))
    assert checkpoint.read().step == 5
    assert len(list(tmp_path.iterdir())) == 1


def test_another_key_in_the_same_file_is_a_fresh_start(tmp_path: Path) -> None:
    """The file's name holds only the key's beginning, so its whole is compared."""
    Checkpoint(tmp_path, "a" * 16 + "b").write(Progress(1, 5))
    assert Checkpoint(tmp_path, "a" * 16 + "c").read() == Progress()


def test_without_a_folder_nothing_is_kept() -> None:
    """Writing is allowed and does nothing."""
    checkpoint = Checkpoint(None, "key")
    checkpoint.write(Progress(1, 5))
    assert checkpoint.read() == Progress()
