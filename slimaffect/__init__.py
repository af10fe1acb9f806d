"""slimaffect: make affect models cheap without making them worse."""

import os

# ONNX Runtime's packages report to their maker by default (1.31 does on Linux), with an identifier kept on disk.
# This variable is its full opt-out, and is read when it is first loaded. Faces of participants: nothing leaves.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = "0.1.0"
