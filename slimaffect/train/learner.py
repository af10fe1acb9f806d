"""What changes while training: a copy of the model, of the loss, and how frames pass through them."""

from collections.abc import Iterator, Sequence
from copy import deepcopy

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from slimaffect.model.frozen import Folded
from slimaffect.model.losses import Loss
from slimaffect.model.net import AffectNet, Answer, State
from slimaffect.train.augment import View, alter
from slimaffect.train.device import device
from slimaffect.train.journal import journal
from slimaffect.train.ranks import part_norms, ranks, sync_norms
from slimaffect.train.settings import TrainSettings


class Learner:
    """A model and a loss that may be changed, because they are copies; they lie on the processor that trains."""

    def __init__(self, net: AffectNet, loss: Loss, settings: TrainSettings, seed: int) -> None:
        self.device = device()
        self.net, self.loss = deepcopy(net).to(self.device), deepcopy(loss).to(self.device)
        self.settings, self.seed = settings, seed
        self.part = ranks().part
        if settings.ranks.sync_batch_norm:
            sync_norms(self.net)
        self.tidy = settings.amp == "auto"
        self.amp = self.tidy and bfloat16_pays(self.device)
        if self.tidy:
            _lay_out(self.net.cnn, torch.channels_last)

    def alter(
        self, frames: UInt8[Tensor, "batch time 3 height width"], view: View
    ) -> Float[Tensor, "batch time 3 height width"]:
        """Alter clips, and count their frames as examples."""
        journal().examples += frames.shape[0] * frames.shape[1]
        return alter(frames, view)

    def encode(
        self, frames: Float[Tensor, "batch time 3 height width"], net: AffectNet | Folded | None = None
    ) -> Float[Tensor, "batch time features"]:
        """Answer the features of clips; the CNN computes in bfloat16 where that pays, the answer is float32.

        `net` is asked in place of the learner's own: a form of it that is faster where batch norms measure no more.

        Kernels and pictures lie in memory colour by colour of a pixel: 1.2 to 1.5 times as fast even in float32.
        """
        flat = frames.flatten(0, 1)
        if self.tidy:
            flat = flat.contiguous(memory_format=torch.channels_last)
        with self._cheaply():
            features = (net or self.net).encode(flat)
        return features.float().unflatten(0, (frames.shape[0], frames.shape[1]))

    def taught(
        self, frames: Float[Tensor, "batch time 3 height width"], whose: Sequence[str], state: State | None = None
    ) -> Answer | None:
        """Answer what the teacher of these subjects says of the same pixels; None without a teacher."""
        with self._cheaply():
            return self.loss.teach(frames, state, whose)

    def _cheaply(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.amp)

    def loss_learns(self) -> Iterator[nn.Parameter]:
        """Iterate over what the loss learns; a frozen teacher is not among it."""
        return (parameter for parameter in self.loss.parameters() if parameter.requires_grad)

    def finished(self) -> AffectNet:
        """Answer the trained model, in main memory, in eval mode and without gradients."""
        _lay_out(self.net.cnn, torch.contiguous_format)
        part_norms(self.net)
        self.net.zero_grad(set_to_none=True)
        return self.net.cpu().eval()


def _lay_out(cnn: nn.Module, memory: torch.memory_format) -> None:
    """Order the kernels in memory as the pictures are; torch's own typing does not know this form of `to`."""
    cnn.to(memory_format=memory)  # pyright: ignore[reportCallIssue]


def bfloat16_pays(on: torch.device) -> bool:
    """Tell whether a processor multiplies bfloat16 natively; elsewhere it is slower than float32."""
    if on.type == "cuda":
        return torch.cuda.get_device_capability(on) >= (8, 0)
    return bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001 (torch 2.13 has no public name for it)
