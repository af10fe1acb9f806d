"""The synthetic dataset: drawn faces in real video files, because real ones cannot be shipped."""

from slimaffect.data.synthetic.settings import SyntheticSettings
from slimaffect.data.synthetic.write import VERSION, synthesise

__all__ = ["VERSION", "SyntheticSettings", "synthesise"]
