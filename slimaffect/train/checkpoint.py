"""A training that is under way, on disk: enough to go on to the same weights as without the interruption."""

import hashlib
import io
import os
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from slimaffect.data.clips import Clips
from slimaffect.model.losses import Loss
from slimaffect.model.net import AffectNet
from slimaffect.train.device import device
from slimaffect.train.journal import journal
from slimaffect.train.pool import Extra
from slimaffect.train.ranks import ranks
from slimaffect.train.settings import TrainSettings

DIGEST = hashlib.sha256().digest_size


@dataclass
class Progress:
    """How far a training is. All of it is plain tensors and numbers, so reading it back runs no code."""

    stage: int = 0  # the present stage
    step: int = 0  # its steps that are over
    weights: dict[str, Tensor] = field(default_factory=dict)
    learned: dict[str, Tensor] = field(default_factory=dict)  # what the loss has learned, without its teacher
    head: dict[str, Tensor] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_ccc: float = float("-inf")
    slower: float = 1.0  # share of the learning rate that is left after a loss was no number

    def restore(self, net: AffectNet, loss: Loss) -> None:
        """Bring model and loss to where the training was."""
        if self.weights:
            net.load_state_dict(self.weights)
            loss.load_state_dict(self.learned, strict=False)

    def is_past(self, stage: int, steps: int) -> bool:
        """Tell whether a stage of so many steps is over."""
        return self.stage > stage or (self.stage == stage and self.step >= steps)

    def enter(self, stage: int, optimiser: torch.optim.Optimizer, head: nn.Module | None) -> None:
        """Begin a stage, or bring one that was interrupted to where it was."""
        if self.stage != stage or not self.step:
            self.stage, self.step = stage, 0
            return
        optimiser.load_state_dict(self.optimiser)
        if head is not None:
            head.load_state_dict(self.head)

    def judge(self, score: float, net: AffectNet) -> None:
        """Keep the weights if they are the best so far."""
        if score > self.best_ccc:
            self.best_ccc, self.best = score, _copied(net)

    def keep(
        self, step: int, net: AffectNet, loss: Loss, optimiser: torch.optim.Optimizer, head: nn.Module | None
    ) -> None:
        """Keep everything as it is after this step."""
        self.step, self.weights = step, _copied(net)
        self.learned = {n: p.detach().clone() for n, p in loss.named_parameters() if p.requires_grad}
        self.head = _copied(head) if head is not None else {}
        self.optimiser = deepcopy(optimiser.state_dict())  # its tensors change at the next step


def _copied(module: nn.Module) -> dict[str, Tensor]:
    """Copy a module's state, so that later steps do not change what was kept."""
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


def training_key(
    net: AffectNet, clips: Clips, loss: Loss, settings: TrainSettings, seed: int, extra: Extra | None = None
) -> str:
    """sha256 of all that decides a training's weights, so that no checkpoint is taken for another's."""
    told = f"{net.spec!r}\n{settings!r}\n{seed}\n{clips.fingerprint}\n{loss!r}\n{device().type}"
    digest = hashlib.sha256(told.encode())
    if extra:
        digest.update(f"\n{extra.clips.fingerprint} {extra.share}".encode())
    for module in (net, loss):
        for name, tensor in module.state_dict().items():
            digest.update(f"{name}{tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()


class Checkpoint:
    """The file of one training, and the one before it; without a folder nothing is kept.

    A file begins with the sha256 of the rest. One that is not as it was written costs the epoch since the one before.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self.path = folder / f"training-{key[:16]}.pt" if folder else None
        self.key = key

    def read(self) -> Progress:
        """Answer how far the training was; a fresh start where there is no file, or none that is intact."""
        for path in (self.path, self._before) if self.path and self._before else ():
            if (found := _read(path)) is not None and found.get("key") == self.key:
                return Progress(**found["progress"])
        return Progress()

    @property
    def _before(self) -> Path | None:
        return self.path and self.path.with_suffix(".before.pt")

    def write(self, progress: Progress) -> None:
        """Replace the file whole or not at all.

        Raises:
            LeaseError: this process has lost its task to another; nothing is written.
        """
        if self.path is None or self._before is None or ranks().number:
            return  # of several ranks the first writes
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        torch.save({"key": self.key, "progress": vars(progress)}, content)
        part = self.path.with_suffix(f".{os.getpid()}.part")
        try:
            part.write_bytes(hashlib.sha256(content.getbuffer()).digest() + content.getbuffer())
            journal().may_write()
            if self.path.is_file():
                self.path.replace(self._before)
            part.replace(self.path)
        finally:
            part.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any] | None:
    """Read a checkpoint if it is there and intact; a damaged one is reported."""
    try:
        digest, content = (whole := path.read_bytes())[:DIGEST], whole[DIGEST:]
    except FileNotFoundError:
        return None
    except OSError as error:
        journal().report(f"checkpoint {path.name} cannot be read ({error.strerror}); going on from the one before")
        return None
    if hashlib.sha256(content).digest() != digest:
        journal().report(f"checkpoint {path.name} is damaged; going on from the one before")
        return None
    return torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
