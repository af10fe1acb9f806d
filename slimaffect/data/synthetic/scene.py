"""What stands behind a drawn person: one kind of room per site, and the person's own shoulders."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from slimaffect.data.synthetic.camera import Camera
from slimaffect.data.synthetic.identity import Identity

Room = UInt8[np.ndarray, "height width 3"]


def paint_scene(kind: str, camera: Camera, person: Identity, random: np.random.Generator) -> Room:
    """A room out of focus with the person's shoulders in front, as this camera frames them."""
    room = _ROOMS[kind](np.zeros((camera.height, camera.width, 3), np.float32), random)
    room = cv2.GaussianBlur(room, (0, 0), 0.011 * camera.width) + random.normal(0, 4)
    _shoulders(room, camera, person)
    return np.clip(room, 0, 255).astype(np.uint8)


def _gradient(room: np.ndarray, top: tuple, bottom: tuple) -> np.ndarray:
    down = np.linspace(0, 1, room.shape[0], dtype=np.float32)[:, None, None]
    room[:] = np.array(top, np.float32) * (1 - down) + np.array(bottom, np.float32) * down
    return room


def _box(room: np.ndarray, box: tuple[float, float, float, float], colour: tuple) -> None:
    """Fill a rectangle given as left, top, right and bottom in shares of the picture."""
    height, width = room.shape[:2]
    left, top, right, bottom = box
    first, last = (round(left * width), round(top * height)), (round(right * width), round(bottom * height))
    cv2.rectangle(room, first, last, colour, cv2.FILLED)


def _office(room: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A warm wall, shelves with books, a plant."""
    _gradient(room, (186, 208, 222), (150, 178, 200))
    for shelf in (0.30, 0.62, 0.94):
        left = 0.66
        while left < 1.0:
            wide, high = random.uniform(0.018, 0.045), random.uniform(0.14, 0.25)
            colour = tuple(float(c) for c in random.uniform((50, 50, 50), (170, 160, 190)))
            _box(room, (left, shelf - high, left + wide, shelf), colour)
            left += wide + 0.004
        _box(room, (0.64, shelf, 1.0, shelf + 0.03), (60, 88, 120))
    for _ in range(16):
        place = random.uniform((0.02, 0.35), (0.17, 0.85)) * np.array(room.shape[1::-1])
        tilt, green = random.uniform(0, 180), random.uniform(0.7, 1.2)
        leaf = (0.06 * room.shape[1], 0.02 * room.shape[1])
        cv2.ellipse(
            room, (tuple(place), (2 * leaf[0], 2 * leaf[1]), tilt), (60 * green, 120 * green, 74 * green), cv2.FILLED
        )
    return room


def _laboratory(room: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A dim room with racks, lamps and the edge of a screen."""
    _gradient(room, (104, 98, 84), (74, 70, 62))
    for left in (0.02, 0.78):
        _box(room, (left, 0.05, left + 0.20, 1.0), (52, 50, 48))
        for row in np.arange(0.08, 0.95, 0.075):
            _box(room, (left + 0.015, row, left + 0.185, row + 0.05), tuple([float(random.uniform(62, 104))] * 3))
            lamp = (90, 220, 120) if random.random() < 0.6 else (60, 150, 240)
            _box(room, (left + 0.16, row + 0.015, left + 0.172, row + 0.03), lamp)
    _box(room, (0.34, 0.0, 0.66, 0.10), (214, 190, 150))
    return room


def _plain(room: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A seamless studio backdrop, brighter in the middle."""
    _gradient(room, (176, 168, 152), (140, 134, 124))
    down, across = np.mgrid[-1 : 1 : room.shape[0] * 1j, -1 : 1 : room.shape[1] * 1j]
    glow = np.exp(-0.5 * ((across - random.uniform(-0.3, 0.3)) ** 2 + (down + 0.2) ** 2) / 0.5)
    return room + (40 * glow[..., None]).astype(np.float32)


def _window(room: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Daylight from a window on the right, a curtain on the left."""
    _gradient(room, (150, 152, 156), (116, 118, 124))
    _box(room, (0.60, 0.04, 0.99, 0.80), (246, 240, 232))
    _box(room, (0.60, 0.48 + random.uniform(-0.04, 0.04), 0.99, 0.80), (196, 214, 204))
    for bar in (0.60, 0.79, 0.985):
        _box(room, (bar - 0.012, 0.04, bar + 0.012, 0.80), (206, 206, 210))
    _box(room, (0.58, 0.80, 1.0, 0.84), (222, 222, 224))
    for fold in np.arange(0.0, 0.24, 0.03):
        grey = np.array((136, 128, 120)) * random.uniform(0.85, 1.15)
        _box(room, (fold, 0.0, fold + 0.018, 1.0), tuple(grey.tolist()))
    return room


_ROOMS = {"office": _office, "laboratory": _laboratory, "plain": _plain, "window": _window}


def _shoulders(room: np.ndarray, camera: Camera, person: Identity) -> None:
    """A shirt with a collar, drawn over the room."""
    colour = np.array(person.shirt, np.float32)
    side = np.array([(0.30, 1.02), (0.52, 1.08), (0.95, 1.20), (1.30, 1.38), (1.50, 2.4)])
    collar = np.array([(0.30, 0.98), (0.50, 1.04), (0.44, 1.22), (0.16, 1.44), (0.10, 1.36)])
    _fill(room, camera, np.concatenate([side, side[::-1] * (-1, 1)]), colour)
    for mirror in (1, -1):
        _fill(room, camera, collar * (mirror, 1), colour * 0.78)


def _fill(room: np.ndarray, camera: Camera, points: Float[np.ndarray, "points 2"], colour: np.ndarray) -> None:
    """Fill a polygon given in head units, with smooth edges (OpenCV smooths edges of 8-bit pictures only)."""
    mask = np.zeros(room.shape[:2], np.uint8)
    corners = np.rint((points * camera.unit + np.array(camera.centre)) * 16).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, 4)
    down = np.clip((np.arange(room.shape[0]) - camera.centre[1]) / camera.unit - 1.0, 0, 1)[:, None, None]
    share = mask[..., None].astype(np.float32) / 255
    room += share * (colour * (1.05 - 0.35 * down) - room)
