"""Calibration: what a graph's activations are on clips of every training site and subject, and hence their ranges."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from jaxtyping import Float, UInt8
from onnx import helper
from onnxruntime.quantization import CalibrationDataReader
from onnxruntime.quantization.calibrate import TensorData, TensorsData, create_calibrator

from slimaffect.data.clips import Clips
from slimaffect.export.int8.layers import layers, raw_planes
from slimaffect.export.int8.ranges import BINS, CHOICES, Range
from slimaffect.runtime.session import Session, open_model
from slimaffect.train.candidate import Ranges

BATCH = 8  # clips that are calibrated on at a time; bounds the memory of the recorded activations
QUANTISED = ("Conv", "Relu", "Reshape", "Gemm", "MatMul", "Add", "MaxPool")  # and an LSTM stays float32


def spread(clips: Clips, count: int, seed: int) -> np.ndarray:
    """Draw clips in turn from every site, and within a site from every subject; answers their indices."""
    rng = np.random.default_rng(seed)
    people: dict[str, dict[str, list[int]]] = {}
    for index in rng.permutation(len(clips)):
        recording = clips.recordings[clips.windows[index, 0]]
        people.setdefault(recording.site, {}).setdefault(recording.subject, []).append(int(index))
    by_site = [_in_turn(list(people[site].values())) for site in sorted(people)]
    return np.asarray(_in_turn(by_site)[:count])


def _in_turn(lists: list[list[int]]) -> list[int]:
    """Deal from several lists, one from each in turn.

    >>> _in_turn([[1, 2, 3], [10]])
    [1, 10, 2, 3]
    """
    longest = max(map(len, lists), default=0)
    return [items[turn] for turn in range(longest) for items in lists if turn < len(items)]


def calibration_batches(clips: Clips, picked: np.ndarray) -> list[UInt8[np.ndarray, "batch time 3 height width"]]:
    """Copy the picked clips out of their recordings, `BATCH` at a time."""
    frames = [
        np.asarray(clips.recordings[recording].frames[start : start + clips.length])
        for recording, start in clips.windows[picked]
    ]
    return [np.stack(frames[i : i + BATCH]) for i in range(0, len(frames), BATCH)]


def sample(clips: Clips, count: int, seed: int) -> list[UInt8[np.ndarray, "batch time 3 height width"]]:
    """Copy clips of as many sites and subjects as there are."""
    return calibration_batches(clips, spread(clips, count, seed))


def choose_ranges(source: Path, batches: list[np.ndarray], ranges: Ranges) -> TensorsData:
    """Choose the range of each activation; the planes keep their whole range."""
    found = _extremes(source, batches)
    planes = raw_planes(onnx.load(source))
    if planes:
        found.data[planes] = _data((0.0, 255.0))
    if ranges != "minmax":
        seen = {name: _range(data) for name, data in found.data.items() if name != planes}
        for name, counts in _histograms(source, batches, seen).items():
            found.data[name] = _data(CHOICES[ranges](counts, *seen[name]))
    return found


def mean_inputs(source: Path, batches: list[np.ndarray]) -> dict[str, Float[np.ndarray, " channels"]]:
    """Average the input of each layer over everything but its channels."""
    model = onnx.load(source)
    names = sorted({layer.node.input[0] for layer in layers(model).values()})
    sums, values = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0)
    for seen in _activations(source, batches, names):
        for name, activation in seen.items():
            channels = np.moveaxis(activation, 1, 0).reshape(activation.shape[1], -1)
            sums[name] = sums[name] + channels.sum(1, dtype=np.float64)
            values[name] += channels.shape[1]
    return {name: np.asarray(sums[name]) / values[name] for name in names}


class _Reader(CalibrationDataReader):
    """Feeds the calibration: each clip's first half from rest, its second half from the state reached by then."""

    def __init__(self, session: Session, batches: list[np.ndarray]) -> None:
        self._feeds = _rollouts(session, batches)

    def get_next(self) -> dict[str, np.ndarray] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return next(self._feeds, None)  # None ends the calibration


def _rollouts(session: Session, batches: list[np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    for frames in batches:
        state = session.zero_state(len(frames))
        for half in np.array_split(frames, 2, axis=1):
            if not half.shape[1]:
                continue
            yield {"frames": half, **(dict(zip("hc", state, strict=True)) if state else {})}
            state = session.clip(half, state)[1]


def _extremes(source: Path, batches: list[np.ndarray]) -> TensorsData:
    """Record the smallest and largest value of each activation."""
    calibrator = create_calibrator(source, QUANTISED, augmented_model_path=str(source.with_suffix(".augmented.onnx")))
    calibrator.collect_data(_Reader(open_model(source, runtime="onnxruntime"), batches))
    return calibrator.compute_data()


def _histograms(source: Path, batches: list[np.ndarray], seen: dict[str, Range]) -> dict[str, np.ndarray]:
    """Count each activation in even bins from its smallest value to its largest."""
    counts = {name: np.zeros(BINS, np.int64) for name in seen}
    for activations in _activations(source, batches, list(seen)):
        for name, values in activations.items():
            counts[name] += np.histogram(values, BINS, seen[name])[0]
    return counts


def _activations(source: Path, batches: list[np.ndarray], names: list[str]) -> Iterator[dict[str, np.ndarray]]:
    """Answer the named activations, one clip at a time: all of them at once would fill the memory of a large net."""
    model = onnx.load(source)
    path = source.with_suffix(".seen.onnx")
    own = {port.name for port in model.graph.output}
    model.graph.output.extend(_port(name) for name in names if name not in own)
    onnx.save(model, path)
    session, order = open_model(path, runtime="onnxruntime"), [port.name for port in model.graph.output]
    for feed in _rollouts(session, [frames[i : i + 1] for frames in batches for i in range(len(frames))]):
        answered = dict(zip(order, session.infer(feed), strict=True))
        yield {name: answered[name] for name in names}


def _port(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)


def _range(data: TensorData) -> Range:
    """Widen the range seen to hold zero."""
    low, high = (float(np.min(part)) for part in data.range_value)
    return min(low, 0.0), max(high, low + 1e-6, 0.0)


def _data(found: Range) -> TensorData:
    return TensorData(lowest=np.float32(found[0]), highest=np.float32(found[1]))
