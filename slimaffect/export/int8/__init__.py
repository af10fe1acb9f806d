"""Two int8 files from one calibration: u8 activations for CPUs, symmetric s8 for TensorRT.

Each is slow or refused on the other side: ONNX Runtime multiplies s8 by s8 some ten times slower than u8 by s8,
and TensorRT takes neither u8, nor a zero point, nor a quantised bias.
"""

from slimaffect.export.int8.calibrate import calibration_batches, sample, spread
from slimaffect.export.int8.quantise import Calibrated, calibrated, quantise

__all__ = ["Calibrated", "calibrated", "calibration_batches", "quantise", "sample", "spread"]
