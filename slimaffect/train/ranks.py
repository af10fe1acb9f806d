"""Several processes (ranks) that train one model: each answers its part of every batch, and all learn from the whole.

The batch is drawn on every rank alike and split; the answers are gathered before they are compared with the labels, so
that CCC is that of the whole batch (the mean of the ranks' CCC is another number); each rank's gradient is that of the
whole loss by its own part, so the sum over ranks is what one process would have found. torch's DistributedDataParallel
averages losses of parts, and wants one forward: our loop calls the parts of a model, so the sum is done here, in one
message for all weights. Without a group everything here answers what it was given.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from slimaffect.errors import RunError
from slimaffect.model.losses import Batch
from slimaffect.model.net import Answer

NAME_BYTES = 64  # of a subject's name, when names are gathered
PATIENCE = timedelta(minutes=10)  # with a rank that does not answer; what is dead closes its socket at once


@dataclass(frozen=True)
class Part:
    """One of several equal parts of a batch."""

    number: int = 0
    count: int = 1

    def of(self, rows: Any) -> Any:
        """Take this part's rows.

        Raises:
            RunError: the batch cannot be split evenly.
        """
        if self.count == 1:
            return rows
        if len(rows) % self.count:
            raise RunError(
                f"A batch of {len(rows)} cannot be split evenly into {self.count} parts (execution.ranks x "
                f"train.ranks.accumulate). Choose a batch that is a multiple of {self.count}."
            )
        size = len(rows) // self.count
        return rows[self.number * size : (self.number + 1) * size]

    def within(self, number: int, count: int) -> "Part":
        """Take a part of this part."""
        return Part(self.number * count + number, self.count * count)


@dataclass(frozen=True)
class Ranks:
    """This process's number, how many there are, and what they talk through."""

    number: int = 0
    count: int = 1
    group: Any = None  # a torch ProcessGroup

    @property
    def part(self) -> Part:
        """The part of each batch that is ours."""
        return Part(self.number, self.count)

    def summed(self, tensor: Tensor) -> Tensor:
        """Sum a tensor over all ranks, in place; answers it."""
        if self.count > 1:
            self.group.allreduce([tensor]).wait()
        return tensor

    def gathered(self, mine: Shaped[Tensor, "part ..."]) -> Shaped[Tensor, "batch ..."]:
        """Put all ranks' parts behind each other; ours keeps its gradient."""
        if self.count == 1:
            return mine
        sent = mine.detach().to(torch.uint8) if mine.dtype == torch.bool else mine.detach().contiguous()
        parts = [torch.empty_like(sent) for _ in range(self.count)]
        self.group.allgather([parts], [sent]).wait()
        own = [mine if number == self.number else part.to(mine.dtype) for number, part in enumerate(parts)]
        return torch.cat(own)

    def any(self, told: bool, on: torch.device) -> bool:
        """Tell whether any rank says so: what all do together must be decided together."""
        if self.count == 1:
            return told
        return bool(self.summed(torch.tensor([float(told)], device=on)).item())


_joined: ContextVar[Ranks] = ContextVar("ranks", default=Ranks())  # noqa: B039  (frozen)


def ranks() -> Ranks:
    """Answer the ranks of this block; one, outside any."""
    return _joined.get()


@contextmanager
def joining(group: Ranks) -> Iterator[Ranks]:
    """Train together with the other ranks inside the block."""
    token = _joined.set(group)
    try:
        yield group
    finally:
        _joined.reset(token)


@contextmanager
def launched(backend: str) -> Iterator[Ranks]:
    """Join the ranks that torchrun launched, by the variables that it sets.

    torchrun 2.13 keeps one store over its restarts, and ranks that are started again sometimes find the addresses of
    the dead ones there (pytorch issue 135712). So each life has names of its own in it.
    """
    import torch.distributed as dist
    from torch.distributed import PrefixStore, TCPStore  # pyright: ignore[reportPrivateImportUsage]  (documented)

    told = os.environ
    store = TCPStore(told["MASTER_ADDR"], int(told["MASTER_PORT"]), is_master=False, timeout=PATIENCE)
    ours = PrefixStore(f"life {life()}", store)
    number, count = int(told["RANK"]), int(told["WORLD_SIZE"])
    dist.init_process_group(backend, store=ours, rank=number, world_size=count, timeout=PATIENCE)
    try:
        with joining(Ranks(dist.get_rank(), dist.get_world_size(), dist.group.WORLD)) as group:
            yield group
    finally:
        dist.destroy_process_group()


def life() -> int:
    """Answer how often torchrun has started the ranks again."""
    return int(os.environ["TORCHELASTIC_RESTART_COUNT"])


def local_rank() -> int:
    """Answer this process's number on its machine, as torchrun says it."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def whole(answer: Answer, batch: Batch) -> tuple[Answer, Batch]:
    """Gather all ranks' answers and what they are compared with."""
    group = ranks()
    if group.count == 1:
        return answer, batch
    seen = None if batch.seen is None else group.gathered(batch.seen)
    teacher = None if batch.teacher is None else _gathered(batch.teacher)
    affect, valid = group.gathered(batch.affect), group.gathered(batch.valid)
    return _gathered(answer), Batch(affect, valid, teacher, seen, _names(batch.whose, answer.affect.device))


def _gathered(answer: Answer) -> Answer:
    group = ranks()
    hidden = None if answer.hidden is None else group.gathered(answer.hidden)
    return Answer(group.gathered(answer.affect), group.gathered(answer.features), None, hidden)


def _names(mine: Sequence[str], on: torch.device) -> tuple[str, ...]:
    """Gather names as bytes: sending objects would send pickles."""
    if not mine:
        return ()
    rows = [list(name.encode()[:NAME_BYTES].ljust(NAME_BYTES, b"\0")) for name in mine]
    told = ranks().gathered(torch.tensor(rows, dtype=torch.uint8, device=on))
    return tuple(bytes(row).rstrip(b"\0").decode(errors="replace") for row in told.cpu().tolist())


def add_up(learns: Sequence[nn.Parameter], alike: Sequence[nn.Parameter]) -> None:
    """Sum the gradients over all ranks, in one message.

    `alike` are parameters of the loss: every rank has found their whole gradient already, so theirs is averaged.
    """
    group = ranks()
    if group.count == 1:
        return
    same = {id(parameter) for parameter in alike}
    learned = [parameter for parameter in learns if parameter.grad is not None]
    grads = [p.grad / group.count if id(p) in same else p.grad for p in learned if p.grad is not None]
    flat = group.summed(torch.cat([grad.reshape(-1).float() for grad in grads]))
    for parameter, part in zip(learned, flat.split([p.numel() for p in learned]), strict=True):
        parameter.grad = part.view_as(parameter).to(parameter.dtype)


@torch.no_grad()
def same_start(*modules: nn.Module) -> None:
    """Let every rank begin with the weights of the first."""
    group = ranks()
    for module in modules if group.count > 1 else ():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(group.summed(tensor.clone() if group.number == 0 else torch.zeros_like(tensor)))


@torch.no_grad()
def even_out(*modules: nn.Module) -> None:
    """Average what batch norms have measured: without `sync_batch_norm` each rank has seen its parts only."""
    group = ranks()
    for module in modules if group.count > 1 else ():
        for buffer in module.buffers():
            if buffer.is_floating_point():
                buffer.copy_(group.summed(buffer.clone()) / group.count)


class _Sum(torch.autograd.Function):
    """A sum over ranks whose gradient is the sum of the gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        del ctx
        return ranks().summed(x.clone())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        del ctx
        return ranks().summed(grads[0].contiguous().clone())


class SyncedNorm(nn.BatchNorm2d):
    """A batch norm that measures the whole batch of all ranks; torch's own is for GPUs only."""

    def forward(self, input: Float[Tensor, "n channels h w"]) -> Float[Tensor, "n channels h w"]:  # noqa: A002  (torch's)
        """Normalise by mean and variance of all ranks' maps: mean first, then deviations, in float32."""
        if not self.training or ranks().count == 1:
            return super().forward(input)
        wide = input.float()
        n = ranks().count * input.numel() // input.shape[1]
        mean = _Sum.apply(wide.sum((0, 2, 3))) / n
        away = wide - mean[:, None, None]
        variance = _Sum.apply(away.square().sum((0, 2, 3))) / n
        self._remember(mean, variance * n / (n - 1))
        normed = away * torch.rsqrt(variance + self.eps)[:, None, None]
        return (normed * self.weight[:, None, None] + self.bias[:, None, None]).to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Float[Tensor, " channels"], variance: Float[Tensor, " channels"]) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += 1


def sync_norms(net: nn.Module) -> None:
    """Let the batch norms of a model measure all ranks' maps. Only their class changes: weights and names stay."""
    for module in net.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SyncedNorm


def part_norms(net: nn.Module) -> None:
    """Make them ordinary ones again, for whoever prunes or exports."""
    for module in net.modules():
        if type(module) is SyncedNorm:
            module.__class__ = nn.BatchNorm2d  # pyright: ignore[reportAttributeAccessIssue]
