"""The benchmark protocol: bundles and ONNX files side by side, in fresh processes, against themselves first."""
