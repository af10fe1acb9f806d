"""Weights of CNN and bottleneck in bfloat16, widened to float32 where they are read: half a file, on any runtime.

Computing in bfloat16 is legal nowhere that matters: ONNX's Conv takes it from opset 22 only and ONNX Runtime has no
such kernel (1.31), OpenVINO cannot convert it (2026.4), and TensorRT's parser refuses it (RTX 1.7). Kept weights that a
Cast widens are legal in all of them, and each widens them once, when it opens the file.
"""

import ml_dtypes
import onnx
import onnx.numpy_helper
from onnx import NodeProto, TensorProto, helper

FROM = "encoder."  # LSTM and head stay in float32, as in fp16 and int8


def narrowed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Round the encoder's weights to bfloat16 (8 digits of mantissa, to nearest) and widen each by a Cast."""
    graph, casts = model.graph, []
    for tensor in [tensor for tensor in graph.initializer if _wide(tensor)]:
        kept = f"{tensor.name}.bf16"
        values = onnx.numpy_helper.to_array(tensor).astype(ml_dtypes.bfloat16)
        casts.append(helper.make_node("Cast", [kept], [tensor.name], name=f"{tensor.name}.wide", to=TensorProto.FLOAT))
        raw = values.tobytes()
        tensor.CopyFrom(helper.make_tensor(kept, TensorProto.BFLOAT16, tensor.dims, raw, raw=True))
    nodes = [NodeProto.FromString(node.SerializeToString()) for node in (*casts, *graph.node)]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def _wide(tensor: TensorProto) -> bool:
    return tensor.name.startswith(FROM) and tensor.data_type == TensorProto.FLOAT and len(tensor.dims) > 1
