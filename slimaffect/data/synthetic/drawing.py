"""Draw one recording frame by frame: a still head, moving features, pose, and the camera."""

from collections.abc import Iterator

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from slimaffect.data.synthetic import relief
from slimaffect.data.synthetic.behaviour import Behaviour
from slimaffect.data.synthetic.camera import Camera
from slimaffect.data.synthetic.canvas import HEIGHT, ORIGIN, SUBPIXEL, UNIT, WIDTH
from slimaffect.data.synthetic.face import Patch, Tint, patches
from slimaffect.data.synthetic.head import paint
from slimaffect.data.synthetic.identity import Identity
from slimaffect.data.synthetic.props import Overlay, glasses, hand, hand_place
from slimaffect.data.synthetic.scene import paint_scene

_SKIN = slice(36, 176), slice(28, 148)  # rows and columns of the canvas where folds and blood show
_COARSE = 2  # the map of a pose is smooth: every second canvas pixel is enough


def draw(
    person: Identity, behaviour: Behaviour, camera: Camera, background: str, random: np.random.Generator
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Yield the frames of one recording, blue-green-red, one per row of `behaviour`."""
    scene = paint_scene(background, camera, person, random)
    head = _Head(person, behaviour, camera, random)
    poses = _Poses(person, behaviour, camera)
    for frame in range(len(behaviour.light)):
        image = _behind(scene, poses.take(head.draw(frame), frame))
        yield camera.film(image, float(behaviour.light[frame]))


class _Head:
    """The canvas of one recording: skin with folds, features, glasses and hand, facing the camera."""

    def __init__(self, person: Identity, behaviour: Behaviour, camera: Camera, random: np.random.Generator) -> None:
        picture, bare = paint(person, camera.light, camera.ambient, random)
        self.still = np.clip(picture * (1, 1, 1, 255), 0, 255).astype(np.uint8)
        self.layers = _skin_layers(person, picture, bare)
        self.weights = _skin_weights(behaviour)
        self.patches: list[Patch] = patches(person, behaviour, Tint(picture, person))
        self.glasses: Overlay | None = glasses(person) if person.glasses else None
        self.hand = hand(np.array(person.skin) * 0.95)
        self.reach = behaviour.hand

    def draw(self, frame: int) -> UInt8[np.ndarray, "rows columns 4"]:
        canvas = self.still.copy()
        skin = canvas[_SKIN]
        skin[:] = cv2.convertScaleAbs(_blend(self.weights[frame], self.layers).reshape(len(skin), -1)).reshape(
            skin.shape
        )
        for patch in self.patches:
            if patch.shown[frame]:
                cv2.fillPoly(canvas, [patch.corners[frame]], patch.colour, cv2.LINE_AA, SUBPIXEL)
        if self.glasses:
            self.glasses.lay(canvas)
        if self.reach[frame] > 0.02:
            self.hand.lay_shifted(canvas, *hand_place(float(self.reach[frame])))
        return canvas


def _blend(weights: Float[np.ndarray, " layers"], layers: Float[np.ndarray, "layers values"]) -> np.ndarray:
    """Weighted sum of layers. Not `@`: BLAS would start threads, which fight the other workers for the cores."""
    return np.einsum("l,lv->v", weights, layers)


def _skin_layers(
    person: Identity, picture: Float[np.ndarray, "rows columns 4"], bare: Float[np.ndarray, "rows columns"]
) -> Float[np.ndarray, "layers values"]:
    """The skin and what each fold and the blood add to it, flat, so that one matrix-vector product shades a frame."""
    still = picture[_SKIN] * np.array([1, 1, 1, 255], np.float32)
    skin = still * bare[_SKIN][..., None] * np.array([1, 1, 1, 0], np.float32)
    folds = [skin * fold[_SKIN][..., None] for fold in relief.folds(person)]
    blood = skin * relief.blood(person)[_SKIN][..., None] * np.array([-0.16, -0.11, 0.05, 0], np.float32)
    return np.stack([layer.reshape(-1) for layer in (still, *folds, blood)])


def _skin_weights(behaviour: Behaviour) -> Float[np.ndarray, "frames layers"]:
    """How much of each layer a frame shows, in the order of `relief.folds`, then blood."""
    b = behaviour
    folds = [
        0.8 * b.au12 + 0.2 * b.au6,
        0.8 * (b.au1 + b.au2),
        b.au4,
        b.au6,
        0.5 * b.au12 + 0.6 * b.au6,
        b.au15 + 0.5 * b.au24,
    ]
    return np.stack([np.ones(len(b.light)), *(np.minimum(fold, 1.6) for fold in folds), b.flush], axis=1).astype(
        np.float32
    )


class _Poses:
    """Where each pixel of the video fetches its colour from, frame by frame."""

    def __init__(self, person: Identity, behaviour: Behaviour, camera: Camera) -> None:
        coarse = relief.fields(person)[:, ::_COARSE, ::_COARSE]
        rows, columns = np.mgrid[0:HEIGHT:_COARSE, 0:WIDTH:_COARSE]
        home = np.stack([columns, rows], axis=-1)[None]
        self.fields = np.concatenate([home, coarse]).reshape(1 + relief.FIELDS, -1).astype(np.float32)
        self.shape = (*rows.shape, 2)
        self.weights = _pose_weights(behaviour, camera)
        self.moves = _placements(behaviour, camera)
        self.size = camera.width, camera.height

    def take(self, canvas: UInt8[np.ndarray, "rows columns 4"], frame: int) -> UInt8[np.ndarray, "height width 4"]:
        """The canvas in this frame's pose, as the camera sees it."""
        coarse = _blend(self.weights[frame], self.fields).reshape(self.shape)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        fetch = cv2.warpAffine(coarse, self.moves[frame], self.size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        no_second = None  # both coordinates are in the first map; pyright: OpenCV's stubs do not know that
        return cv2.remap(canvas, fetch, no_second, cv2.INTER_LINEAR)  # pyright: ignore[reportCallIssue, reportArgumentType]


def _pose_weights(behaviour: Behaviour, camera: Camera) -> Float[np.ndarray, "frames fields"]:
    """Strength of each field of `relief.fields` in each frame, after the identity."""
    yaw = np.radians(behaviour.yaw + camera.angle[0])
    pitch = np.radians(behaviour.pitch + camera.angle[1])
    cheeks = 0.030 * np.minimum(behaviour.au6 + 0.5 * behaviour.au12, 2)
    weights = [np.ones_like(yaw), np.sin(yaw), np.sin(pitch), 0.11 * behaviour.au26, cheeks]
    return np.stack([*weights, 1 / np.cos(yaw) - 1, 1 / np.cos(pitch) - 1], axis=1).astype(np.float32)


def _placements(behaviour: Behaviour, camera: Camera) -> Float[np.ndarray, "frames 2 3"]:
    """From a pixel of the video to a pixel of the coarse canvas, as affine maps."""
    roll, scale = np.radians(behaviour.roll), UNIT / camera.unit
    cos, sin = scale * np.cos(roll), scale * np.sin(roll)
    x = camera.centre[0] + behaviour.x * camera.unit
    y = camera.centre[1] + behaviour.y * camera.unit
    rows = [[cos, sin, ORIGIN[0] - cos * x - sin * y], [-sin, cos, ORIGIN[1] + sin * x - cos * y]]
    return np.array(rows).transpose(2, 0, 1) / _COARSE


def _behind(scene: np.ndarray, head: UInt8[np.ndarray, "height width 4"]) -> UInt8[np.ndarray, "height width 3"]:
    """The head in front of the scene."""
    share = cv2.extractChannel(head, 3).astype(np.float32) * (1 / 255)
    return cv2.blendLinear(cv2.cvtColor(head, cv2.COLOR_BGRA2BGR), scene, share, 1 - share)
