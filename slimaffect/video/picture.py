"""One decoded image, kept in the colour planes it was decoded to: only the crop is turned into RGB."""

from dataclasses import dataclass
from functools import cache

import av
import cv2
import numpy as np
from av.video.plane import VideoPlane
from jaxtyping import Float, UInt8

Plane = UInt8[np.ndarray, "_ _"]  # planes of one picture differ in size

LARGEST = 1920  # pixels; a longer picture is halved when read: frames wait in memory for the next detection
PLANAR = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuva420p", "yuva422p", "yuva444p"}
NO_COLOUR = np.full((2, 2), 128, np.uint8)
FULL_RANGE = 2  # AVCOL_RANGE_JPEG
# Red and blue weights of luma by AVCOL_SPC number (ITU-R BT.709, BT.601 twice, BT.2020).
LUMA_WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright image as three planes; the second and third may be smaller (chroma).

    Attributes:
        planes: luma and two chroma planes, or red, green and blue.
        width: width as shown, in pixels (rotation and pixel shape honoured).
        height: height as shown, in pixels.
        to_rgb: affine map from the three planes' values to red, green and blue.
    """

    planes: tuple[Plane, Plane, Plane]
    width: int
    height: int
    to_rgb: Float[np.ndarray, "3 4"]

    def grey(self, longest: int) -> UInt8[np.ndarray, "rows columns"]:
        """The luma plane (or green) at a size whose longer side is at most `longest` pixels."""
        size = self._within(longest)
        luma = self.planes[0 if self.to_rgb[1, 0] else 1]
        while min(luma.shape[1] / size[0], luma.shape[0] / size[1]) >= 2:  # eight times as quick as in one go
            luma = cv2.resize(luma, (luma.shape[1] // 2, luma.shape[0] // 2), interpolation=cv2.INTER_AREA)
        return luma if luma.shape == size[::-1] else cv2.resize(luma, size, interpolation=cv2.INTER_AREA)

    def small(self, longest: int) -> UInt8[np.ndarray, "rows columns 3"]:
        """The whole picture as RGB at a size whose longer side is at most `longest` pixels."""
        return self._rgb(self._within(longest), cv2.INTER_AREA)

    def _within(self, longest: int) -> tuple[int, int]:
        share = min(1.0, longest / max(self.width, self.height))
        return max(1, round(self.width * share)), max(1, round(self.height * share))

    def rgb(self) -> UInt8[np.ndarray, "rows columns 3"]:
        """The whole picture as RGB, at the size it is shown."""
        return self._rgb((self.width, self.height), cv2.INTER_LINEAR)

    def _rgb(self, size: tuple[int, int], how: int) -> UInt8[np.ndarray, "rows columns 3"]:
        planes = [p if p.shape == size[::-1] else cv2.resize(p, size, interpolation=how) for p in self.planes]
        return cv2.transform(cv2.merge(planes), self.to_rgb)

    @staticmethod
    def of_rgb(image: UInt8[np.ndarray, "rows columns 3"]) -> "Picture":
        """Wrap an RGB image, e.g. a camera's."""
        red, green, blue = cv2.split(image)
        return Picture((red, green, blue), image.shape[1], image.shape[0], np.eye(3, 4))


def picture(frame: av.VideoFrame, *, turns: int = 0, pixel_aspect: float = 1.0) -> Picture:
    """Read a decoded frame without copying its planes where that is possible.

    Args:
        frame: any pixel format; those with more than 8 bits or packed colours are converted first.
        turns: quarter turns clockwise that bring the frame upright.
        pixel_aspect: width of a pixel over its height.
    """
    name = frame.format.name
    if name.startswith("gray"):
        luma = _plane((frame if name == "gray" else frame.reformat(format="gray")).planes[0])
        planes = (luma, NO_COLOUR, NO_COLOUR)
    elif name.startswith(("yuv", "nv", "p0")):
        even = frame if name in PLANAR else frame.reformat(format="yuv420p")
        luma, blue, red = even.planes[:3]
        planes = (_plane(luma), _plane(blue), _plane(red))
    else:
        return _upright(Picture.of_rgb(frame.to_ndarray(format="rgb24")), turns, pixel_aspect)
    return _upright(Picture(planes, frame.width, frame.height, _yuv_to_rgb(frame)), turns, pixel_aspect)


def _plane(plane: VideoPlane) -> Plane:
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]


def _upright(image: Picture, turns: int, pixel_aspect: float) -> Picture:
    width, height = max(1, round(image.width * pixel_aspect)), image.height
    planes = image.planes
    if max(width, height) > LARGEST:
        width, height = width // 2, height // 2
        planes = tuple(cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for p in planes)
    if turns % 4:
        planes = tuple(np.ascontiguousarray(np.rot90(p, -turns)) for p in planes)
        width, height = (height, width) if turns % 2 else (width, height)
    return Picture(planes, width, height, image.to_rgb)  # pyright: ignore[reportArgumentType]  (as many as there were)


def _yuv_to_rgb(frame: av.VideoFrame) -> Float[np.ndarray, "3 4"]:
    """The map from this frame's luma and chroma to red, green and blue."""
    untagged = int(frame.color_range) == 0 and frame.format.name.startswith(("yuvj", "gray"))
    full = int(frame.color_range) == FULL_RANGE or untagged
    # Untagged video: players take BT.709 for high definition and BT.601 below.
    return _inverse_of_luma(
        *LUMA_WEIGHTS.get(int(frame.colorspace), LUMA_WEIGHTS[1 if frame.height >= 720 else 6]), full
    )


@cache
def _inverse_of_luma(red: float, blue: float, full: bool) -> Float[np.ndarray, "3 4"]:
    """The inverse of the luma equations (ITU-R BT.601, BT.709, BT.2020); the same for all frames of a video."""
    green = 1 - red - blue
    luma, chroma, black = (1.0, 1.0, 0.0) if full else (255 / 219, 255 / 224, 16.0)
    to_red, to_blue = 2 * (1 - red) * chroma, 2 * (1 - blue) * chroma
    matrix = np.array(
        [
            [luma, 0, to_red],
            [luma, -to_blue * blue / green, -to_red * red / green],
            [luma, to_blue, 0],
        ]
    )
    return np.column_stack([matrix, -matrix @ [black, 128, 128]])
