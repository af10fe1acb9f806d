"""Faces in any pose, with five landmarks, by YuNet (Wu et al. 2023, doi:10.1007/s11633-023-1423-y) in OpenCV."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from slimaffect.errors import ModelError
from slimaffect.video.align import aligned, square
from slimaffect.video.box import Box
from slimaffect.video.decode import Frame
from slimaffect.video.settings import FaceSettings

LONGEST = 320  # pixels of the picture's longer side; the network is made for faces of 10 to 300
SURE = 0.7  # score from which something is a face: a false face spoils a track, a missed one is bridged
SAME = 0.3  # overlap from which two findings are one
LARGEST = 64 << 20  # bytes of a model file; the published one has 232,589
PUBLISHED = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"  # face_detection_yunet_2023mar.onnx
GET_IT = (
    "Take face_detection_yunet_2023mar.onnx (MIT) from https://github.com/opencv/opencv_zoo, "
    f"and set data.faces.model to its path and data.faces.sha256 to {PUBLISHED}; or use detector: haar, which needs "
    "no file."
)


class YunetDetector:
    """YuNet on the whole picture in colour, wherever the face was last."""

    def __init__(self, settings: FaceSettings) -> None:
        """Load the network from a file whose hash is the declared one.

        Raises:
            ModelError: the file is not declared, missing, another one, or no YuNet.
        """
        self.settings = settings
        self.network = _network(verified(settings.model, settings.sha256), str(settings.model))

    def see(self, frame: Frame, near: Box | None = None) -> list[Box]:  # noqa: ARG002 - as the protocol has it
        """Faces in shown pixels, framed by `grow` and `drop`, largest first."""
        small = frame.picture.small(LONGEST)
        enlarged = frame.picture.width / small.shape[1]
        rows = self._rows(small)
        boxes = [self._box(row) for row in rows]
        smallest = self.settings.smallest * min(small.shape[:2])
        kept = sorted((box for box in boxes if box.size >= smallest), key=lambda box: -box.size)
        return [box.scaled(enlarged).framed(self.settings.grow, self.settings.drop) for box in kept]

    def _rows(self, small: UInt8[np.ndarray, "rows columns 3"]) -> Float[np.ndarray, "faces 15"]:
        self.network.setInputSize((small.shape[1], small.shape[0]))
        _, rows = self.network.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        return np.zeros((0, 15)) if rows is None else rows.astype(np.float64)

    def _box(self, row: Float[np.ndarray, " 15"]) -> Box:
        """One row of OpenCV: rectangle, five points (the left of the picture first), score."""
        score = float(row[14])
        if self.settings.align:
            return aligned(row[4:14].reshape(5, 2), score)
        x, y, width, height = map(float, row[:4])
        return square(x, y, width, height, score)


def verified(model: str | None, sha256: str | None) -> bytes:
    """Read a model file whose sha256 is declared.

    Raises:
        ModelError: it is not declared, missing, too large, or another file.
    """
    if model is None or sha256 is None:
        missing = " and ".join(f"faces.{n}" for n, given in (("model", model), ("sha256", sha256)) if given is None)
        raise ModelError(f"detector: yunet needs {missing}, and none is set. {GET_IT}")
    path = Path(model).expanduser()
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file (data.faces.model). {GET_IT}")
    if path.stat().st_size > LARGEST:
        raise ModelError(f"{path}: has {path.stat().st_size} bytes, a YuNet at most {LARGEST}. {GET_IT}")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelError(
            f"{path}: its sha256 is {found}, but data.faces.sha256 declares {sha256}. "
            f"If you changed the file on purpose, declare the new hash. {GET_IT}"
        )
    return content


def _network(content: bytes, name: str) -> cv2.FaceDetectorYN:
    try:
        buffer, nothing = np.frombuffer(content, np.uint8), np.zeros(0, np.uint8)
        network = cv2.FaceDetectorYN.create("onnx", buffer, nothing, (LONGEST, LONGEST), SURE, SAME)
        network.detect(np.zeros((LONGEST, LONGEST, 3), np.uint8))  # a wrong network shows only when it runs
    except cv2.error as error:
        cause = str(error).strip().splitlines()[0]
        raise ModelError(f"{name}: OpenCV {cv2.__version__} cannot run it as YuNet ({cause}). {GET_IT}") from error
    return network
