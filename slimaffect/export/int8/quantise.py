"""A float32 graph in, the int8 graphs out: equalised, corrected and calibrated as the precision says."""

import logging
import tempfile
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto
from onnxruntime.quantization.calibrate import TensorData, TensorsData

from slimaffect.data.clips import Clips
from slimaffect.errors import ExportError
from slimaffect.export.int8.calibrate import choose_ranges, mean_inputs, sample
from slimaffect.export.int8.correct import corrected
from slimaffect.export.int8.equalise import equalised
from slimaffect.export.int8.layers import layers
from slimaffect.export.int8.write import rewritten, with_raw_planes
from slimaffect.train.candidate import Precision


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A float32 graph whose activations have ranges: whatever layers are to be int8, they are only written down."""

    model: ModelProto
    ranges: TensorsData

    def for_cpus(self, kept: Collection[str] = ()) -> ModelProto:
        """Write u8 activations and s8 weights; the kept layers stay in float32."""
        return with_raw_planes(self.as_trained(kept), self.model)

    def as_trained(self, kept: Collection[str] = ()) -> ModelProto:
        """Write the same with the rounding of the planes spelled out: what training follows."""
        with _on_disk(self.model) as source:
            return rewritten(source, self.ranges, symmetric=False, kept=kept)

    def for_tensorrt(self, kept: Collection[str] = ()) -> ModelProto:
        """Write symmetric s8 activations and weights; the kept layers stay in float32."""
        with _on_disk(self.model) as source:
            return rewritten(source, self.ranges, symmetric=True, kept=kept)


def quantise(model: ModelProto, clips: Clips, precision: Precision, seed: int) -> dict[str, ModelProto]:
    """Quantise a float32 graph on some of the clips; answers the flavours `u8s8` and `s8s8`.

    Raises:
        ExportError: there is no clip to calibrate on, or the graph has not what was learned or kept.
    """
    found = calibrated(model, clips, precision, seed)
    return {"u8s8": found.for_cpus(precision.kept), "s8s8": found.for_tensorrt(precision.kept)}


def calibrated(model: ModelProto, clips: Clips, precision: Precision, seed: int) -> Calibrated:
    """Equalise and correct the graph if asked, and choose the ranges of its activations.

    Raises:
        ExportError: there is no clip to calibrate on, or the graph has not what was learned or kept.
    """
    count = precision.calibration_clips
    if not len(clips) or count < 1:
        raise ExportError(f"int8 needs clips to calibrate on; {len(clips)} were given and {count} asked for.")
    model = equalised(model) if precision.equalise else model
    batches = sample(clips, count, seed)
    with _on_disk(model) as source:
        ranges = choose_ranges(source, batches, precision.ranges)
        model = corrected(model, mean_inputs(source, batches)) if precision.correct_bias else model
    _refuse_strangers(model, ranges, precision)
    ranges.data.update(_learned(model, precision))
    return Calibrated(model, ranges)


def _refuse_strangers(model: ModelProto, ranges: TensorsData, precision: Precision) -> None:
    """Refuse names that this graph has not.

    Raises:
        ExportError: naming them, and what there is.
    """
    for what, names, known in (
        ("keeps the layers", precision.kept, set(layers(model))),
        ("has learned ranges of", precision.learned, set(ranges.data)),
    ):
        if strange := sorted(set(names) - known):
            raise ExportError(
                f"int8 {what} {', '.join(strange)}, which the exported graph does not have; it has "
                f"{', '.join(sorted(known))}. The model or torch has changed since: run the quantise step again."
            )


def _learned(model: ModelProto, precision: Precision) -> dict[str, TensorData]:
    """Take the learned ranges, also for what only gives a tensor another shape."""
    ranges = dict(precision.learned)
    for node in model.graph.node:
        if node.op_type in {"Reshape", "MaxPool"} and node.input[0] in ranges:
            ranges.setdefault(node.output[0], ranges[node.input[0]])
    return {name: TensorData(lowest=np.float32(low), highest=np.float32(high)) for name, (low, high) in ranges.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's notes on its own internals from the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def _on_disk(model: ModelProto) -> Iterator[Path]:
    """Lend the graph as a file, which is how ONNX Runtime's quantiser reads it."""
    with tempfile.TemporaryDirectory() as folder, _quiet():
        source = Path(folder) / "float.onnx"
        onnx.save(model, source)
        yield source
