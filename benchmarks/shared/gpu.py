"""Training steps on a GPU under some levers: how clips are fed, what a step is, and what a window of them costs."""

import math
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler

from slimaffect.model.count import macs_per_frame
from slimaffect.model.losses import Batch, LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.shapes import shape
from slimaffect.model.spec import ModelSpec
from slimaffect.train.augment import View, alter, draw_view
from slimaffect.train.settings import AugmentSettings

FRAMES = 16  # of a clip


@dataclass(frozen=True)
class Levers:
    """What is turned on. Each row of the ladder is the one before it and one more."""

    resident: bool = False  # uint8 clips on the device, altered there; else float32 clips from DataLoader workers
    tf32: bool = False
    bf16: bool = False  # of the CNN; LSTM, head and loss stay in float32
    channels_last: bool = False
    compiled: bool = False  # the CNN only: an LSTM is a library call already

    @property
    def name(self) -> str:
        """Say what is on."""
        on = [name for name, value in asdict(self).items() if value]
        return "+ " + ", ".join(on) if on else "plain: DataLoader, fp32"


@dataclass(frozen=True)
class Arm:
    """One row to measure."""

    model: str
    batch: int  # clips
    levers: Levers
    weight: float = 1.0  # of the time there is


@dataclass
class Row:
    """What was measured of an arm; None where it was not."""

    model: str
    batch: int
    levers: dict[str, bool]
    clips_per_s: float | None = None
    frames_per_s: float | None = None
    step_ms: float | None = None
    steps: int = 0
    seconds: float = 0.0
    ready_s: float | None = None  # the first step: library selection, compilation
    utilisation: float | None = None
    joules_per_clip: float | None = None
    watts: float | None = None
    peak_memory_mb: float | None = None
    tflops: float | None = None
    why_not: str | None = None


@dataclass
class Bench:
    """What all arms share."""

    device: torch.device
    clips: int  # that are there to draw from
    pixels: int
    workers: int
    threads: int
    nvml: "Nvml"
    frames: Tensor = field(init=False)  # uint8, on the host
    affect: Tensor = field(init=False)

    def __post_init__(self) -> None:
        """Make random clips, and labels that vary as slowly as affect does."""
        random = torch.Generator().manual_seed(0)
        shape_ = (self.clips, FRAMES, 3, self.pixels, self.pixels)
        self.frames = torch.randint(0, 256, shape_, generator=random, dtype=torch.uint8)
        drift = torch.randn(self.clips, FRAMES, 2, generator=random).cumsum(1) * 0.1
        self.affect = torch.tanh(drift + torch.randn(self.clips, 1, 2, generator=random) * 0.3)


class Nvml:
    """Utilisation and joules of GPU 0, read while a window runs; None for what the driver does not tell."""

    def __init__(self, device: torch.device) -> None:
        """Open the device if there is one and its library can be loaded."""
        self.handle: Any = None
        self.why_not = "no CUDA device"
        if device.type != "cuda":
            return
        try:
            import pynvml

            pynvml.nvmlInit()
            self.library, self.handle = pynvml, pynvml.nvmlDeviceGetHandleByIndex(device.index or 0)
        except Exception as error:  # noqa: BLE001  (missing library, driver or right: the columns stay empty)
            self.why_not = f"{type(error).__name__}: {error}"

    def joules(self) -> float | None:
        """Read the energy counter."""
        return self._ask(lambda: self.library.nvmlDeviceGetTotalEnergyConsumption(self.handle) / 1e3)

    def busy(self) -> float | None:
        """Read the share of the last sample in which a kernel ran."""
        return self._ask(lambda: self.library.nvmlDeviceGetUtilizationRates(self.handle).gpu / 100)

    def _ask(self, what: Callable[[], float]) -> float | None:
        if self.handle is None:
            return None
        try:
            return what()
        except self.library.NVMLError as error:
            self.why_not = str(error)
            return None

    @contextmanager
    def watching(self) -> Iterator[list[float]]:
        """Sample the utilisation every 100 ms: the driver refreshes it no faster."""
        seen: list[float] = []
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(0.1):
                if (busy := self.busy()) is not None:
                    seen.append(busy)

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            stop.set()
            thread.join()


class PlainClips(Dataset[tuple[Tensor, Tensor]]):
    """Clips as a plain loop reads them: one at a time, made float32 and mirrored in a worker."""

    def __init__(self, frames: Tensor, affect: Tensor) -> None:
        self.frames, self.affect = frames, affect

    def __len__(self) -> int:
        """Count the clips."""
        return len(self.frames)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Alter one clip on the CPU as the GPU would, and answer it with its labels."""
        view = draw_view(1, AugmentSettings(), torch.Generator().manual_seed(index))
        return alter(self.frames[index][None], view)[0], self.affect[index]


Batches = Iterator[tuple[Tensor, Tensor]]


def resident(bench: Bench, batch: int) -> Batches:
    """Draw batches of clips that lie on the device, and alter them there."""
    frames, affect = bench.frames.to(bench.device), bench.affect.to(bench.device)
    random, views = torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)
    while True:
        drawn = torch.randint(len(frames), (batch,), generator=random).to(bench.device, non_blocking=True)
        view = View(*(part.to(bench.device) for part in draw_view(batch, AugmentSettings(), views)))
        yield alter(frames[drawn], view), affect[drawn]


def loaded(bench: Bench, batch: int) -> Batches:
    """Feed batches from DataLoader workers, pinned where there is a GPU."""
    clips = PlainClips(bench.frames, bench.affect)
    cuda = bench.device.type == "cuda"
    sampler = RandomSampler(clips, replacement=True, num_samples=10**6, generator=torch.Generator().manual_seed(1))
    loader = DataLoader(clips, batch, sampler=sampler, num_workers=bench.workers, pin_memory=cuda, drop_last=True)
    for frames, affect in loader:
        yield frames.to(bench.device, non_blocking=True), affect.to(bench.device, non_blocking=True)


class Trainer:
    """One model in training under some levers."""

    def __init__(self, spec: ModelSpec, levers: Levers, device: torch.device) -> None:
        torch.manual_seed(0)
        torch.backends.cuda.matmul.allow_tf32 = levers.tf32
        torch.backends.cudnn.allow_tf32 = levers.tf32
        torch.backends.cudnn.benchmark = True
        self.net, self.levers, self.device = AffectNet(spec).to(device).train(), levers, device
        if levers.channels_last:
            self.net.cnn.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        if levers.compiled:
            self.net.cnn.compile()
        self.loss = LabelLoss()
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=1e-4, weight_decay=0.02, fused=True)

    def step(self, frames: Tensor, affect: Tensor) -> Tensor:
        """Take one training step; the loss stays on the device, so that no step waits for another."""
        flat = frames.flatten(0, 1)
        if self.levers.channels_last:
            flat = flat.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.levers.bf16):
            features = self.net.encode(flat)
        answer = self.net.read(features.float().unflatten(0, frames.shape[:2]))
        valid = torch.ones(affect.shape[:2], dtype=torch.bool, device=self.device)
        loss = self.loss(answer, Batch(affect, valid))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        return loss.detach()


def measure(arm: Arm, bench: Bench, seconds: float) -> Row:
    """Measure one arm; memory that does not suffice, or a compiler that is not there, is a finding too."""
    row = Row(arm.model, arm.batch, asdict(arm.levers))
    try:
        _measure(arm, bench, seconds, row)
    except torch.cuda.OutOfMemoryError:
        row.why_not = "out of memory"
    except Exception as error:  # noqa: BLE001  (a compiler raises many kinds; the other rows still count)
        row.why_not = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
    if bench.device.type == "cuda":
        torch.cuda.empty_cache()
    torch.compiler.reset()
    return row


def _measure(arm: Arm, bench: Bench, seconds: float, row: Row) -> None:
    spec = spec_of(arm.model, bench.pixels)
    feed = resident(bench, arm.batch) if arm.levers.resident else loaded(bench, arm.batch)
    if bench.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    trainer = Trainer(spec, arm.levers, bench.device)
    row.ready_s = _warm_up(trainer, feed, bench.device)
    joules, begun = bench.nvml.joules(), time.perf_counter()
    loss = torch.zeros(())
    with bench.nvml.watching() as busy:
        while time.perf_counter() - begun < seconds or row.steps < 3:
            loss = trainer.step(*next(feed))
            row.steps += 1  # the loss picks the valid frames, which waits for the device: the host cannot run ahead
    _synchronise(bench.device)
    row.seconds = time.perf_counter() - begun
    _fill(row, bench, spec, busy, joules)
    if not math.isfinite(loss.item()):
        row.why_not = f"the loss became {loss.item()}: these figures are not of a sound step"


def _warm_up(trainer: Trainer, feed: Batches, device: torch.device) -> float:
    begun = time.perf_counter()
    trainer.step(*next(feed))
    _synchronise(device)
    first = time.perf_counter() - begun
    for _ in range(3):
        trainer.step(*next(feed))
    _synchronise(device)
    return first


def _fill(row: Row, bench: Bench, spec: ModelSpec, busy: list[float], joules: float | None) -> None:
    clips = row.steps * row.batch
    row.clips_per_s = clips / row.seconds
    row.frames_per_s = row.clips_per_s * FRAMES
    row.step_ms = row.seconds / row.steps * 1e3
    row.tflops = 6 * macs_per_frame(spec) * row.frames_per_s / 1e12
    row.utilisation = statistics.mean(busy) if busy else None
    after = bench.nvml.joules()
    if joules is not None and after is not None and after > joules:
        row.joules_per_clip, row.watts = (after - joules) / clips, (after - joules) / row.seconds
    if bench.device.type == "cuda":
        row.peak_memory_mb = torch.cuda.max_memory_allocated() / 1e6


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def spec_of(model: str, pixels: int) -> ModelSpec:
    """Answer a shape at this resolution."""
    return shape(model).model_copy(update={"pixels": pixels})
