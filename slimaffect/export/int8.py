"""Two int8 files from one calibration: u8 activations for CPUs, symmetric s8 for TensorRT.

Each is slow or refused on the other side: ONNX Runtime multiplies s8 by s8 some ten times slower than u8 by s8,
and TensorRT takes neither u8, nor a zero point, nor a quantised bias.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from jaxtyping import UInt8
from onnxruntime.quantization import CalibrationDataReader, QuantType
from onnxruntime.quantization.calibrate import TensorData, TensorsData, create_calibrator
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.quant_utils import load_model_with_shape_infer

from slimaffect.data.clips import Clips
from slimaffect.errors import ExportError
from slimaffect.export.graph import quiet, without_unused
from slimaffect.runtime.session import Session, open_model

BATCH = 8  # clips that are calibrated on at a time; bounds the memory of the recorded activations
QUANTISED = ("Conv", "Relu", "Reshape", "Gemm", "MatMul", "Add", "MaxPool")  # and an LSTM stays float32


def quantise(model: onnx.ModelProto, clips: Clips, count: int, seed: int) -> dict[str, onnx.ModelProto]:
    """Quantise a float32 graph on `count` of the clips; answers the flavours `u8s8` and `s8s8`.

    Raises:
        ExportError: there is no clip to calibrate on.
    """
    if not len(clips) or count < 1:
        raise ExportError(f"int8 needs clips to calibrate on; {len(clips)} were given and {count} asked for.")
    with tempfile.TemporaryDirectory() as folder, quiet():
        source = Path(folder) / "float.onnx"
        onnx.save(model, source)
        batches = calibration_batches(clips, spread(clips, count, seed))
        ranges = _ranges(source, batches)
        return {"u8s8": _rewritten(source, ranges, symmetric=False), "s8s8": _rewritten(source, ranges, symmetric=True)}


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


def _ranges(source: Path, batches: list[np.ndarray]) -> TensorsData:
    """Record the smallest and largest value of each activation; the planes keep their whole range."""
    calibrator = create_calibrator(source, QUANTISED, augmented_model_path=str(source.with_suffix(".augmented.onnx")))
    calibrator.collect_data(_Reader(open_model(source, runtime="onnxruntime"), batches))
    ranges = calibrator.compute_data()
    planes = _raw_planes(onnx.load(source))
    if planes:
        ranges.data[planes] = TensorData(lowest=np.float32(0), highest=np.float32(255))
    return ranges


def _rewritten(source: Path, ranges: TensorsData, *, symmetric: bool) -> onnx.ModelProto:
    model = load_model_with_shape_infer(source)
    # a quantised bias is what TensorRT refuses; quantised activations without zero point are what it wants
    options = {"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False} if symmetric else {}
    planes, activation = _raw_planes(model), QuantType.QInt8 if symmetric else QuantType.QUInt8
    quantiser = QDQQuantizer(
        model, True, False, QuantType.QInt8, activation, ranges, [], _head(model), list(QUANTISED), options
    )
    quantiser.quantize_model()
    quantiser.model.topological_sort()
    return model if symmetric or not planes else _without_first_rounding(model, planes)


def _head(model: onnx.ModelProto) -> list[str]:
    """Name the nodes from the last matrix product on: quantised, the answer would fall on 256 levels."""
    last = max(i for i, node in enumerate(model.graph.node) if node.op_type in {"Gemm", "MatMul"})
    return [node.name for node in model.graph.node[last:]]


def _raw_planes(model: onnx.ModelProto) -> str | None:
    """Name the first convolution's input where that is the pixels as they come, cast and reshaped only."""
    makers = {name: node for node in model.graph.node for name in node.output}
    planes = next(node for node in model.graph.node if node.op_type == "Conv").input[0]
    maker = makers[planes]
    while maker.op_type == "Reshape":
        maker = makers[maker.input[0]]
    return planes if maker.op_type == "Cast" else None


def _without_first_rounding(model: onnx.ModelProto, planes: str) -> onnx.ModelProto:
    """Feed uint8 planes straight into the first DequantizeLinear: cast and rounding change nothing.

    That is so because the planes' range was set to 0 ... 255: step 1 and zero point 0, the uint8 that they already are.
    """
    cast = next(node for node in model.graph.node if node.op_type == "Cast")
    rounding = next(node for node in model.graph.node if node.op_type == "QuantizeLinear" and node.input[0] == planes)
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name in {cast.output[0], rounding.output[0]}:
                node.input[index] = cast.input[0] if name == cast.output[0] else planes
    model.graph.node.remove(rounding)
    model.graph.node.remove(cast)
    del model.graph.value_info[:]  # it says that the planes are float
    return without_unused(model)
