"""Does our training loop keep up? Clips a second of CPU time (or of a GPU's wall time), beside a plain PyTorch loop.

The plain loop is what one writes first: a Dataset that reads a clip from the mapped file and alters it, a DataLoader in
the same process, float32, the CNN-LSTM end to end on every batch, AdamW. It draws the same clips as ours, with the same
alterations, and both losses are printed: with precision off they are the same numbers.

- plain: that loop;
- plain, memory kept: the same in the environment in which our workers start, so that what the environment does and
  what the loop does are told apart;
- ours, end to end: the third stage of `train` on the same batches, one to one: alterations of a whole batch at once,
  kernels laid out as pictures lie, bfloat16 where the processor has it, frames resident on a GPU;
- ours, whole schedule: all three stages with their default lengths, features of the frozen CNN kept once for the LSTM.
  A clip counts each time the loss sees one: most of them cost no pixels. That is the lever, and it is not one to one.

All alternate, in rounds, because other programs may share the machine. The first has a process with the environment
that you have, the others one in which memory is kept, in large pages. On the CPU one thread and CPU-seconds; on a GPU
(`--device cuda`) wall seconds after synchronising, and the plain loop may have `--loaders` processes, whose CPU time is
not counted against it.

Below the table stands what no loop can pass: the work of a clip over the rate at which this core multiplies matrices.

Measured on 28 November 2026 (`--models reference small micro --pixels 48 64 96 --rounds 3 --steps 4 --epochs 1`, seven
minutes; docs/methods/train.md, results/reference/training.json): one to one the aim of 3 is met by `reference` from 64
pixels on and by `small` at 96 on a core with bfloat16 (3.1 to 4.0), and missed below that (1.0 to 2.2) and without
bfloat16 (1.3 to 1.6). The whole schedule is 5 to 24 times the plain loop.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from shared.where import where
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from slimaffect.data.clips import Clips, Recording, cut
from slimaffect.execute.surroundings import surrounded
from slimaffect.model.losses import Batch, LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.shapes import shape
from slimaffect.train.augment import View, alter, draw_view
from slimaffect.train.device import computing_on, device
from slimaffect.train.journal import Journal, keeping
from slimaffect.train.learner import Learner, bfloat16_pays
from slimaffect.train.loop import train
from slimaffect.train.pool import Pool
from slimaffect.train.randomness import numpy_generator, torch_generator
from slimaffect.train.settings import TrainSettings
from slimaffect.train.stages import STAGES, lengths

SEED, DECAY, NORM = 0, 0.02, 1.0
PLAIN, KEPT = "plain", "plain, memory kept"
AIM = 3.0  # times the clips a second of the plain loop


class Case(NamedTuple):
    """What is trained."""

    model: str  # the name of a shape
    pixels: int  # the side of the crops


class Took(NamedTuple):
    """What some steps took: clips, seconds of CPU (or of a GPU's wall time), and the loss of each step."""

    clips: int
    seconds: float
    losses: list[float]

    @property
    def rate(self) -> float:
        """Clips a second."""
        return self.clips / self.seconds


class Drawn(Dataset):
    """The clips that our loop would draw, step after step, read and altered one by one."""

    def __init__(self, clips: Clips, settings: TrainSettings, steps: int) -> None:
        self.pool, self.plan = Pool(clips, on=torch.device("cpu")), settings.end_to_end
        starts = self.pool.starts(self.plan.frames, self.plan.unscored)
        draw = self.pool.draw
        self.places = [
            place
            for step in range(steps)
            for place in draw(starts, self.plan.batch, numpy_generator(SEED, "end_to_end", step)).tolist()
        ]
        views = [
            draw_view(self.plan.batch, settings.augment, torch_generator(SEED, "end_to_end view", step))
            for step in range(steps)
        ]
        self.views = [View(*(part[at : at + 1] for part in view)) for view in views for at in range(self.plan.batch)]

    def __len__(self) -> int:
        """Count the clips."""
        return len(self.places)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        """Read one clip: altered frames, labels, which frames are scored."""
        stretch, first = self.places[index]
        place = self.pool.place(stretch, first, self.plan.frames, self.plan.unscored)
        frames = torch.from_numpy(self.pool.frames[place.recording][place.at])
        return alter(frames[None], self.views[index])[0], torch.from_numpy(place.affect), torch.from_numpy(place.valid)


def drawn_clips(folder: Path, *, subjects: int, seconds: float, pixels: int) -> Clips:
    """Draw noise that is stored as crops are: what is timed does not depend on what they show."""
    random, recordings, rate = np.random.default_rng(0), [], 12.5
    for number in range(subjects):
        length, path = round(seconds * rate), folder / f"{number}.npy"
        np.save(path, random.integers(0, 255, (length, 3, pixels, pixels), dtype=np.uint8))
        affect = np.tanh(np.cumsum(random.normal(0, 0.1, (length, 2)), 0)).astype(np.float32)
        times = np.arange(length) / rate
        valid = np.ones(length, dtype=bool)
        frames = np.load(path, mmap_mode="r")
        recordings.append(Recording(f"S{number % 2}", f"P{number}", "r", frames, affect, valid, times, str(number)))
    return cut(recordings, length=40, stride=10, rate=rate)


def plain(clips: Clips, net: AffectNet, settings: TrainSettings, steps: int, loaders: int) -> Took:
    """Train as one writes it first."""
    net, loss, on = net.train().to(device()), LabelLoss(), device()
    net.cnn.eval()
    loader = DataLoader(Drawn(clips, settings, steps + 1), batch_size=settings.end_to_end.batch, num_workers=loaders)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-5, weight_decay=DECAY)

    def learn(frames: Tensor, affect: Tensor, valid: Tensor) -> float:
        answer = net.read(net.encode(frames.to(on).flatten(0, 1)).unflatten(0, frames.shape[:2]))
        found = loss(answer, Batch(affect.to(on), valid.to(on)))
        optimiser.zero_grad()
        found.backward()
        nn.utils.clip_grad_norm_(net.parameters(), NORM)
        optimiser.step()
        return found.item()

    batches = iter(loader)
    return _timed(lambda _: learn(*next(batches)), steps, settings.end_to_end.batch)


def ours(clips: Clips, net: AffectNet, settings: TrainSettings, steps: int) -> Took:
    """Take the same steps by the stage of our loop."""
    learner, pool = Learner(net, LabelLoss(), settings, SEED), Pool(clips)
    course = STAGES["end_to_end"](learner, pool)
    optimiser = torch.optim.AdamW(course.learns, lr=1e-5, weight_decay=DECAY, fused=True)

    def learn(step: int) -> float:
        found = learner.loss(*course.attempt(step))
        optimiser.zero_grad(set_to_none=True)
        found.backward()
        nn.utils.clip_grad_norm_(course.learns, NORM)
        optimiser.step()
        return found.item()

    return _timed(learn, steps, settings.end_to_end.batch)


def _timed(learn: Callable[[int], float], steps: int, batch: int) -> Took:
    """Take one step to warm up, then time the others; every step hides the same features on both sides."""

    def seeded(step: int) -> float:
        torch.manual_seed(step)
        return learn(step)

    losses = [seeded(0)]
    begun = _now()
    losses += [seeded(step) for step in range(1, steps + 1)]
    return Took(steps * batch, _now() - begun, losses)


def whole(clips: Clips, net: AffectNet, settings: TrainSettings) -> Took:
    """Train from beginning to end, and count the clips that the loss sees, in clips of the third stage's length."""
    frames = {"frames": settings.frames.batch}
    frames |= {"sequences": settings.sequences.batch * settings.sequences.frames}
    frames |= {"end_to_end": settings.end_to_end.batch * settings.end_to_end.frames}
    seen = sum(length.steps * frames[length.name] for length in lengths(settings, clips.share))
    begun = _now()
    with keeping(Journal()):
        train(net, clips, LabelLoss(), settings, SEED)
    return Took(round(seen / settings.end_to_end.frames), _now() - begun, [])


class Limit(NamedTuple):
    """What bounds a loop one to one: the work of a clip, and how fast a core multiplies matrices."""

    gflop: float
    gflop_per_s: dict[str, float]  # of each type that is reckoned with


def _now() -> float:
    if device().type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def fresh(case: Case) -> AffectNet:
    """Make a net of the shape that was asked for, with weights as torch draws them."""
    return AffectNet(shape(case.model).model_copy(update={"pixels": case.pixels}))


class Ready(NamedTuple):
    """What a process trains with."""

    options: argparse.Namespace
    clips: Clips
    initial: AffectNet

    def net(self) -> AffectNet:
        """Copy the net that everybody starts from."""
        return deepcopy(self.initial)

    def settings(self, **words: Any) -> TrainSettings:
        """Make the settings that everybody has, but for some words."""
        found = TrainSettings(**words)
        batch = found.end_to_end.model_copy(update={"batch": self.options.batch})
        return found.model_copy(update={"end_to_end": batch})


def limit() -> Limit:
    """Count a step's multiplications, forwards and backwards, and time square matrix products of 1024."""
    on = _ready[0]
    with computing_on("cpu"), FlopCounterMode(display=False) as counter:
        plain(on.clips, on.net(), on.settings(), 1, 0)
    clips = 2 * on.options.batch  # the step that warms up is counted as well
    types = [torch.float32, torch.bfloat16] if bfloat16_pays(torch.device("cpu")) else [torch.float32]
    return Limit(
        counter.get_total_flops() / clips / 1e9, {str(one).removeprefix("torch."): _product(one) for one in types}
    )


def _product(of: torch.dtype, side: int = 1024, rounds: int = 20) -> float:
    """Answer the GFLOP/s of a matrix product, the fastest of some."""
    square, times = torch.rand(side, side).to(of), []
    for _ in range(rounds):
        begun = time.process_time()
        torch.mm(square, square)
        times.append(time.process_time() - begun)
    return 2 * side**3 / min(times) / 1e9


def _plainly(on: Ready) -> Took:
    return plain(on.clips, on.net(), on.settings(), on.options.steps, on.options.loaders)


CONTENDERS: dict[str, Callable[[Ready], Took]] = {
    PLAIN: _plainly,
    KEPT: _plainly,
    "ours, end to end, float32": lambda on: ours(on.clips, on.net(), on.settings(amp="off"), on.options.steps),
    "ours, end to end": lambda on: ours(on.clips, on.net(), on.settings(), on.options.steps),
    "ours, whole schedule": lambda on: whole(on.clips, on.net(), TrainSettings(epochs=on.options.epochs)),
}


def rounds(options: argparse.Namespace, case: Case, folder: Path) -> tuple[list[dict[str, Took]], Limit | None]:
    """Let all take turns, every second round backwards; all but the first in a process that starts as a worker does."""
    started = {"max_workers": 1, "mp_context": get_context("spawn"), "initializer": _start}
    with ProcessPoolExecutor(**started, initargs=(options, case, folder)) as bare:
        bare.submit(_awake).result()  # a process starts with its first call
        with surrounded(1), ProcessPoolExecutor(**started, initargs=(options, case, folder)) as worker:
            bound = worker.submit(limit).result() if options.device == "cpu" else None
            found = []
            for number in range(options.rounds):
                order = list(CONTENDERS)[:: -1 if number % 2 else 1]
                found.append({name: (bare if name == PLAIN else worker).submit(_turn, name).result() for name in order})
    return found, bound


_ready: list[Ready] = []


def _start(options: argparse.Namespace, case: Case, folder: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    clips = drawn_clips(folder, subjects=8, seconds=options.seconds, pixels=case.pixels)
    _ready[:] = [Ready(options, clips, fresh(case))]


def _awake() -> None:
    """Do nothing: the process has read its clips then."""


def _turn(name: str) -> Took:
    with computing_on(_ready[0].options.device):
        return CONTENDERS[name](_ready[0])


def main() -> None:
    """Measure each model, print its table, and what no loop could pass."""
    options, console, told = _options(), Console(), []
    if options.quick:
        options.steps, options.rounds, options.epochs, options.seconds, options.models = 1, 1, 1, 20.0, ["tiny"]
    for case in (Case(model, pixels) for model in options.models for pixels in options.pixels):
        with tempfile.TemporaryDirectory() as folder:
            found, bound = rounds(options, case, Path(folder))
        rows = _rows(found)
        console.print(_table(rows, case, options.device))
        if bound:
            console.print(_bounded(bound, rows))
        told.append({**case._asdict(), "rows": rows, "limit": bound and bound._asdict()})
    if options.json:
        asked = {name: str(value) for name, value in vars(options).items() if name != "json"}
        options.json.write_text(json.dumps({**where(), "cases": told, "options": asked, "aim": AIM}, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one step of each: does it run?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--models", nargs="+", default=["reference"], metavar="SHAPE", help="shapes, one after another")
    parser.add_argument("--pixels", nargs="+", type=int, default=[48], help="sides of the crops, one after another")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each of 8 recordings")
    parser.add_argument("--batch", type=int, default=6, help="clips in a step")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=12, help="of the whole schedule")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--loaders", type=int, default=0, help="processes of the plain loop's DataLoader")
    return parser.parse_args()


def _rows(found: list[dict[str, Took]]) -> list[dict[str, Any]]:
    """Take the median round of each; the factor is that of medians."""
    rates = {name: float(np.median([one[name].rate for one in found])) for name in found[0]}
    losses = {name: took.losses for name, took in found[0].items()}
    return [
        {
            "name": name,
            "clips_per_s": rate,
            "rounds": [one[name].rate for one in found],
            "factor": rate / rates[PLAIN],
            "away": float(np.abs(np.subtract(losses[name], losses[PLAIN])).max()) if losses[name] else None,
        }
        for name, rate in rates.items()
    ]


def _table(rows: list[dict[str, Any]], case: Case, on: str) -> Table:
    of = "CPU second" if on == "cpu" else "second"
    laid = Table(
        f"{case.model}, {case.pixels} pixels", f"clips per {of}", "times the plain loop", "losses away by at most"
    )
    for row in rows:
        away = "-" if row["away"] is None else f"{row['away']:.1g}"
        laid.add_row(row["name"], f"{row['clips_per_s']:.2f}", f"{row['factor']:.2f}", away)
    return laid


def _bounded(bound: Limit, rows: list[dict[str, Any]]) -> str:
    """Say what the loops are measured against.

    >>> rows = [{"name": PLAIN, "clips_per_s": 20.0}]
    >>> _bounded(Limit(2.0, {"float32": 100.0}), rows)
    'A clip is 2.00 GFLOP. Multiplying and nothing else: float32 50 clips/s, 2.5x plain.'
    """
    plain = next(row["clips_per_s"] for row in rows if row["name"] == PLAIN)
    rates = {kind: gflop_per_s / bound.gflop for kind, gflop_per_s in bound.gflop_per_s.items()}
    said = "; ".join(f"{kind} {rate:.0f} clips/s, {rate / plain:.1f}x plain" for kind, rate in rates.items())
    return f"A clip is {bound.gflop:.2f} GFLOP. Multiplying and nothing else: {said}."


if __name__ == "__main__":
    sys.exit(main())
