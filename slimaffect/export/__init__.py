"""A candidate as files that deploy: ONNX in four flavours, TensorRT engines, and the bundle that holds them."""

from slimaffect.export.onnx import Away, Exported, export

__all__ = ["Away", "Exported", "export"]
