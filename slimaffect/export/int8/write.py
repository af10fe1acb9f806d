"""From a float32 graph and its ranges to the two int8 graphs, by ONNX Runtime's own quantiser."""

from collections.abc import Collection
from pathlib import Path

from onnx import ModelProto
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.calibrate import TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.quant_utils import load_model_with_shape_infer

from slimaffect.export.graph import without_unused
from slimaffect.export.int8.calibrate import QUANTISED
from slimaffect.export.int8.layers import head, layers, raw_planes

# What TensorRT wants: no zero point, no quantised bias, and nothing rounded between a layer and its ReLU.
FOR_TENSORRT = {
    "ActivationSymmetric": True,
    "WeightSymmetric": True,
    "QuantizeBias": False,
    "OpTypesToExcludeOutputQuantization": ["Conv", "Gemm", "MatMul", "Add"],
}


def rewritten(source: Path, ranges: TensorsData, *, symmetric: bool, kept: Collection[str] = ()) -> ModelProto:
    """Put QuantizeLinear and DequantizeLinear around every layer but the head and the kept ones.

    `symmetric` writes the graph for TensorRT, otherwise the one for CPUs.
    """
    model = load_model_with_shape_infer(source)
    found = layers(model)
    exclude = [*head(model), *(found[name].node.name for name in kept)]
    activation = QuantType.QInt8 if symmetric else QuantType.QUInt8
    options = FOR_TENSORRT if symmetric else {}
    quantiser = QDQQuantizer(  # per channel, and weights of 7 bits and a sign (`layers.LARGEST`)
        model, True, True, QuantType.QInt8, activation, ranges, [], exclude, list(QUANTISED), options
    )
    quantiser.quantize_model()
    quantiser.model.topological_sort()
    return model


def with_raw_planes(model: ModelProto, source: ModelProto) -> ModelProto:
    """Feed uint8 planes straight into the first DequantizeLinear: cast and rounding change nothing.

    That is so because the planes' range was set to 0 ... 255: step 1 and zero point 0, the uint8 that they already are.
    Left as it is where the net normalises its planes, or where the first layer is kept in float32.
    """
    planes = raw_planes(source)
    rounding = next((n for n in model.graph.node if n.op_type == "QuantizeLinear" and n.input[0] == planes), None)
    if rounding is None:
        return model
    cast = next(node for node in model.graph.node if node.op_type == "Cast")
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name in {cast.output[0], rounding.output[0]}:
                node.input[index] = cast.input[0] if name == cast.output[0] else planes or ""
    model.graph.node.remove(rounding)
    model.graph.node.remove(cast)
    del model.graph.value_info[:]  # it says that the planes are float
    return without_unused(model)
