"""What other tools make of the same teacher: NNCF, ONNX Runtime's quantiser, torchao, torch-pruning, plain torch."""

import copy
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from shared.readers import CHUNK, Reader, State, Step
from torch import Tensor, nn

from slimaffect.data import Clips
from slimaffect.model.count import macs_per_frame
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import ModelSpec


def calibration(clips: Clips, count: int, hidden: int) -> list[dict[str, np.ndarray]]:
    """Take every so many clips, each from rest: what all quantisers here are calibrated on."""
    rest = np.zeros((1, 1, hidden), np.float32)
    picked = clips.windows[np.linspace(0, len(clips) - 1, count).astype(int)]
    found = [np.array(clips.recordings[r].frames[start : start + CHUNK])[None] for r, start in picked.tolist()]
    return [{"frames": frames, "h": rest, "c": rest} for frames in found]


def by_nncf(source: Path, feeds: list[dict[str, np.ndarray]], target: Path) -> Path:
    """Quantise after training with NNCF's defaults, for OpenVINO; answers the model's .xml."""
    import nncf  # pyright: ignore[reportMissingImports] (group peers)
    import openvino

    model = openvino.Core().read_model(source)
    quantised = nncf.quantize(model, nncf.Dataset(feeds), subset_size=len(feeds))
    openvino.save_model(quantised, target.with_suffix(".xml"), compress_to_fp16=False)
    return target.with_suffix(".xml")


def by_onnxruntime(source: Path, feeds: list[dict[str, np.ndarray]], target: Path, *, dynamic: bool) -> Path:
    """Quantise with ONNX Runtime's defaults, after the preparation that it advises."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_dynamic, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Feeds(CalibrationDataReader):
        def __init__(self) -> None:
            self.left: Iterator[dict[str, np.ndarray]] = iter(feeds)

        def get_next(self) -> dict[str, np.ndarray] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
            return next(self.left, None)

    prepared = target.with_suffix(".prepared.onnx")
    quant_pre_process(source, prepared, skip_symbolic_shape=True)
    model = onnx.load(prepared)
    del model.graph.value_info[:]  # with it `quantize_dynamic` (1.31) stops at shapes that it has changed itself
    onnx.save(model, prepared)
    if dynamic:
        quantize_dynamic(prepared, target)
    else:
        quantize_static(prepared, target, Feeds())
    prepared.unlink()
    return target


class _Stateful(nn.Module):
    """The net with its state spelled out, as `torch.export` likes it."""

    def __init__(self, net: AffectNet) -> None:
        super().__init__()
        self.net = copy.deepcopy(net).eval()

    def forward(self, frames: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        answer = self.net(frames, (h, c))
        assert answer.state is not None
        return answer.affect, *answer.state


def by_torchao(net: AffectNet, feeds: list[dict[str, np.ndarray]]) -> Reader:
    """Quantise with torchao's PT2E for x86 and compile with inductor; a compiled graph has one length each."""
    import torch._inductor.config as inductor
    from torchao.quantization.pt2e.quantize_pt2e import (  # pyright: ignore[reportMissingImports] (group peers)
        convert_pt2e,
        prepare_pt2e,
    )
    from torchao.quantization.pt2e.quantizer import (  # pyright: ignore[reportMissingImports]
        x86_inductor_quantizer as x86,
    )

    inductor.freezing, inductor.cpp.threads = True, 1  # pyright: ignore[reportAttributeAccessIssue]

    def compiled(frames: int) -> Step:
        given = [tuple(map(torch.from_numpy, (f["frames"][:, :frames], f["h"], f["c"]))) for f in feeds]
        example = (given[0][0].float() / 255, *given[0][1:])
        quantiser = x86.X86InductorQuantizer().set_global(x86.get_default_x86_inductor_quantization_config())
        with torch.no_grad():
            prepared = prepare_pt2e(torch.export.export(_Stateful(net), example).module(), quantiser)
            for clip, h, c in given:
                prepared(clip.float() / 255, h, c)
            run = torch.compile(convert_pt2e(prepared))

        def step(seen: np.ndarray, state: State) -> tuple[np.ndarray, State]:
            with torch.no_grad():
                affect, h, c = run(torch.from_numpy(seen).float() / 255, *map(torch.from_numpy, state))
            return affect.numpy().copy(), (h.numpy().copy(), c.numpy().copy())

        return step

    clip, frame = compiled(CHUNK), compiled(1)
    for size, step in ((CHUNK, clip), (1, frame)):  # compiling is part of the bill
        step(feeds[0]["frames"][:, :size].copy(), (feeds[0]["h"], feeds[0]["c"]))
    return Reader(clip, frame, net.spec.pixels, net.spec.lstm.hidden, None)


def by_torch_pruning(net: AffectNet, share: float) -> AffectNet:
    """Prune channels with torch-pruning's group magnitude, evenly, until the multiply-accumulates are the share.

    Only the CNN, from pixels to features: of the whole net torch-pruning 1.6.1 cuts the LSTM wrongly (IndexError), and
    without the LSTM one column where a flattened channel has sixteen.
    """
    import torch_pruning

    asked = share * macs_per_frame(net.spec)
    for ratio in np.arange(0.02, 0.9, 0.02):
        cut = copy.deepcopy(net).eval().requires_grad_(True)
        frames = torch.zeros(1, 3, net.spec.pixels, net.spec.pixels)
        importance = torch_pruning.importance.GroupMagnitudeImportance(p=2)
        how = {"importance": importance, "pruning_ratio": float(ratio), "ignored_layers": [cut.bottleneck]}
        torch_pruning.MagnitudePruner(_Encoder(cut), frames, **how).step()
        cut.spec, cut.cnn.outputs = spec_of(cut), cut.bottleneck.in_features
        if macs_per_frame(cut.spec) <= asked:
            return cut
    raise ValueError(f"no even ratio up to 0.9 comes down to {share:g} of the multiply-accumulates")


class _Encoder(nn.Module):
    """The net as torch-pruning can trace it: pixels in, features out."""

    def __init__(self, net: AffectNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, frames: Tensor) -> Tensor:
        return self.net.encode(frames)


def spec_of(net: AffectNet) -> ModelSpec:
    """Describe a plain CNN by its layers: a foreign tool leaves the spec behind."""
    widths = tuple(layer.out_channels for layer in net.cnn.modules() if isinstance(layer, nn.Conv2d))
    return net.spec.model_copy(update={"cnn": net.spec.cnn.model_copy(update={"widths": widths})})


def by_plain_torch(student: AffectNet, teacher: AffectNet, clips: Clips, *, cpu_s: float, seed: int) -> AffectNet:
    """Distil as a page of torch would: windows of clips, mean squared error to labels and to teacher, Adam.

    Given as much CPU time as it costs ours.
    """
    student, teacher = copy.deepcopy(student).train(), copy.deepcopy(teacher).eval()
    optimiser = torch.optim.Adam(student.parameters(), lr=1e-3)
    random, start = np.random.default_rng(seed), time.process_time()
    while time.process_time() - start < cpu_s:
        picked = clips.windows[random.integers(0, len(clips), 16)]
        parts = [(clips.recordings[r], slice(s, s + CHUNK)) for r, s in picked.tolist()]
        frames = torch.from_numpy(np.stack([np.array(one.frames[at]) for one, at in parts])).float() / 255
        affect = torch.from_numpy(np.stack([one.affect[at] for one, at in parts]).astype(np.float32))
        with torch.no_grad():
            told = teacher(frames).affect
        said, known = student(frames).affect, affect.isfinite()
        loss = 0.5 * F.mse_loss(said[known], affect[known]) + 0.5 * F.mse_loss(said, told)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return student.eval()
