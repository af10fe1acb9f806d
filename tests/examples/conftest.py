"""The bundle and the frames of the runtime's own tests."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("shipping", Path(__file__).parents[1] / "runtime" / "conftest.py")
_shipping = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_shipping)

shipped, frames, cache = _shipping.shipped, _shipping.frames, _shipping.cache
