"""Bundle and frames in, affect out. Nothing here imports torch, so what deploys stays small."""

from slimaffect.runtime.predictor import Predictor
from slimaffect.runtime.stream import Affect, Stream

__all__ = ["Affect", "Predictor", "Stream"]
